//! Group: how ingesters that share a subscription confirm what no single one of them has seen.
//!
//! Place on the way: behind the commit, before confirm. Each member gets some of a device's messages, so none can tell
//! by itself up to which number everything is durable. So each tells the others, after its commit, which numbers are in
//! the table now, and each keeps the ledger of all. Confirmations need no memory and no leader: what a member did not
//! hear, since it was not there or the broker lost it, the agent sends again, and whoever gets it finds it in the table
//! and tells.
//!
//! Invariants: only what is committed is told; a confirmation that overtook a higher one at the broker is put right by
//! whoever hears it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use dustwatch_observation::{Ack, Topic, TopicKind};
use rumqttc::{AsyncClient, Event, EventLoop, Outgoing, Packet, QoS, SubscribeFilter};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::districts::Districts;
use crate::durable::{Announcement, Durable};
use crate::ledger::Ledger;
use crate::link::Backoff;

/// How often what the connection did not take is offered to it again.
const RETRY: Duration = Duration::from_millis(100);
/// Announcements kept for a broker that is away, 32 KiB each at the most; agents send again what the oldest were about.
const MAX_WAITING: usize = 2048;
/// How long the last announcements may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// One ingester of a group.
pub(crate) struct Member {
    /// Its client id, so that it knows its own announcements.
    pub(crate) id: String,
    /// The topic of the group.
    pub(crate) topic: String,
}

/// What happens on the connection.
enum Heard {
    Connected,
    Message {
        topic: String,
        payload: Vec<u8>,
    },
    /// An announcement of ours has arrived.
    Delivered,
}

/// What a member knows of all.
#[derive(Debug)]
struct Knowledge {
    ledger: Ledger,
    /// The highest confirmation heard of each device's newest epoch.
    confirmed: HashMap<String, Ack>,
}

impl Knowledge {
    fn new() -> Self {
        Self {
            ledger: Ledger::of_a_group(),
            confirmed: HashMap::new(),
        }
    }

    /// What is to be confirmed, now that this is known to be durable.
    fn durable(&mut self, durables: &[Durable]) -> Vec<(Topic, Ack)> {
        let ledger = &mut self.ledger;
        let acks = durables
            .iter()
            .filter_map(|durable| Some((durable.topic.clone(), ledger.record_durable(durable)?)));
        acks.collect()
    }

    /// Takes note of a confirmation; the higher one that is to take its place.
    fn confirmation(&mut self, topic: Topic, ack: Ack) -> Option<(Topic, Ack)> {
        let device = topic.device.as_str();
        self.ledger.raise(device, &ack);
        match self.confirmed.get_mut(device) {
            Some(higher) if higher.epoch == ack.epoch && higher.seq > ack.seq => {
                Some((topic, higher.clone()))
            }
            Some(known) => {
                *known = ack;
                None
            }
            None => {
                self.confirmed.insert(device.to_owned(), ack);
                None
            }
        }
    }
}

/// Tells what is committed and confirms what is durable, until the committing stage ends.
pub(crate) async fn run(
    member: Member,
    mut districts: Districts,
    client: AsyncClient,
    eventloop: EventLoop,
    mut committed: mpsc::Receiver<Vec<Durable>>,
    acks: mpsc::Sender<Vec<(Topic, Ack)>>,
) {
    let (link, mut heard) = mpsc::channel(256);
    let polling = tokio::spawn(poll(eventloop, link));
    let mut knowledge = Knowledge::new();
    let mut waiting = VecDeque::new();
    let mut under_way = 0usize;
    let mut tick = tokio::time::interval(RETRY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let to_confirm = tokio::select! {
            durables = committed.recv() => {
                let Some(durables) = durables else { break };
                let to_confirm = knowledge.durable(&durables);
                waiting.extend(Announcement::payloads(&member.id, durables));
                to_confirm
            }
            Some(event) = heard.recv() => match event {
                Heard::Connected => {
                    under_way = 0;
                    subscribe(&member, &districts, &client);
                    Vec::new()
                }
                Heard::Delivered => {
                    under_way = under_way.saturating_sub(1);
                    Vec::new()
                }
                Heard::Message { topic, payload } => understand(&member, &mut knowledge, &topic, &payload),
            },
            () = districts.grown() => {
                subscribe(&member, &districts, &client);
                Vec::new()
            }
            _ = tick.tick(), if !waiting.is_empty() => Vec::new(),
        };
        if !to_confirm.is_empty() {
            // Nobody to confirm any more: agents that hear nothing send again.
            let _ = acks.send(to_confirm).await;
        }
        under_way += announce(&member, &client, &mut waiting);
    }
    let last = async {
        while !(waiting.is_empty() && under_way == 0) {
            under_way += announce(&member, &client, &mut waiting);
            match tokio::time::timeout(RETRY, heard.recv()).await {
                Ok(Some(Heard::Delivered)) => under_way = under_way.saturating_sub(1),
                Ok(None) => return,
                Ok(Some(_)) | Err(_) => {}
            }
        }
    };
    let _ = tokio::time::timeout(LAST_WORDS, last).await;
    drop(heard);
    let _ = client.try_disconnect();
    let abort = polling.abort_handle();
    let _ = tokio::time::timeout(LAST_WORDS, polling).await;
    abort.abort();
}

/// Asks for the group's topic and for the devices' confirmations.
fn subscribe(member: &Member, districts: &Districts, client: &AsyncClient) {
    let mut filters = districts.filters(TopicKind::Ack);
    filters.push(member.topic.clone());
    let filters = filters
        .into_iter()
        .map(|f| SubscribeFilter::new(f, QoS::AtLeastOnce));
    // What a full queue cannot take now is asked for at the next connection; until then agents send again.
    if client.try_subscribe_many(filters).is_err() {
        tracing::warn!(topic = member.topic, "the group cannot be heard yet");
    }
}

/// What a message means: an announcement of another member, or somebody's confirmation.
fn understand(member: &Member, knowledge: &mut Knowledge, topic: &str, payload: &[u8]) -> Vec<(Topic, Ack)> {
    if topic == member.topic {
        return match Announcement::from_json(payload) {
            Some(told) if told.member != member.id => knowledge.durable(&told.durable),
            Some(_) => Vec::new(),
            None => {
                tracing::warn!(topic, "no announcement of an ingester; who may write there?");
                Vec::new()
            }
        };
    }
    let confirmation = Topic::parse(topic).ok().zip(Ack::from_json(payload));
    let higher = confirmation.and_then(|(topic, ack)| knowledge.confirmation(topic, ack));
    higher.into_iter().collect()
}

/// Publishes what waits, as far as the connection takes it; how many.
fn announce(member: &Member, client: &AsyncClient, waiting: &mut VecDeque<Vec<u8>>) -> usize {
    let before = waiting.len();
    while let Some(payload) = waiting.front() {
        if client
            .try_publish(&member.topic, QoS::AtLeastOnce, false, payload.clone())
            .is_err()
        {
            break;
        }
        waiting.pop_front();
    }
    let published = before - waiting.len();
    while waiting.len() > MAX_WAITING {
        waiting.pop_front();
    }
    published
}

async fn poll(mut eventloop: EventLoop, link: mpsc::Sender<Heard>) {
    let mut backoff = Backoff::default();
    let mut failures = 0u64;
    loop {
        let heard = match eventloop.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                backoff.reset();
                Heard::Connected
            }
            Ok(Event::Incoming(Packet::PubAck(_))) => Heard::Delivered,
            Ok(Event::Incoming(Packet::Publish(message))) => Heard::Message {
                topic: message.topic,
                payload: message.payload.to_vec(),
            },
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return,
            Ok(_) => continue,
            Err(error) => {
                if link.is_closed() {
                    return;
                }
                failures += 1;
                tracing::debug!(%error, "connection to the group lost");
                tokio::time::sleep(backoff.next(failures.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32)).await;
                continue;
            }
        };
        // While the group takes its leave it listens no longer, and the connection must still say goodbye.
        let _ = link.send(heard).await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOTHING: [u64; 0] = [];

    fn member() -> Member {
        Member {
            id: "a".to_owned(),
            topic: Topic::of_group("dust"),
        }
    }

    fn told(member: &str, runs: &[(u64, u64)]) -> Vec<u8> {
        let durable = Durable {
            topic: Topic::parse("dust/v1/110109/d/ack").unwrap(),
            epoch: "e".to_owned(),
            base: 0,
            runs: runs.to_vec(),
        };
        Announcement::payloads(member, vec![durable]).remove(0)
    }

    fn seqs(acks: Vec<(Topic, Ack)>) -> Vec<u64> {
        acks.into_iter().map(|(_, ack)| ack.seq).collect()
    }

    #[test]
    fn what_members_have_together_is_confirmed() {
        let (member, mut knowledge) = (member(), Knowledge::new());
        let mut hear =
            |topic: &str, payload: &[u8]| seqs(understand(&member, &mut knowledge, topic, payload));
        assert_eq!(hear(&member.topic, &told("b", &[(1, 1), (3, 3)])), [1]);
        assert_eq!(hear(&member.topic, &told("c", &[(4, 4)])), NOTHING);
        assert_eq!(
            hear(&member.topic, &told("a", &[(2, 2)])),
            NOTHING,
            "our own was counted when it was told"
        );
        assert_eq!(hear(&member.topic, &told("c", &[(2, 2)])), [4]);
        assert_eq!(
            hear(&member.topic, &told("b", &[(2, 3)])),
            [4],
            "sent again, confirmed again"
        );
        assert_eq!(hear(&member.topic, b"nonsense"), NOTHING);
    }

    #[test]
    fn a_confirmation_that_overtook_a_higher_one_is_put_right() {
        let (member, mut knowledge) = (member(), Knowledge::new());
        let mut hear = |epoch: &str, seq: u64| {
            let epoch = epoch.to_owned();
            let payload = Ack { epoch, seq }.to_json();
            seqs(understand(
                &member,
                &mut knowledge,
                "dust/v1/110109/d/ack",
                &payload,
            ))
        };
        assert_eq!(hear("e", 60), NOTHING);
        assert_eq!(hear("e", 50), [60]);
        assert_eq!(hear("e", 60), NOTHING);
        assert_eq!(hear("new", 1), NOTHING, "a new epoch counts from its beginning");
        assert_eq!(hear("new", 2), NOTHING);
    }
}
