//! Confirm: tells each device, on its retained `…/ack` topic, up to where its numbers are durable.
//!
//! A second connection with its own client id publishes, so that confirmations and PUBACKs do not stand in each
//! other's way. Confirmations are gathered for a moment: the last one of a device says everything. What the broker
//! retained of an earlier life is read back, for agents that do not say what they still hold.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dustwatch_failpoint::{self as failpoint, Point};
use dustwatch_observation::{Ack, Topic, TopicKind};
use rumqttc::{AsyncClient, Event, EventLoop, Packet, Publish, QoS};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::districts::Districts;
use crate::link::Backoff;

/// How long confirmations are gathered.
const GATHER: Duration = Duration::from_millis(100);
/// The connection was made anew.
struct Connected;

/// Confirmations that the broker retained, by device.
#[derive(Debug, Clone, Default)]
pub(crate) struct Retained(Arc<Mutex<HashMap<String, Ack>>>);

impl Retained {
    /// The confirmation of a device.
    pub(crate) fn of(&self, device: &str) -> Option<Ack> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(device)
            .cloned()
    }

    fn keep(&self, publish: &Publish) {
        if let (Ok(topic), Some(ack)) = (Topic::parse(&publish.topic), Ack::from_json(&publish.payload)) {
            let mut acks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            acks.insert(topic.device.as_str().to_owned(), ack);
        }
    }
}

/// Publishes confirmations until their senders are gone, then says the last ones and disconnects.
pub(crate) async fn run(
    client: AsyncClient,
    eventloop: EventLoop,
    mut districts: Districts,
    retained: Retained,
    mut input: mpsc::Receiver<Vec<(Topic, Ack)>>,
) {
    let (link, mut connected) = mpsc::channel(4);
    let polling = tokio::spawn(poll(eventloop, link, retained));
    let mut latest: HashMap<Topic, Ack> = HashMap::new();
    let mut dirty: HashSet<Topic> = HashSet::new();
    let mut tick = tokio::time::interval(GATHER);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            news = input.recv() => {
                let Some(news) = news else { break };
                for (topic, ack) in news {
                    dirty.insert(topic.clone());
                    latest.insert(topic, ack);
                }
            }
            Some(Connected) = connected.recv() => {
                // A broker that lost its memory has lost the retained confirmations too.
                dirty = latest.keys().cloned().collect();
                subscribe(&client, &districts);
            }
            () = districts.grown() => subscribe(&client, &districts),
            _ = tick.tick() => publish(&client, &latest, &mut dirty),
        }
    }
    // Half a second is time for the last words; an agent that misses them asks by sending again.
    for _ in 0..5 {
        publish(&client, &latest, &mut dirty);
        tokio::time::sleep(GATHER).await;
        if dirty.is_empty() {
            break;
        }
    }
    let _ = client.try_disconnect();
    let _ = tokio::time::timeout(Duration::from_secs(1), polling).await;
}

/// Asks for what the broker retained.
fn subscribe(client: &AsyncClient, districts: &Districts) {
    for filter in districts.filters(TopicKind::Ack) {
        let _ = client.try_subscribe(filter, QoS::AtLeastOnce);
    }
}

/// Publishes what is new, as far as the client's queue takes it.
fn publish(client: &AsyncClient, latest: &HashMap<Topic, Ack>, dirty: &mut HashSet<Topic>) {
    let before = dirty.len();
    dirty.retain(|topic| match latest.get(topic) {
        Some(ack) => client
            .try_publish(topic.to_string(), QoS::AtLeastOnce, true, ack.to_json())
            .is_err(),
        None => false,
    });
    if dirty.len() < before {
        failpoint::pass(Point::AcksPublished);
    }
}

async fn poll(mut eventloop: EventLoop, link: mpsc::Sender<Connected>, retained: Retained) {
    let mut backoff = Backoff::default();
    let mut failures = 0u64;
    loop {
        match eventloop.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                backoff.reset();
                if link.send(Connected).await.is_err() {
                    return;
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) if publish.retain => retained.keep(&publish),
            Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) => return,
            Ok(_) => {}
            Err(error) => {
                if link.is_closed() {
                    return;
                }
                failures += 1;
                tracing::debug!(%error, "connection for confirmations lost");
                tokio::time::sleep(backoff.next(failures.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32)).await;
            }
        }
    }
}
