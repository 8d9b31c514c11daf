//! Limit: how much of what a device gets rejected is kept in an hour.
//!
//! One vendor's broken firmware must not fill the disk. Beyond the limit, messages are counted by reason instead, and once
//! the hour is over there is a row of `rejected` for each device with its counts: nothing vanishes unsaid. Policy without
//! I/O; the clock is the messages' own receive time, so that a replay of the journal says the same. At a start the
//! hour's allowance begins anew, and its counts go on: [`counts`](crate::counts) keeps them with the journal. Invariant:
//! what it remembers is bounded, however many devices there are.

use std::collections::{BTreeMap, HashMap};

use dustwatch_lake::RejectedRow;
use dustwatch_observation::{Reason, Time, Topic};

use crate::counts::{Counts, Unkept};

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
    used: HashMap<String, Used>,
    /// What was not kept in the present hour.
    counts: Counts,
    /// Rows of hours that are over.
    due: Vec<RejectedRow>,
}

#[derive(Debug, Default)]
struct Used {
    messages: u32,
    bytes: u64,
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
            used: HashMap::new(),
            counts: Counts::default(),
            due: Vec::new(),
        }
    }

    /// Goes on with the counts of an earlier life.
    pub(crate) fn go_on(&mut self, counts: Counts) {
        self.counts = counts;
    }

    /// What was not kept in the present hour.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Takes note of a message's hour; the counts of the one before are due when it is another.
    pub(crate) fn look_at(&mut self, received_at: Time) {
        let hour = received_at.as_micros().div_euclid(HOUR_MICROS);
        if hour != self.counts.hour {
            self.used.clear();
            let over = std::mem::replace(&mut self.counts, Counts::of_hour(hour));
            self.due.extend(
                over.devices
                    .into_iter()
                    .map(|(device, unkept)| row(&device, unkept)),
            );
        }
    }

    /// Whether a rejected message is to be kept; if not, it has been counted.
    pub(crate) fn keeps(&mut self, message: Rejected<'_>) -> bool {
        self.look_at(message.received_at);
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
        // An earlier life of this hour may have counted others.
        let devices = &mut self.counts.devices;
        let device = if devices.len() < MAX_DEVICES || devices.contains_key(&device) {
            device
        } else {
            String::new()
        };
        let unkept = devices.entry(device).or_insert_with(|| Unkept {
            received_at: 0,
            day: message.day,
            topic: beginning(message.topic),
            bytes: 0,
            reasons: BTreeMap::new(),
        });
        unkept.received_at = message.received_at.as_micros();
        unkept.day = message.day;
        unkept.bytes = unkept.bytes.saturating_add(message.bytes);
        *unkept
            .reasons
            .entry(message.reason.code().to_owned())
            .or_default() += 1;
    }

    /// Rows with what was not kept in hours that are over, one a device and hour.
    pub(crate) fn take_due(&mut self) -> Vec<RejectedRow> {
        std::mem::take(&mut self.due)
    }
}

fn row(device: &str, unkept: Unkept) -> RejectedRow {
    let count: u64 = unkept.reasons.values().sum();
    let mut reasons: Vec<(String, u64)> = unkept.reasons.into_iter().collect();
    reasons.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
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
        received_at: Time::from_micros(unkept.received_at),
        topic: unkept.topic,
        payload: Vec::new(),
        reason: Reason::RateLimited,
        detail: format!(
            "{count} more{whose}: {}; {} bytes were not kept",
            reasons.join(", "),
            unkept.bytes
        ),
        day: unkept.day,
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
        assert!(limit.take_due().is_empty(), "the hour is not over");
        assert!(limit.keeps(message(a, 10, 3600)), "a new hour");
        let rows = limit.take_due();
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
        assert!(limit.take_due().is_empty(), "said once");
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
            prop_assert!(limit.counts.devices.len() <= MAX_DEVICES + 1);
            limit.look_at(Time::from_micros(HOUR_MICROS));
            let counted: u64 = limit
                .take_due()
                .iter()
                .map(|row| row.detail.split(' ').next().unwrap().parse::<u64>().unwrap())
                .sum();
            prop_assert_eq!(kept + counted, (devices * rounds) as u64);
        }
    }
}
