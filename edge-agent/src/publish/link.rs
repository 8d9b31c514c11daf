//! The connection to the broker; the only file that knows the MQTT library.
//!
//! One task does nothing but poll the library and pass on what happens. A connection has a client of its own: what was
//! handed to it and not confirmed dies with it, and the [window](super::window) sends it again over the next one. So
//! nothing of an old connection ever reaches a new one out of order.
//!
//! Invariant: at most [`INFLIGHT`] messages are handed over and not delivered, so handing over never waits.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Outgoing,
    Packet, QoS, SubscribeFilter, SubscribeReasonCode, TlsConfiguration, Transport,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::backoff::Backoff;
use dustwatch_config::{BrokerAddress, ConfigError, TlsSettings};

/// Messages under way to the broker at once.
pub(crate) const INFLIGHT: u16 = 100;
/// Largest packet sent or received, in bytes.
const MAX_PACKET_BYTES: usize = 1 << 20;
/// Largest payload, in bytes: a packet without its topic and header.
pub(crate) const MAX_PAYLOAD_BYTES: usize = MAX_PACKET_BYTES - 1024;
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT_SECONDS: u64 = 5;
/// A connection that held this long was a good one.
const GOOD_AFTER: Duration = Duration::from_secs(10);

/// Where to connect and as whom.
#[derive(Clone)]
pub(crate) struct LinkOptions {
    pub(crate) broker: BrokerAddress,
    pub(crate) tls: Option<TlsSettings>,
    pub(crate) client_id: String,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    /// What to subscribe to on every connection: the confirmations,
    pub(crate) filter: String,
    /// and what an operator changes; a broker that does not let us hear that one costs nothing else.
    pub(crate) changes: Option<String>,
    /// Topic and payload that the broker publishes, retained, when we vanish.
    pub(crate) will: Option<(String, String)>,
}

/// What happens on the connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LinkEvent<T> {
    /// It stands; what was handed over before is gone.
    Up,
    /// It is gone; another attempt follows by itself.
    Down {
        /// Why.
        reason: String,
        /// The broker knows us and does not want us.
        refused: bool,
    },
    /// The broker has the message (PUBACK).
    Delivered(T),
    /// A message came in.
    Message {
        /// Its topic.
        topic: String,
        /// Its payload.
        payload: Vec<u8>,
        /// Whether the broker had kept it from before this connection.
        retained: bool,
    },
    /// The broker does not let us subscribe.
    SubscriptionRefused,
}

enum Raw {
    Up(AsyncClient),
    Down {
        reason: String,
        refused: bool,
    },
    Sent(u16),
    Delivered(u16),
    Message {
        topic: String,
        payload: Vec<u8>,
        retained: bool,
    },
    SubscriptionRefused,
}

/// The connection, kept up by a task of its own.
pub(crate) struct Link<T> {
    events: mpsc::Receiver<Raw>,
    task: JoinHandle<()>,
    client: Option<AsyncClient>,
    /// Handed over and not written yet, in order.
    handed: VecDeque<Option<T>>,
    /// Written and not delivered, by packet id.
    written: HashMap<u16, Option<T>>,
    filters: Vec<SubscribeFilter>,
}

impl<T> Link<T> {
    /// Starts to connect; [`LinkEvent::Up`] tells when it stands.
    pub(crate) fn open(options: LinkOptions) -> Self {
        let (sender, events) = mpsc::channel(1024);
        let filters = std::iter::once(&options.filter).chain(&options.changes);
        let filters = filters.map(|filter| SubscribeFilter::new(filter.clone(), QoS::AtLeastOnce));
        let filters = filters.collect();
        let task = tokio::spawn(keep_connected(options, sender));
        Self {
            events,
            task,
            client: None,
            handed: VecDeque::new(),
            written: HashMap::new(),
            filters,
        }
    }

    /// Whether [`Link::publish`] would take a message now.
    pub(crate) fn has_room(&self) -> bool {
        self.client.is_some() && self.handed.len() + self.written.len() < usize::from(INFLIGHT)
    }

    /// Hands a message over, at QoS 1. `false` when there is no room; nothing happened then.
    pub(crate) fn publish(&mut self, topic: &str, payload: Vec<u8>, token: Option<T>, retain: bool) -> bool {
        let Some(client) = self.client.as_ref().filter(|_| self.has_room()) else {
            return false;
        };
        if client
            .try_publish(topic, QoS::AtLeastOnce, retain, payload)
            .is_err()
        {
            return false;
        }
        self.handed.push_back(token);
        true
    }

    /// The next thing that happens. May be dropped at any time without losing anything.
    pub(crate) async fn next(&mut self) -> LinkEvent<T> {
        loop {
            let Some(raw) = self.events.recv().await else {
                std::future::pending::<()>().await;
                continue;
            };
            if let Some(event) = self.translate(raw) {
                return event;
            }
        }
    }

    /// What has happened already, without waiting.
    pub(crate) fn try_next(&mut self) -> Option<LinkEvent<T>> {
        loop {
            let raw = self.events.try_recv().ok()?;
            if let Some(event) = self.translate(raw) {
                return Some(event);
            }
        }
    }

    fn translate(&mut self, raw: Raw) -> Option<LinkEvent<T>> {
        match raw {
            Raw::Up(client) => {
                self.forget();
                // The channel is empty and larger than this, so it cannot fail.
                drop(client.try_subscribe_many(self.filters.clone()));
                self.client = Some(client);
                Some(LinkEvent::Up)
            }
            Raw::Down { reason, refused } => {
                self.forget();
                Some(LinkEvent::Down { reason, refused })
            }
            Raw::Sent(id) => {
                if let Some(token) = self.handed.pop_front() {
                    self.written.insert(id, token);
                }
                None
            }
            Raw::Delivered(id) => self.written.remove(&id).flatten().map(LinkEvent::Delivered),
            Raw::Message {
                topic,
                payload,
                retained,
            } => Some(LinkEvent::Message {
                topic,
                payload,
                retained,
            }),
            Raw::SubscriptionRefused => Some(LinkEvent::SubscriptionRefused),
        }
    }

    fn forget(&mut self) {
        self.client = None;
        self.handed.clear();
        self.written.clear();
    }

    /// Takes leave of the broker in good order, within `patience`.
    pub(crate) async fn close(mut self, patience: Duration) {
        let leave = async {
            while !(self.handed.is_empty() && self.written.is_empty()) {
                self.next().await;
            }
            let Some(client) = &self.client else { return };
            if client.try_disconnect().is_ok() {
                while !matches!(self.next().await, LinkEvent::Down { .. }) {}
            }
        };
        drop(tokio::time::timeout(patience, leave).await);
    }
}

impl<T> Drop for Link<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep_connected(options: LinkOptions, events: mpsc::Sender<Raw>) {
    let seed = crate::random::text_key(std::process::id().into(), &options.client_id);
    let mut backoff = Backoff::new(seed);
    loop {
        let started = Instant::now();
        let down = match mqtt_options(&options) {
            Ok(mqtt) => {
                let (client, eventloop) = AsyncClient::new(mqtt, usize::from(INFLIGHT) + 16);
                match poll(eventloop, client, &events).await {
                    Some(error) => down(&options, &error),
                    None => return,
                }
            }
            // A certificate that is just being renewed, for one: it is read again with the next attempt.
            Err(error) => Raw::Down {
                reason: error.to_string(),
                refused: false,
            },
        };
        if events.send(down).await.is_err() {
            return;
        }
        if started.elapsed() >= GOOD_AFTER {
            backoff.reset();
        }
        tokio::time::sleep(backoff.next()).await;
    }
}

/// Polls one connection to its end. `None` when nobody listens any more.
async fn poll(
    mut eventloop: EventLoop,
    client: AsyncClient,
    events: &mpsc::Sender<Raw>,
) -> Option<ConnectionError> {
    eventloop
        .network_options
        .set_connection_timeout(CONNECT_TIMEOUT_SECONDS);
    eventloop.network_options.set_tcp_nodelay(true);
    loop {
        let raw = match eventloop.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => Raw::Up(client.clone()),
            Ok(Event::Outgoing(Outgoing::Publish(id))) => Raw::Sent(id),
            Ok(Event::Incoming(Packet::PubAck(ack))) => Raw::Delivered(ack.pkid),
            Ok(Event::Incoming(Packet::Publish(message))) => Raw::Message {
                topic: message.topic,
                payload: message.payload.to_vec(),
                retained: message.retain,
            },
            // Codes are in the order of the filters, the confirmations first.
            Ok(Event::Incoming(Packet::SubAck(ack))) => match ack.return_codes.as_slice() {
                [SubscribeReasonCode::Failure, ..] => Raw::SubscriptionRefused,
                [_, SubscribeReasonCode::Failure, ..] => {
                    tracing::warn!("the broker does not let us hear changes of the settings");
                    continue;
                }
                _ => continue,
            },
            Ok(_) => continue,
            Err(error) => return Some(error),
        };
        events.send(raw).await.ok()?;
    }
}

fn mqtt_options(options: &LinkOptions) -> Result<MqttOptions, ConfigError> {
    let mut mqtt = MqttOptions::new(&options.client_id, options.broker.host(), options.broker.port());
    mqtt.set_keep_alive(KEEP_ALIVE)
        .set_clean_session(true)
        .set_inflight(INFLIGHT)
        .set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES);
    if let Some(tls) = &options.tls {
        let config = TlsConfiguration::Rustls(tls.client_config()?);
        mqtt.set_transport(Transport::tls_with_config(config));
    }
    if let Some(username) = &options.username {
        mqtt.set_credentials(username, options.password.as_deref().unwrap_or_default());
    }
    if let Some((topic, payload)) = &options.will {
        mqtt.set_last_will(LastWill::new(topic, payload.as_bytes(), QoS::AtLeastOnce, true));
    }
    Ok(mqtt)
}

/// What the end of a connection means.
fn down(options: &LinkOptions, error: &ConnectionError) -> Raw {
    match options.tls.as_ref().and_then(|tls| tls.explain(error)) {
        Some(reason) => Raw::Down {
            reason,
            refused: true,
        },
        None => Raw::Down {
            reason: describe(error),
            refused: is_refusal(error),
        },
    }
}

fn is_refusal(error: &ConnectionError) -> bool {
    use ConnectReturnCode::{BadClientId, BadUserNamePassword, NotAuthorized, RefusedProtocolVersion};
    matches!(
        error,
        ConnectionError::ConnectionRefused(
            BadUserNamePassword | NotAuthorized | BadClientId | RefusedProtocolVersion
        )
    )
}

fn describe(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(code) => format!("connection refused: {code:?}"),
        ConnectionError::Io(io) => io.to_string(),
        other => other.to_string(),
    }
}
