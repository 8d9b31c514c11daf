//! Durable: which numbers of which device an ingester has in the table, as the members of a group tell each other.
//!
//! Pure. Numbers are gathered while a batch is, and told once it is committed, rejected parts included.
//!
//! The form on the wire, on the topic of the group: `{"member":"dustwatch-ingest-6f1c","durable":[{"topic":
//! "dust/v1/110109/110109-DY-0001/ack","epoch":"e","base":12,"runs":[[13,20],[22,22]]}]}`. `base`: everything up to there
//! was confirmed before, or given up by the device.

use std::collections::HashMap;

use dustwatch_observation::json::Head;
use dustwatch_observation::{Topic, TopicKind};
use serde::{Deserialize, Serialize};

/// Runs in one [`Durable`], so that an announcement of one is no larger than [`MAX_BYTES`].
const MAX_RUNS: usize = 500;
/// Bytes of an announcement, about; half of what our connections send in a packet.
const MAX_BYTES: usize = 32 * 1024;

/// Numbers of one device's epoch that are in the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Durable {
    /// Where the device listens for confirmations.
    #[serde(with = "as_text")]
    pub(crate) topic: Topic,
    pub(crate) epoch: String,
    /// Everything up to here needs no confirmation any more; 0 when the device does not say.
    pub(crate) base: u64,
    /// First and last number of each run, ascending.
    pub(crate) runs: Vec<(u64, u64)>,
}

/// What a member tells the others.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Announcement {
    /// Client id of the member.
    pub(crate) member: String,
    pub(crate) durable: Vec<Durable>,
}

/// Gathers the numbers of the messages of a batch.
#[derive(Debug, Default)]
pub(crate) struct Durables(HashMap<(Topic, String), Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    base: u64,
    seqs: Vec<u64>,
}

impl Durables {
    /// Adds the numbers of a message.
    pub(crate) fn add(&mut self, topic: Topic, head: &Head) {
        let Some(lowest) = head.seqs.iter().min() else {
            return;
        };
        let topic = Topic {
            kind: TopicKind::Ack,
            ..topic
        };
        let numbers = self.0.entry((topic, head.epoch.clone())).or_default();
        let base = head.from.map_or(0, |from| from.min(*lowest).saturating_sub(1));
        numbers.base = numbers.base.max(base);
        numbers.seqs.extend(&head.seqs);
    }

    /// What was gathered; nothing is left.
    pub(crate) fn take(&mut self) -> Vec<Durable> {
        let mut out = Vec::with_capacity(self.0.len());
        for ((topic, epoch), Numbers { base, seqs }) in self.0.drain() {
            out.extend(runs(seqs).chunks(MAX_RUNS).map(|runs| Durable {
                topic: topic.clone(),
                epoch: epoch.clone(),
                base,
                runs: runs.to_vec(),
            }));
        }
        out
    }
}

fn runs(mut seqs: Vec<u64>) -> Vec<(u64, u64)> {
    seqs.sort_unstable();
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for seq in seqs {
        match runs.last_mut() {
            Some((_, last)) if seq <= last.saturating_add(1) => *last = seq,
            _ => runs.push((seq, seq)),
        }
    }
    runs
}

impl Announcement {
    /// The payloads that tell all of it, each of a size that a broker takes.
    pub(crate) fn payloads(member: &str, durables: Vec<Durable>) -> Vec<Vec<u8>> {
        let mut payloads = Vec::new();
        let mut part = Vec::new();
        let mut bytes = 0;
        let mut flush = |durable: Vec<Durable>| {
            let member = member.to_owned();
            // Strings and numbers always become JSON.
            payloads.extend(serde_json::to_vec(&Announcement { member, durable }));
        };
        for durable in durables {
            let size = 160 + durable.epoch.len() + 42 * durable.runs.len();
            if bytes + size > MAX_BYTES && !part.is_empty() {
                flush(std::mem::take(&mut part));
                bytes = 0;
            }
            bytes += size;
            part.push(durable);
        }
        if !part.is_empty() {
            flush(part);
        }
        payloads
    }

    /// Reads a payload; `None` when it is no announcement.
    pub(crate) fn from_json(payload: &[u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }
}

mod as_text {
    use dustwatch_observation::Topic;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(topic: &Topic, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(topic)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Topic, D::Error> {
        Topic::parse(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn topic(device: &str) -> Topic {
        Topic::parse(&format!("dust/v1/110109/{device}/obs")).unwrap()
    }

    fn head(from: Option<u64>, seqs: &[u64]) -> Head {
        Head {
            epoch: "e".to_owned(),
            from,
            seqs: seqs.to_vec(),
        }
    }

    #[test]
    fn the_highest_base_of_a_batch_counts() {
        let mut gathered = Durables::default();
        gathered.add(topic("d"), &head(Some(3), &[4, 3]));
        gathered.add(topic("d"), &head(Some(6), &[9]));
        gathered.add(topic("d"), &head(None, &[]));
        let durables = gathered.take();
        assert_eq!(durables.len(), 1);
        assert_eq!(
            (durables[0].base, &durables[0].runs[..]),
            (5, &[(3, 4), (9, 9)][..])
        );
        assert_eq!(durables[0].topic.to_string(), "dust/v1/110109/d/ack");
        assert_eq!(gathered.take(), []);
    }

    proptest! {
        #[test]
        fn what_is_told_is_what_was_gathered(
            devices in prop::collection::vec(prop::collection::btree_set(1u64..30_000, 1..900), 1..20),
        ) {
            let mut gathered = Durables::default();
            for (number, seqs) in devices.iter().enumerate() {
                for seq in seqs {
                    gathered.add(topic(&format!("device-{number}")), &head(Some(1), &[*seq]));
                }
            }
            let payloads = Announcement::payloads("a", gathered.take());
            let mut told = vec![std::collections::BTreeSet::new(); devices.len()];
            for payload in payloads {
                prop_assert!(payload.len() <= MAX_BYTES, "{} bytes", payload.len());
                for durable in Announcement::from_json(&payload).unwrap().durable {
                    let number: usize = durable.topic.device.as_str()[7..].parse().unwrap();
                    for (first, last) in durable.runs {
                        told[number].extend(first..=last);
                    }
                }
            }
            prop_assert_eq!(told, devices);
        }
    }
}
