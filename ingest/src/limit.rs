//! Limit: how much of what a device gets rejected is kept in an hour.
//!
//! One vendor's broken firmware must not fill the disk. Beyond the limit, messages are counted by reason instead, and
//! each commit carries a row of `rejected` a device with the counts: nothing vanishes unsaid. Policy without I/O; the
//! clock is the messages' own receive time, so that a replay of the journal says the same. At a start the hour's
//! allowance begins anew. Invariant: what it remembers is bounded, however many devices there are.

use std::collections::{BTreeMap, HashMap};

use dustwatch_lake::RejectedRow;
use dustwatch_observation::{Reason, Time, Topic};

/// Devices with an allowance of their own; those beyond share one with the messages whose topic names no device.
const MAX_DEVICES: usize = 4096;
/// Bytes of a topic that stand in the row of the counts.
const TOPIC_BYTES: usize = 200;
const HOUR_MICROS: i64 = 3_600_000_000;

/// What each device has used of its allowance.
#[derive(Debug)]
pub(crate) struct RejectLimit {
    max_messages: u32,
    max_bytes: u64,
    /// Hour of UTC, since 1970.
    hour: i64,
    used: HashMap<String, Used>,
    /// What was not kept since the last commit, by device.
    unkept: BTreeMap<String, Unkept>,
}

#[derive(Debug, Default)]
struct Used {
    messages: u32,
    bytes: u64,
}

/// Messages that were counted only.
#[derive(Debug)]
struct Unkept {
    received_at: Time,
    day: i32,
    topic: String,
    bytes: u64,
    reasons: BTreeMap<Reason, u64>,
}

/// A rejected message, as far as the limit looks at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rejected<'a> {
    pub(crate) received_at: Time,
    /// Local day of the receipt, as days since 1970.
    pub(crate) day: i32,
    pub(crate) topic: &'a str,
    pub(crate) bytes: u64,
    pub(crate) reason: Reason,
}

impl RejectLimit {
    pub(crate) fn new(max_messages: u32, max_bytes: u64) -> Self {
        Self {
            max_messages,
            max_bytes,
            hour: i64::MIN,
            used: HashMap::new(),
            unkept: BTreeMap::new(),
        }
    }

    /// Whether a rejected message is to be kept; if not, it has been counted.
    pub(crate) fn keeps(&mut self, message: Rejected<'_>) -> bool {
        let hour = message.received_at.as_micros().div_euclid(HOUR_MICROS);
        if hour != self.hour {
            self.hour = hour;
            self.used.clear();
        }
        let device = Topic::parse(message.topic).map_or(String::new(), |topic| topic.device.to_string());
        let device = if self.used.len() < MAX_DEVICES || self.used.contains_key(&device) {
            device
        } else {
            String::new()
        };
        let used = self.used.entry(device.clone()).or_default();
        let bytes = message.bytes + message.topic.len() as u64;
        if used.messages < self.max_messages && used.bytes.saturating_add(bytes) <= self.max_bytes {
            used.messages += 1;
            used.bytes += bytes;
            return true;
        }
        self.count(device, message);
        false
    }

    fn count(&mut self, device: String, message: Rejected<'_>) {
        let unkept = self.unkept.entry(device).or_insert_with(|| Unkept {
            received_at: message.received_at,
            day: message.day,
            topic: beginning(message.topic),
            bytes: 0,
            reasons: BTreeMap::new(),
        });
        unkept.received_at = message.received_at;
        unkept.day = message.day;
        unkept.bytes = unkept.bytes.saturating_add(message.bytes);
        *unkept.reasons.entry(message.reason).or_default() += 1;
    }

    /// A row a device with what was not kept since this was asked last.
    pub(crate) fn take_counts(&mut self) -> Vec<RejectedRow> {
        let counts = std::mem::take(&mut self.unkept);
        counts
            .into_iter()
            .map(|(device, unkept)| unkept.into_row(&device))
            .collect()
    }
}

impl Unkept {
    fn into_row(self, device: &str) -> RejectedRow {
        let count: u64 = self.reasons.values().sum();
        let mut reasons: Vec<(Reason, u64)> = self.reasons.into_iter().collect();
        reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), *reason));
        let reasons: Vec<String> = reasons
            .iter()
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        let whose = if device.is_empty() {
            " of topics without a device, or of devices beyond those told apart"
        } else {
            ""
        };
        RejectedRow {
            received_at: self.received_at,
            topic: self.topic,
            payload: Vec::new(),
            reason: Reason::RateLimited,
            detail: format!(
                "{count} more{whose}: {}; {} bytes were not kept",
                reasons.join(", "),
                self.bytes
            ),
            day: self.day,
        }
    }
}

/// The beginning of a topic, which may have 64 KiB.
fn beginning(topic: &str) -> String {
    topic[..topic.floor_char_boundary(TOPIC_BYTES)].to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn message(topic: &str, bytes: u64, second: i64) -> Rejected<'_> {
        Rejected {
            received_at: Time::from_micros(second * 1_000_000),
            day: 0,
            topic,
            bytes,
            reason: Reason::NotJson,
        }
    }

    #[test]
    fn an_hour_keeps_so_many_messages_and_so_many_bytes_of_each_device() {
        let (a, b) = ("dust/v1/110109/a/obs", "dust/v1/110109/b/obs");
        let mut limit = RejectLimit::new(3, 1000);
        let kept: Vec<bool> = (0..5).map(|n| limit.keeps(message(a, 10, n))).collect();
        assert_eq!(kept, [true, true, true, false, false]);
        assert!(
            !limit.keeps(message(b, 990, 5)),
            "one payload that is larger than all of the allowance"
        );
        assert!(limit.keeps(message(b, 900, 5)));
        let rows = limit.take_counts();
        let said: Vec<(&str, &str)> = rows
            .iter()
            .map(|r| (r.topic.as_str(), r.detail.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                (a, "2 more: not_json 2; 20 bytes were not kept"),
                (b, "1 more: not_json 1; 990 bytes were not kept")
            ]
        );
        assert!(limit.take_counts().is_empty(), "said once");
        assert!(limit.keeps(message(a, 10, 3600)), "a new hour");
    }

    proptest! {
        /// Every message is kept or counted, and what is remembered stays small.
        #[test]
        fn nothing_vanishes_however_many_devices_there_are(devices in 1usize..9000, rounds in 1usize..4) {
            let mut limit = RejectLimit::new(2, 1 << 20);
            let mut kept = 0;
            for round in 0..rounds {
                for device in 0..devices {
                    let topic = format!("dust/v1/110109/d{device}/obs");
                    kept += u64::from(limit.keeps(message(&topic, 7, round as i64)));
                }
            }
            prop_assert!(limit.used.len() <= MAX_DEVICES + 1);
            prop_assert!(limit.unkept.len() <= MAX_DEVICES + 1);
            let counted: u64 = limit
                .take_counts()
                .iter()
                .map(|row| row.detail.split(' ').next().unwrap().parse::<u64>().unwrap())
                .sum();
            prop_assert_eq!(kept + counted, (devices * rounds) as u64);
        }
    }
}
