//! Decode: a journaled message to rows and rejections.
//!
//! Pure but for the counters: what it says depends on the message and the registry alone, so that a replay after a
//! crash says the same. Nothing vanishes: what is not taken leaves as a [`RejectedRow`] with a stable reason.

use std::sync::Arc;

use dustwatch_config::{Registry, Settings};
use dustwatch_journal::Position;
use dustwatch_lake::{ObservationRows, RejectedRow};
use dustwatch_observation::json::{self, Decoded, Decoder};
use dustwatch_observation::{Ack, Reason, Topic, TopicKind};

use tokio::sync::watch;

use crate::confirm::Retained;
use crate::counts::Counts;
use crate::delivery::Journaled;
use crate::frames::Frames;
use crate::judge::Judge;
use crate::ledger::Ledger;
use crate::limit::{RejectLimit, Rejected};
use crate::stats::{Stats, add};

/// Decodes messages, one after the other.
pub(crate) struct MessageDecoder {
    decoder: Decoder,
    frames: Frames,
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
            frames: Frames::new(settings),
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
            self.judge.follow(registry.borrow_and_update().clone());
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
            Ok(()) if topic.kind == TopicKind::Hj212 => self.frames(&topic, message, rows, &mut faults),
            Ok(()) => self.observations(&topic, message, rows, &mut faults),
            Err((reason, detail)) => faults.add(reason, detail),
        }
        add(&self.stats.observations, (rows.len() - before) as u64);
        let rejected = self.reject(message, faults);
        if topic.kind == TopicKind::Hj212 {
            // A frame has no number: nobody waits to hear that it is durable.
            return Outcome {
                rejected,
                ..Outcome::default()
            };
        }
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

    /// The observations of raw HJ 212 frames.
    fn frames(
        &mut self,
        topic: &Topic,
        message: &Journaled,
        rows: &mut ObservationRows,
        faults: &mut Faults,
    ) {
        let device = topic.device.as_str();
        let (observations, bad) = self.frames.read(device, &message.payload);
        for detail in bad {
            faults.add(Reason::BadFrame, detail);
        }
        for mut observation in observations {
            device.clone_into(&mut observation.device);
            match self.judge.observation(&observation, message.received_at) {
                Ok(day) => rows.append(&observation, message.received_at, day),
                Err((reason, detail)) => faults.add(reason, detail),
            }
        }
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
        let day = self.judge.day_of(message.received_at);
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
