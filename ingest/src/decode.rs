//! Decode: a journaled message to rows and rejections.
//!
//! Pure but for the counters: what it says depends on the message and the registry alone, so that a replay after a
//! crash says the same. Nothing vanishes: what is not taken leaves as a [`RejectedRow`] with a stable reason.

use std::sync::Arc;

use dustwatch_config::{Registry, Settings, UnknownDevice};
use dustwatch_journal::Position;
use dustwatch_lake::{LocalDays, ObservationRows, RejectedRow};
use dustwatch_observation::json::{self, Decoded, Decoder};
use dustwatch_observation::{Ack, Observation, Reason, Time, Topic, TopicKind};

use tokio::sync::watch;

use crate::confirm::Retained;
use crate::counts::Counts;
use crate::delivery::Journaled;
use crate::ledger::Ledger;
use crate::limit::{RejectLimit, Rejected};
use crate::stats::{Stats, add};

/// Earliest time that an observation may have: 2000-01-01, long before any monitor of this kind.
const EARLIEST: Time = Time::from_millis(946_684_800_000);

/// Decodes messages, one after the other.
pub(crate) struct MessageDecoder {
    decoder: Decoder,
    judge: Judge,
    /// Where a registry comes from that is to take the place of the judge's.
    registry: Option<watch::Receiver<Arc<Registry>>>,
    ledger: Ledger,
    retained: Retained,
    /// Whether the ledger is kept by the group instead.
    shared: bool,
    /// Absent when everything that is rejected is kept.
    limit: Option<RejectLimit>,
    /// Rejections up to here are in their table already.
    rejected_up_to: Position,
    stats: Arc<Stats>,
}

/// What became of a message besides the rows.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) rejected: Option<RejectedRow>,
    pub(crate) ack: Option<(Topic, Ack)>,
    /// With a shared subscription, instead: the device, and the numbers that the group is to hear of.
    pub(crate) durable: Option<(Topic, json::Head)>,
}

impl MessageDecoder {
    pub(crate) fn new(settings: &Settings, retained: Retained, stats: Arc<Stats>) -> Self {
        Self {
            decoder: Decoder::new(settings.parameters.clone()),
            judge: Judge::new(settings),
            registry: None,
            ledger: Ledger::default(),
            retained,
            shared: settings.broker.share.is_some(),
            limit: None,
            rejected_up_to: Position::ZERO,
            stats,
        }
    }

    /// With a registry that may be exchanged.
    pub(crate) fn with_registry(mut self, registry: watch::Receiver<Arc<Registry>>) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Takes up the newest registry, if there is a new one.
    pub(crate) fn look_at_registry(&mut self) {
        if let Some(registry) = &mut self.registry
            && registry.has_changed().unwrap_or(false)
        {
            self.judge.registry = registry.borrow_and_update().clone();
            self.judge.stands = None;
        }
    }

    /// As the settings limit what is kept of rejected messages; those up to a position are in their table already, or
    /// among the counts of an earlier life, and are not counted again.
    pub(crate) fn limited(mut self, settings: &Settings, rejected_up_to: Position, counts: Counts) -> Self {
        let broker = &settings.broker;
        let mut limit = RejectLimit::new(
            broker.rejects_per_device_per_hour,
            broker.reject_bytes_per_device_per_hour,
        );
        limit.go_on(counts);
        self.limit = Some(limit);
        self.rejected_up_to = rejected_up_to;
        self
    }

    /// What the limit did not keep in hours that are over, as rows with the counts, each once.
    pub(crate) fn take_due(&mut self) -> Vec<RejectedRow> {
        self.limit.as_mut().map(RejectLimit::take_due).unwrap_or_default()
    }

    /// What the limit did not keep in the running hour.
    pub(crate) fn counts(&self) -> Counts {
        let limit = self.limit.as_ref();
        limit.map(|limit| limit.counts().clone()).unwrap_or_default()
    }

    /// Decodes a message; its observations go to `rows`.
    pub(crate) fn decode(&mut self, message: &Journaled, rows: &mut ObservationRows) -> Outcome {
        let mut faults = Faults::default();
        if message.position > self.rejected_up_to
            && let Some(limit) = &mut self.limit
        {
            limit.look_at(message.received_at);
        }
        let topic = match self.judge.topic(message) {
            Ok(topic) => topic,
            Err((reason, detail)) => {
                faults.add(reason, detail);
                return Outcome {
                    rejected: self.reject(message, faults),
                    ..Outcome::default()
                };
            }
        };
        let before = rows.len();
        match self.judge.in_its_district(&topic) {
            Ok(()) => self.observations(&topic, message, rows, &mut faults),
            Err((reason, detail)) => faults.add(reason, detail),
        }
        add(&self.stats.observations, (rows.len() - before) as u64);
        let rejected = self.reject(message, faults);
        let head = self.decoder.take_head();
        let Some(head) = head.or_else(|| json::peek(&message.payload)) else {
            return Outcome {
                rejected,
                ..Outcome::default()
            };
        };
        if self.shared {
            return Outcome {
                rejected,
                durable: Some((topic, head)),
                ..Outcome::default()
            };
        }
        Outcome {
            rejected,
            ack: self.confirm(topic, &head),
            durable: None,
        }
    }

    fn observations(
        &mut self,
        topic: &Topic,
        message: &Journaled,
        rows: &mut ObservationRows,
        faults: &mut Faults,
    ) {
        let judge = &mut self.judge;
        let before = rows.len();
        self.decoder.decode(
            &message.payload,
            topic.device.as_str(),
            &mut |decoded| match decoded {
                Decoded::Observation(observation) => {
                    match judge.observation(observation, message.received_at) {
                        Ok(day) => rows.append(observation, message.received_at, day),
                        Err((reason, detail)) => faults.add(reason, detail),
                    }
                }
                Decoded::Fault(fault) => faults.add(fault.reason, place(fault)),
                Decoded::Retract => {
                    rows.truncate(before);
                    *faults = Faults::default();
                }
            },
        );
    }

    /// What the device may forget now that this message is in the journal, rejected parts included.
    fn confirm(&mut self, topic: Topic, head: &json::Head) -> Option<(Topic, Ack)> {
        let device = topic.device.as_str();
        let retained = if head.from.is_none() {
            self.retained.of(device)
        } else {
            None
        };
        let ack = self
            .ledger
            .record(device, (&head.epoch, head.from, &head.seqs), retained.as_ref())?;
        let kind = TopicKind::Ack;
        Some((Topic { kind, ..topic }, ack))
    }

    fn reject(&mut self, message: &Journaled, faults: Faults) -> Option<RejectedRow> {
        let reason = faults.first?;
        self.stats.reject(reason);
        tracing::debug!(
            topic = message.topic,
            reason = reason.code(),
            detail = faults.detail,
            "rejected"
        );
        if message.position <= self.rejected_up_to {
            return None;
        }
        let day = self.judge.days.day_of(message.received_at).unwrap_or(0);
        let seen = Rejected {
            received_at: message.received_at,
            day,
            topic: &message.topic,
            bytes: message.payload.len() as u64,
            reason,
        };
        if self.limit.as_mut().is_some_and(|limit| !limit.keeps(seen)) {
            return None;
        }
        Some(RejectedRow {
            received_at: message.received_at,
            topic: message.topic.clone(),
            payload: message.payload.to_vec(),
            reason,
            detail: faults.detail,
            day,
        })
    }
}

/// A fault's detail with its place in the list.
fn place(fault: json::Fault) -> String {
    match fault.index {
        Some(index) => format!("obs[{index}]: {}", fault.detail),
        None => fault.detail,
    }
}

/// The faults of one message: the first reason is the row's, the details name the others.
#[derive(Debug, Default)]
struct Faults {
    first: Option<Reason>,
    detail: String,
    count: usize,
}

impl Faults {
    /// Details of this many faults are written out.
    const WRITTEN: usize = 10;

    fn add(&mut self, reason: Reason, detail: String) {
        self.first.get_or_insert(reason);
        self.count += 1;
        if self.count > Self::WRITTEN {
            if self.count == Self::WRITTEN + 1 {
                self.detail.push_str("; and more");
            }
            return;
        }
        if !self.detail.is_empty() {
            self.detail.push_str("; ");
        }
        self.detail.push_str(&detail);
    }
}

/// Decides whether a message and an observation belong here.
pub(crate) struct Judge {
    registry: Arc<Registry>,
    unknown_device: UnknownDevice,
    future_tolerance_micros: i64,
    max_payload_bytes: u32,
    days: LocalDays,
    /// The device and day that were looked up last and found: neighbouring observations have the same.
    stands: Option<(String, i32)>,
}

impl Judge {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            registry: settings.registry.clone(),
            unknown_device: settings.broker.unknown_device,
            future_tolerance_micros: i64::from(settings.broker.future_tolerance_seconds) * 1_000_000,
            max_payload_bytes: settings.broker.max_payload_bytes,
            days: LocalDays::new(settings.district.timezone),
            stands: None,
        }
    }

    fn topic(&self, message: &Journaled) -> Result<Topic, (Reason, String)> {
        let topic = Topic::parse(&message.topic).map_err(|e| (Reason::BadTopic, e.to_string()))?;
        if topic.kind != TopicKind::Obs {
            return Err((
                Reason::BadTopic,
                format!("{} is not read here", topic.kind.as_str()),
            ));
        }
        if message.sent_bytes > self.max_payload_bytes {
            let (sent, max, kept) = (message.sent_bytes, self.max_payload_bytes, message.payload.len());
            return Err((
                Reason::TooLarge,
                format!("{sent} bytes, {max} are taken; the first {kept} are kept"),
            ));
        }
        Ok(topic)
    }

    /// A registered device publishes under the district of its township.
    fn in_its_district(&self, topic: &Topic) -> Result<(), (Reason, String)> {
        let entries = self.registry.entries(topic.device.as_str());
        let mut districts = entries
            .filter_map(|s| self.registry.township(&s.township))
            .map(|t| t.district.as_str());
        let Some(first) = districts.next() else {
            return Ok(());
        };
        if first == topic.district.as_str() || districts.any(|d| d == topic.district.as_str()) {
            return Ok(());
        }
        let detail = format!(
            "device {} stands in district {first}, the topic says {}",
            topic.device, topic.district
        );
        Err((Reason::DistrictMismatch, detail))
    }

    /// The local day that an observation belongs to, or why it is not taken.
    pub(crate) fn observation(
        &mut self,
        observation: &Observation,
        received_at: Time,
    ) -> Result<i32, (Reason, String)> {
        let time = observation.time;
        if time.as_micros()
            > received_at
                .as_micros()
                .saturating_add(self.future_tolerance_micros)
        {
            return Err((
                Reason::FutureTime,
                format!("time {time} is later than {received_at}, when it was received"),
            ));
        }
        let day = self.days.day_of(time).filter(|_| time >= EARLIEST);
        let day = day.ok_or_else(|| (Reason::PastTime, format!("time {time} is before {EARLIEST}")))?;
        if self.unknown_device == UnknownDevice::Reject {
            self.known(&observation.device, day)?;
        }
        Ok(day)
    }

    fn known(&mut self, device: &str, day: i32) -> Result<(), (Reason, String)> {
        if self
            .stands
            .as_ref()
            .is_some_and(|(stood, on)| *on == day && stood == device)
        {
            return Ok(());
        }
        let date = chrono::NaiveDate::default() + chrono::Duration::days(day.into());
        if self.registry.station_on(device, date).is_some() {
            let (stood, on) = self.stands.get_or_insert_default();
            device.clone_into(stood);
            *on = day;
            return Ok(());
        }
        let detail = if self.registry.knows(device) {
            format!("device {device} stood nowhere on {date}, by valid_from and valid_to in stations.csv")
        } else {
            format!("device {device} is not in stations.csv")
        };
        Err((Reason::UnknownDevice, detail))
    }
}
