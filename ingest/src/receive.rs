//! Receive: polls the MQTT connection and hands deliveries on.
//!
//! Place on the way: first stage. The task does nothing but poll, so that the connection stays alive while the rest
//! works; when the queue behind it is full, it stops reading, and the broker's window of unacknowledged messages fills.
//!
//! Invariants: each connection has its own client, and a delivery's receipt holds it, so that nothing of an old
//! connection reaches a new one; after a connection whose session the broker did not keep, the subscription is asked
//! for again, until the broker confirms it.

use std::sync::Arc;

use dustwatch_config::BrokerSettings;
use dustwatch_observation::Clock;
use rumqttc::{
    AsyncClient, ConnAck, Event, EventLoop, Outgoing, Packet, Publish, QoS, SubscribeFilter,
    SubscribeReasonCode,
};
use tokio::sync::{mpsc, watch};

use crate::IngestError;
use crate::delivery::{Delivery, Hop, Receipt};
use crate::link::{self, Backoff};
use crate::stats::{Stats, add};

/// Bytes kept of a payload that is too large: enough to see whose it is, too little to fill a disk.
const KEPT_OF_TOO_LARGE: usize = 1024;
/// Acknowledgements in a client's queue.
const ACKS_IN_CLIENT: usize = 1024;

/// The first stage.
pub(crate) struct Receiver {
    broker: BrokerSettings,
    filters: Vec<String>,
    clock: Arc<dyn Clock>,
    stats: Arc<Stats>,
    eventloop: EventLoop,
    /// The client of the current connection.
    client: watch::Sender<AsyncClient>,
    /// Becomes true when the broker has confirmed the subscription.
    subscribed: watch::Sender<bool>,
}

impl Receiver {
    /// A receiver for these topics; it connects when it runs.
    ///
    /// # Errors
    /// [`IngestError::Broker`] when the address cannot be used.
    pub(crate) fn new(
        broker: &BrokerSettings,
        filters: Vec<String>,
        clock: Arc<dyn Clock>,
        stats: Arc<Stats>,
    ) -> Result<Self, IngestError> {
        let (client, eventloop) = link::connect(broker, "", true, ACKS_IN_CLIENT)?;
        Ok(Self {
            broker: broker.clone(),
            filters,
            clock,
            stats,
            eventloop,
            client: watch::channel(client).0,
            subscribed: watch::channel(false).0,
        })
    }

    /// The client of the current connection, whichever that is.
    pub(crate) fn client(&self) -> watch::Receiver<AsyncClient> {
        self.client.subscribe()
    }

    /// Whether the broker has confirmed the subscription.
    pub(crate) fn subscribed(&self) -> watch::Receiver<bool> {
        self.subscribed.subscribe()
    }

    /// Polls until the client disconnects. Deliveries go to `output`; when nobody takes them any more, they are left
    /// to the broker, and the polling goes on for the acknowledgements that still go out.
    pub(crate) async fn run(mut self, output: mpsc::Sender<Hop>) {
        let mut backoff = Backoff::default();
        loop {
            match self.eventloop.poll().await {
                Ok(Event::Incoming(Packet::Publish(publish))) if !output.is_closed() => {
                    // An error says that the receiving stage has just ended; the broker keeps the message.
                    let _ = output.send(Hop::Delivery(self.delivery(publish))).await;
                }
                Ok(Event::Incoming(Packet::ConnAck(ack))) => {
                    backoff.reset();
                    self.connected(&ack);
                }
                Ok(Event::Incoming(Packet::SubAck(ack))) => self.subscription_answered(&ack.return_codes),
                Ok(Event::Outgoing(Outgoing::Disconnect)) => return,
                Ok(_) => {}
                Err(_) if output.is_closed() => return,
                Err(error) => {
                    if let Err(error) = self.renew() {
                        tracing::error!(%error, "no new client for the broker");
                        return;
                    }
                    let wait = backoff.next(
                        self.clock
                            .now()
                            .as_micros()
                            .unsigned_abs()
                            .wrapping_mul(0x9e37_79b9),
                    );
                    let wait_ms = wait.as_millis() as u64;
                    tracing::warn!(%error, wait_ms, "broker connection lost, connecting again");
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// A new client in place of the one whose connection has ended; what waited in the old one is gone with it.
    fn renew(&mut self) -> Result<(), IngestError> {
        let (client, eventloop) = link::connect(&self.broker, "", true, ACKS_IN_CLIENT)?;
        self.eventloop = eventloop;
        self.client.send_replace(client);
        Ok(())
    }

    fn delivery(&self, publish: Publish) -> Delivery {
        add(&self.stats.messages, 1);
        let sent_bytes = u32::try_from(publish.payload.len()).unwrap_or(u32::MAX);
        let too_large = sent_bytes > self.broker.max_payload_bytes;
        Delivery {
            received_at: self.clock.now(),
            topic: publish.topic,
            payload: if too_large {
                publish.payload.slice(..KEPT_OF_TOO_LARGE)
            } else {
                publish.payload
            },
            sent_bytes,
            receipt: (publish.qos != QoS::AtMostOnce).then(|| Receipt {
                client: self.client.borrow().clone(),
                packet: publish.pkid,
            }),
        }
    }

    fn subscription_answered(&self, codes: &[SubscribeReasonCode]) {
        if codes.contains(&SubscribeReasonCode::Failure) {
            tracing::error!(filters = ?self.filters, "broker refused the subscription, check its access rules");
        } else {
            tracing::info!(filters = ?self.filters, "subscribed");
            self.subscribed.send_replace(true);
        }
    }

    fn connected(&self, ack: &ConnAck) {
        add(&self.stats.connections, 1);
        tracing::info!(session_present = ack.session_present, "connected to broker");
        if ack.session_present && *self.subscribed.borrow() {
            return;
        }
        self.subscribed.send_replace(false);
        let filters: Vec<SubscribeFilter> = self
            .filters
            .iter()
            .map(|f| SubscribeFilter::new(f.clone(), QoS::AtLeastOnce))
            .collect();
        let client = self.client.borrow().clone();
        // This task must not wait for itself, should the queue be full.
        if client.try_subscribe_many(filters.clone()).is_err() {
            tokio::spawn(async move {
                let _ = client.subscribe_many(filters).await;
            });
        }
    }
}
