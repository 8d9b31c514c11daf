//! The simulated district's observations as full messages, one device a message, in the order in which they fill.

use std::collections::HashMap;

use dustwatch_config::Settings;
use dustwatch_edge::network::{Feed, Troubles};
use dustwatch_observation::json::{encode_many, encode_one};
use dustwatch_observation::{DeviceId, Observation, Time, Topic, TopicKind};

use super::district::{OFFSET_SECONDS, network, span};

const EPOCH: &str = "6f1c22d0";
/// More than any bench needs.
const DAYS: u64 = 20 * 366;

/// A message of one device.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    /// Number of its last observation; every device begins with 1.
    pub(crate) last: u64,
    /// When its last observation was made.
    pub(crate) observed_at: Time,
}

/// Endless for the purposes of a bench.
pub(crate) struct Messages {
    settings: Settings,
    feed: Feed,
    batch: usize,
    waiting: HashMap<String, (u64, Vec<Observation>)>,
    next: Observation,
}

impl Messages {
    /// Messages of `batch` observations each.
    pub(crate) fn new(settings: &Settings, batch: usize) -> Self {
        Self {
            feed: network(settings, Troubles::None).feed(span(DAYS)),
            batch,
            waiting: HashMap::new(),
            next: Observation::new(settings.parameters.len()),
            settings: settings.clone(),
        }
    }

    fn close(&self, device: &str, last: u64, list: &[Observation]) -> Message {
        let parameters = &self.settings.parameters;
        let mut payload = Vec::new();
        match list {
            [one] => encode_one(parameters, one, Some(1), OFFSET_SECONDS, &mut payload),
            many => encode_many(
                parameters,
                device,
                EPOCH,
                Some(1),
                OFFSET_SECONDS,
                many,
                &mut payload,
            ),
        }
        let topic = Topic {
            district: self.settings.district.code.clone(),
            device: DeviceId::new(device).unwrap(),
            kind: TopicKind::Obs,
        };
        Message {
            topic: topic.to_string(),
            payload,
            last,
            observed_at: list[list.len() - 1].time,
        }
    }
}

impl Iterator for Messages {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        loop {
            if !self.feed.next_into(&mut self.next) {
                return None;
            }
            let device = self.next.device.clone();
            let (seq, list) = self.waiting.entry(device.clone()).or_default();
            *seq += 1;
            let mut observation = self.next.clone();
            observation.epoch = EPOCH.to_owned();
            observation.seq = Some(*seq);
            list.push(observation);
            if list.len() == self.batch {
                let (last, full) = (*seq, std::mem::take(list));
                return Some(self.close(&device, last, &full));
            }
        }
    }
}
