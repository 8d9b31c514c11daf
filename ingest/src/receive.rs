//! Receive: reads what the broker sends and hands it on.
//!
//! Place on the way: first stage. What one read brought goes on together. When the queue behind it is full, nothing is
//! read, and the broker's window of unacknowledged messages fills; PINGREQs and PUBACKs go out all the same, since
//! [`acknowledge`] writes by itself.
//!
//! Invariants: each connection has a number, and a delivery's receipt carries it, so that nothing of an old connection
//! reaches a new one; the topics are asked for on every connection until the broker has confirmed them, and again
//! after it has lost the session.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use dustwatch_config::BrokerSettings;
use dustwatch_failpoint::{self as failpoint, Point};
use dustwatch_observation::{Clock, Time, TopicKind};
use tokio::sync::{mpsc, watch};

use crate::delivery::{Delivery, Hop, Receipt};
use crate::districts::Districts;
use crate::link::{self, Backoff};
use crate::mqtt::{self, ConnectionError, Packet, Reader, Target, Version, Writer};
use crate::stats::{Stats, add};
use crate::{IngestError, acknowledge};

/// Bytes kept of a payload that is too large: enough to see whose it is, too little to fill a disk.
const KEPT_OF_TOO_LARGE: usize = 1024;
/// Room in a packet beside its payload.
const BESIDE_PAYLOAD: usize = 72 * 1024;
/// A read that brought less than this found the socket empty.
const FILLED: usize = 64 * 1024;
/// Pause after such a read, for the socket to fill: a broker writes a message at a time, and a system call and a
/// wake-up for each is most of what receiving costs. It adds so much to the way from observed to queryable.
const PAUSE: Duration = Duration::from_millis(1);

/// Receive times this much ahead of the clock are told: it was put back.
const NOTED_AHEAD_MICROS: i64 = 1_000_000;

/// What is asked for, and whether the broker has confirmed it.
#[derive(Debug, Clone)]
pub(crate) struct Topics {
    districts: Districts,
    /// The group of a shared subscription.
    share: Option<String>,
    confirmed: watch::Sender<bool>,
}

impl Topics {
    /// Whether the broker has confirmed everything that was asked for.
    pub(crate) fn are_confirmed(&self) -> bool {
        *self.confirmed.borrow()
    }

    /// Waits until there are more.
    pub(crate) async fn grown(&mut self) {
        self.districts.grown().await;
    }

    /// Asks for all of them; one that is had already is only confirmed once more.
    pub(crate) async fn ask(&self, writer: &mut Writer) -> Result<(), ConnectionError> {
        self.confirmed.send_replace(false);
        let mut filters = self.districts.filters(TopicKind::Obs);
        filters.extend(self.districts.filters(TopicKind::Hj212));
        if let Some(group) = &self.share {
            filters
                .iter_mut()
                .for_each(|f| *f = format!("$share/{group}/{f}"));
        }
        tracing::info!(?filters, "asking for topics");
        writer.subscribe(&filters).await
    }
}

/// The first stage.
pub(crate) struct Receiver {
    target: Target,
    max_payload_bytes: usize,
    clock: Arc<dyn Clock>,
    stats: Arc<Stats>,
    topics: Topics,
    /// Number of the present connection.
    connection: u64,
    /// Time given to the delivery before: no two have the same, so that the later of two can be told.
    stamped: Time,
}

impl Receiver {
    /// A receiver for these topics; it connects when it runs.
    ///
    /// # Errors
    /// [`IngestError::Broker`] when the address cannot be used.
    pub(crate) fn new(
        broker: &BrokerSettings,
        districts: Districts,
        clock: Arc<dyn Clock>,
        stats: Arc<Stats>,
    ) -> Result<Self, IngestError> {
        let max_payload_bytes = broker.max_payload_bytes as usize;
        Ok(Self {
            target: Target {
                address: link::address(&broker.url)?,
                tls: broker.tls.clone(),
                version: match broker.share {
                    Some(_) => Version::V5,
                    None => Version::V4,
                },
                session_seconds: broker.session_expiry_seconds,
                client_id: broker.client_id.clone(),
                username: broker.username.clone(),
                password: broker.password.clone(),
                max_packet: max_payload_bytes + BESIDE_PAYLOAD,
            },
            max_payload_bytes,
            clock,
            stats,
            topics: Topics {
                districts,
                share: broker.share.clone(),
                confirmed: watch::channel(false).0,
            },
            connection: 0,
            stamped: Time::from_micros(i64::MIN),
        })
    }

    /// Whether the broker has confirmed the subscription.
    pub(crate) fn subscribed(&self) -> watch::Receiver<bool> {
        self.topics.confirmed.subscribe()
    }

    /// Receives until the senders of `receipts` are gone, or nobody takes deliveries and the broker is away: what is
    /// not taken is left to the broker, and comes again.
    pub(crate) async fn run(
        mut self,
        output: mpsc::Sender<Hop>,
        mut receipts: mpsc::UnboundedReceiver<Vec<Receipt>>,
    ) {
        let mut backoff = Backoff::default();
        let mut topics = self.topics.clone();
        loop {
            let error = match self
                .converse(&output, &mut receipts, &mut topics, &mut backoff)
                .await
            {
                Ok(()) => return,
                Err(_) if output.is_closed() => return,
                Err(error) => error,
            };
            self.stats.connected.store(false, Ordering::Relaxed);
            let wait = backoff.next(
                self.clock
                    .now()
                    .as_micros()
                    .unsigned_abs()
                    .wrapping_mul(0x9e37_79b9),
            );
            let wait_ms = wait.as_millis() as u64;
            if matches!(error, ConnectionError::SubscriptionRefused(_)) {
                tracing::error!(%error, wait_ms, "nothing is received, trying again");
            } else {
                tracing::warn!(%error, wait_ms, "broker connection lost, connecting again");
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// One connection from beginning to end; `Ok` when nothing is left to be acknowledged.
    async fn converse(
        &mut self,
        output: &mpsc::Sender<Hop>,
        receipts: &mut mpsc::UnboundedReceiver<Vec<Receipt>>,
        topics: &mut Topics,
        backoff: &mut Backoff,
    ) -> Result<(), ConnectionError> {
        let (mut reader, mut writer, session_present) = mqtt::open(&self.target).await?;
        self.connection += 1;
        add(&self.stats.connections, 1);
        self.stats.unacknowledged.store(0, Ordering::Relaxed);
        self.stats.connected.store(true, Ordering::Relaxed);
        tracing::info!(session_present, "connected to broker");
        if !session_present || !topics.are_confirmed() {
            topics.ask(&mut writer).await?;
        }
        let (connection, stats) = (self.connection, self.stats.clone());
        let ended = tokio::select! {
            lost = self.receive(&mut reader, output) => lost,
            ended = acknowledge::run(&mut writer, connection, receipts, topics, &stats) => ended,
        };
        // A broker that lets us in and refuses us the topics is not to be asked four times a second.
        if self.topics.are_confirmed() {
            backoff.reset();
        }
        ended
    }

    /// Reads and hands on; ends with the connection only.
    async fn receive(
        &mut self,
        reader: &mut Reader,
        output: &mpsc::Sender<Hop>,
    ) -> Result<(), ConnectionError> {
        let mut read = FILLED;
        loop {
            // What came with the handshake is there already.
            let deliveries = self.packets(reader)?;
            if !deliveries.is_empty() {
                if output.send(Hop::Deliveries(deliveries)).await.is_err() {
                    // Shutting down: the connection stays for the acknowledgements that still go out.
                    return std::future::pending().await;
                }
                failpoint::pass(Point::Received);
            }
            if read < FILLED {
                tokio::time::sleep(PAUSE).await;
            }
            read = reader.read().await?;
        }
    }

    /// The deliveries in what has been read.
    fn packets(&mut self, reader: &mut Reader) -> Result<Vec<Delivery>, ConnectionError> {
        let mut deliveries = Vec::new();
        while let Some((packet, cut)) = reader.next()? {
            match packet {
                Packet::Publish { topic, payload, id } => {
                    deliveries.push(self.delivery(topic, payload, cut, id));
                }
                Packet::Subscribed {
                    refused: Some(reason),
                } => {
                    return Err(ConnectionError::SubscriptionRefused(reason));
                }
                Packet::Subscribed { refused: None } => {
                    tracing::info!("subscribed");
                    self.topics.confirmed.send_replace(true);
                }
                Packet::Disconnect(reason) => return Err(ConnectionError::Disconnected(reason)),
                Packet::Connected { .. } | Packet::Other => {}
            }
        }
        add(&self.stats.messages, deliveries.len() as u64);
        let waiting = deliveries.iter().filter(|d| d.receipt.is_some()).count();
        add(&self.stats.unacknowledged, waiting as u64);
        if !deliveries.is_empty() {
            self.look_at_the_clock();
        }
        Ok(deliveries)
    }

    /// Receive times never go back while the process lives, so that the later of two deliveries can be told. Once the
    /// clock was put back they are ahead of it until it has caught up.
    fn look_at_the_clock(&self) {
        let ahead = self
            .stamped
            .as_micros()
            .saturating_sub(self.clock.now().as_micros());
        let ahead = if ahead < NOTED_AHEAD_MICROS {
            0
        } else {
            ahead.unsigned_abs()
        };
        let before = self.stats.clock_ahead_micros.swap(ahead, Ordering::Relaxed);
        if before == 0 && ahead > 0 {
            tracing::warn!(
                ahead_s = ahead / 1_000_000,
                "the clock was put back: receive times go on from where they were until it has caught up, or the \
                 next start"
            );
        }
    }

    fn delivery(&mut self, topic: String, payload: Bytes, cut: usize, id: Option<u16>) -> Delivery {
        self.stamped = self.clock.now().max(self.stamped.plus_micros(1));
        let sent = payload.len() + cut;
        Delivery {
            received_at: self.stamped,
            topic,
            payload: if sent > self.max_payload_bytes {
                // A copy, so that the rest does not stay in memory with it.
                Bytes::copy_from_slice(&payload[..payload.len().min(KEPT_OF_TOO_LARGE)])
            } else {
                payload
            },
            sent_bytes: u32::try_from(sent).unwrap_or(u32::MAX),
            receipt: id.map(|packet| Receipt {
                connection: self.connection,
                packet,
            }),
        }
    }
}
