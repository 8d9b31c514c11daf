//! A publisher with a steady rate that takes down how long each message waited.
//!
//! A message's time counts from when it was due, whether or not the publisher was held up then.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use dustwatch_config::Settings;
use dustwatch_observation::Ack;
use rumqttc::{AsyncClient, Event, EventLoop, Incoming, MqttOptions, Outgoing, QoS};
use tokio::sync::mpsc;

use super::messages::Messages;
use super::process::Fallible;

const ACKS: &str = "dust/v1/+/+/ack";
/// Without any answer for so long the bench gives up.
const PATIENCE: Duration = Duration::from_secs(60);
const PACKET_BYTES: usize = 1 << 20;

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Messages a second.
    pub(crate) rate: u64,
    pub(crate) seconds: u64,
    /// Observations of a message.
    pub(crate) batch: usize,
}

impl Pace {
    pub(crate) fn messages(self) -> u64 {
        self.rate * self.seconds
    }
}

/// How long the messages waited, shortest first.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    /// Until the broker's PUBACK.
    pub(crate) puback: Vec<Duration>,
    /// Until an ingester's confirmation covered it; empty when none was waited for.
    pub(crate) durable: Vec<Duration>,
}

/// A message under way.
#[derive(Debug)]
struct Sent {
    due: Instant,
    topic: String,
    last: u64,
}

/// Publishes at the pace and waits until everything is acknowledged, and confirmed if `durable`.
pub(crate) fn publish(port: u16, pace: Pace, durable: bool) -> Fallible<Waits> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let mut options = MqttOptions::new("bench-paced", "127.0.0.1", port);
        options
            .set_keep_alive(Duration::from_secs(30))
            .set_inflight(u16::MAX - 1)
            .set_max_packet_size(PACKET_BYTES, PACKET_BYTES);
        let (client, mut eventloop) = AsyncClient::new(options, 1 << 16);
        let mut network = eventloop.network_options.clone();
        network.set_tcp_nodelay(true);
        eventloop.set_network_options(network);
        client
            .subscribe(ACKS, QoS::AtMostOnce)
            .await
            .map_err(|e| e.to_string())?;
        let (handed, sent) = mpsc::unbounded_channel();
        let mut listener = Listener::new(eventloop, sent, pace.messages(), durable);
        listener.subscribed().await?;
        let sender = tokio::spawn(send(client, pace, handed));
        listener.listen().await?;
        sender.await.map_err(|e| e.to_string())??;
        Ok(listener.waits())
    })
}

/// Hands each message over when it is due.
async fn send(client: AsyncClient, pace: Pace, handed: mpsc::UnboundedSender<Sent>) -> Fallible<()> {
    let settings = Settings::load(None).map_err(|e| e.to_string())?;
    let started = Instant::now();
    for (at, message) in (0..pace.messages()).zip(Messages::new(&settings, pace.batch)) {
        let due = started + Duration::from_secs_f64(at as f64 / pace.rate as f64);
        tokio::time::sleep_until(due.into()).await;
        let sent = Sent {
            due,
            topic: message.topic.replace("/obs", "/ack"),
            last: message.last,
        };
        // First in the list, then to the library: it is never seen to leave before it is known.
        handed.send(sent).map_err(|e| e.to_string())?;
        client
            .publish(message.topic, QoS::AtLeastOnce, false, message.payload)
            .await
            .map_err(|e| e.to_string())?;
    }
    Ok(())
}

struct Listener {
    eventloop: EventLoop,
    sent: mpsc::UnboundedReceiver<Sent>,
    expected: usize,
    durable: bool,
    by_packet: HashMap<u16, Instant>,
    by_topic: HashMap<String, VecDeque<(u64, Instant)>>,
    waits: Waits,
}

impl Listener {
    fn new(eventloop: EventLoop, sent: mpsc::UnboundedReceiver<Sent>, expected: u64, durable: bool) -> Self {
        Self {
            eventloop,
            sent,
            expected: expected as usize,
            durable,
            by_packet: HashMap::new(),
            by_topic: HashMap::new(),
            waits: Waits::default(),
        }
    }

    async fn poll(&mut self) -> Fallible<Event> {
        let event = tokio::time::timeout(PATIENCE, self.eventloop.poll()).await;
        let event = event.map_err(|_elapsed| format!("nothing came for {PATIENCE:?}"))?;
        event.map_err(|error| format!("the connection ended: {error}"))
    }

    async fn subscribed(&mut self) -> Fallible<()> {
        while !matches!(self.poll().await?, Event::Incoming(Incoming::SubAck(_))) {}
        Ok(())
    }

    async fn listen(&mut self) -> Fallible<()> {
        while self.waits.puback.len() < self.expected
            || (self.durable && self.waits.durable.len() < self.expected)
        {
            match self.poll().await? {
                Event::Outgoing(Outgoing::Publish(packet)) => self.left(packet)?,
                Event::Incoming(Incoming::PubAck(ack)) => {
                    let due = self.by_packet.remove(&ack.pkid);
                    let due = due.ok_or("a PUBACK came for what was not sent")?;
                    self.waits.puback.push(due.elapsed());
                }
                Event::Incoming(Incoming::Publish(publish)) => self.confirmed(&publish),
                _ => {}
            }
        }
        Ok(())
    }

    fn left(&mut self, packet: u16) -> Fallible<()> {
        let sent = self.sent.try_recv().map_err(|e| e.to_string())?;
        self.by_packet.insert(packet, sent.due);
        if self.durable {
            self.by_topic
                .entry(sent.topic)
                .or_default()
                .push_back((sent.last, sent.due));
        }
        Ok(())
    }

    fn confirmed(&mut self, publish: &rumqttc::Publish) {
        let (Some(ack), Some(waiting)) = (
            Ack::from_json(&publish.payload),
            self.by_topic.get_mut(&publish.topic),
        ) else {
            return;
        };
        while waiting.front().is_some_and(|(last, _)| *last <= ack.seq) {
            let due = waiting.pop_front().map(|(_, due)| due.elapsed());
            self.waits.durable.extend(due);
        }
    }

    fn waits(mut self) -> Waits {
        self.waits.puback.sort();
        self.waits.durable.sort();
        self.waits
    }
}
