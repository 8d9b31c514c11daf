//! Receive: polls the MQTT connection and hands deliveries on.
//!
//! Place on the way: first stage. The task does nothing but poll, so that the connection stays alive whatever the
//! rest does; what it cannot hand on stops the reading, and the broker's window of unacknowledged messages fills.
//!
//! Invariants: each connection has its number, and a delivery carries it; after a connection whose session the broker
//! did not keep, the subscription is asked for again, until the broker confirms it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dustwatch_observation::Clock;
use rumqttc::{
    AsyncClient, Event, EventLoop, Outgoing, Packet, Publish, QoS, SubscribeFilter, SubscribeReasonCode,
};
use tokio::sync::{mpsc, watch};

use crate::delivery::{Delivery, Hop, Receipt};
use crate::link::Backoff;
use crate::stats::{Stats, add};

/// Bytes kept of a payload that is too large: enough to see whose it is, too little to fill a disk.
const KEPT_OF_TOO_LARGE: usize = 1024;

/// The first stage.
pub(crate) struct Receiver {
    pub(crate) client: AsyncClient,
    pub(crate) eventloop: EventLoop,
    pub(crate) filters: Vec<String>,
    /// Larger payloads are cut, and rejected further on.
    pub(crate) max_payload_bytes: u32,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stats: Arc<Stats>,
    /// Number of the current connection, for the acknowledging stage.
    pub(crate) connection: Arc<AtomicU64>,
    /// Becomes true when the broker has confirmed the subscription.
    pub(crate) subscribed: watch::Sender<bool>,
}

impl Receiver {
    /// Polls until the client disconnects. Deliveries go to `output`; when nobody takes them any more, they are left
    /// to the broker, and the polling goes on for the acknowledgements that still go out.
    pub(crate) async fn run(mut self, output: mpsc::Sender<Hop>) {
        let mut output = Some(output);
        let mut backoff = Backoff::default();
        loop {
            match self.eventloop.poll().await {
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    if let Some(open) = &output
                        && self.forward(publish, open).await.is_err()
                    {
                        output = None;
                    }
                }
                Ok(Event::Incoming(Packet::ConnAck(ack))) => {
                    backoff.reset();
                    self.connected(ack.session_present);
                }
                Ok(Event::Incoming(Packet::SubAck(ack))) => self.subscription_answered(&ack.return_codes),
                Ok(Event::Outgoing(Outgoing::Disconnect)) => return,
                Ok(_) => {}
                Err(_) if output.as_ref().is_none_or(mpsc::Sender::is_closed) => return,
                Err(error) => {
                    let wait = backoff.next(
                        self.clock
                            .now()
                            .as_micros()
                            .unsigned_abs()
                            .wrapping_mul(0x9e37_79b9),
                    );
                    tracing::warn!(%error, wait_ms = wait.as_millis() as u64, "broker connection lost, connecting again");
                    tokio::time::sleep(wait).await;
                }
            }
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

    async fn forward(&mut self, publish: Publish, output: &mpsc::Sender<Hop>) -> Result<(), ()> {
        add(&self.stats.messages, 1);
        let sent_bytes = u32::try_from(publish.payload.len()).unwrap_or(u32::MAX);
        let too_large = sent_bytes > self.max_payload_bytes;
        let payload = if too_large {
            publish.payload.slice(..KEPT_OF_TOO_LARGE)
        } else {
            publish.payload
        };
        let delivery = Delivery {
            received_at: self.clock.now(),
            topic: publish.topic,
            payload,
            sent_bytes,
            receipt: Receipt {
                connection: self.connection.load(Ordering::Acquire),
                packet: publish.pkid,
            },
        };
        output.send(Hop::Delivery(delivery)).await.map_err(|_| ())
    }

    fn connected(&self, session_present: bool) {
        let number = self.connection.fetch_add(1, Ordering::AcqRel) + 1;
        add(&self.stats.connections, 1);
        tracing::info!(connection = number, session_present, "connected to broker");
        if session_present && *self.subscribed.borrow() {
            return;
        }
        self.subscribed.send_replace(false);
        let filters: Vec<SubscribeFilter> = self
            .filters
            .iter()
            .map(|f| SubscribeFilter::new(f.clone(), QoS::AtLeastOnce))
            .collect();
        // The queue may be full of acknowledgements; this task must not wait for itself.
        if self.client.try_subscribe_many(filters.clone()).is_err() {
            let client = self.client.clone();
            tokio::spawn(async move {
                let _ = client.subscribe_many(filters).await;
            });
        }
    }
}
