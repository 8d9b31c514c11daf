//! Journal: makes deliveries durable, a group a sync.
//!
//! Place on the way: second stage, on its own thread, since syncing blocks. While one group is synced the next one
//! gathers in the queue, so that the rate of messages is not bound to the rate of syncs.
//!
//! A message of another shard is passed over here: another ingester takes it, and only its receipt goes on, in its turn.
//!
//! Invariant: what leaves here, as a receipt or as a [`Journaled`], is on disk or of another shard.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use dustwatch_config::{AckAfter, Shard};
use dustwatch_failpoint::{self as failpoint, Point};
use dustwatch_journal::{AppendError, Journal, Position, SyncError};
use dustwatch_observation::Clock;
use dustwatch_observation::Topic;
use tokio::sync::mpsc;

use crate::IngestError;
use crate::delivery::{Delivery, Hop, Journaled, Receipt, decode_record, encode_record};
use crate::metrics::{Metrics, seconds};
use crate::stats::{Stats, add};

/// Messages of a group at the most.
const GROUP_MESSAGES: usize = 4096;
/// Bytes of a group at the most, about.
const GROUP_BYTES: usize = 2 << 20;
/// Wait before a full disk is tried again.
const FULL_DISK_WAIT: Duration = Duration::from_secs(1);

/// The second stage.
pub(crate) struct Journaling {
    pub(crate) journal: Journal,
    /// Records up to here are in the table.
    pub(crate) replay_after: Position,
    pub(crate) ack_after: AckAfter,
    /// Shortest time from one sync to the next.
    pub(crate) group_interval: Duration,
    pub(crate) synced_at: Instant,
    /// The devices that are ours, if not all.
    pub(crate) shard: Option<Shard>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What goes out of the second stage.
pub(crate) struct JournalOutputs {
    pub(crate) journaled: mpsc::Sender<Vec<Journaled>>,
    pub(crate) receipts: mpsc::UnboundedSender<Vec<Receipt>>,
    /// Positions that the table has reached.
    pub(crate) committed: tokio::sync::watch::Receiver<Position>,
}

impl Journaling {
    /// Replays what the table lacks, then journals deliveries until the end is announced.
    pub(crate) fn run(
        mut self,
        mut input: mpsc::Receiver<Hop>,
        mut outputs: JournalOutputs,
    ) -> Result<(), IngestError> {
        self.replay(&outputs)?;
        self.stats.replayed.store(true, Ordering::Relaxed);
        let mut group = Vec::new();
        let mut record = Vec::new();
        let mut more = true;
        while more {
            let Some(Hop::Deliveries(first)) = input.blocking_recv() else {
                break;
            };
            more = self.gather(first, &mut input, &mut group);
            let mut journaled = Vec::with_capacity(group.len());
            for delivery in group.drain(..) {
                journaled.push(self.journal_one(delivery, &mut record)?);
            }
            self.sync()?;
            failpoint::pass(Point::JournalSynced);
            if let Some(first) = journaled.first() {
                let lag = seconds(first.received_at, self.clock.now());
                self.metrics.received_to_journaled.record(lag);
            }
            add(
                &self.stats.journaled,
                journaled.iter().filter(|j| j.ours).count() as u64,
            );
            if self.ack_after == AckAfter::Journal {
                let receipts = journaled.iter_mut().filter_map(|j| j.receipt.take()).collect();
                // Nobody to acknowledge to any more: the messages come again, and are recognised.
                let _ = outputs.receipts.send(receipts);
            }
            journaled.retain(|j| j.ours || j.receipt.is_some());
            if outputs.journaled.blocking_send(journaled).is_err() {
                return Err(IngestError::Stage("decode"));
            }
            self.cut(&mut outputs);
        }
        // What still waits there stays unacknowledged, and comes again after the next start.
        drop(input);
        drop(outputs.journaled);
        drop(outputs.receipts);
        // The last commits follow; cut behind them, so that the next start has nothing to replay.
        while wait_for_change(&mut outputs.committed) {
            let position = *outputs.committed.borrow_and_update();
            self.truncate(position);
        }
        let position = *outputs.committed.borrow();
        self.truncate(position);
        self.sync()
    }

    /// Appends a delivery that is ours, by way of a buffer for its record.
    fn journal_one(&mut self, delivery: Delivery, record: &mut Vec<u8>) -> Result<Journaled, IngestError> {
        let ours = self.is_ours(&delivery.topic);
        let position = if ours {
            encode_record(&delivery, record);
            self.append(record)?
        } else {
            self.journal.last()
        };
        let Delivery {
            received_at,
            topic,
            payload,
            sent_bytes,
            receipt,
        } = delivery;
        Ok(Journaled {
            position,
            received_at,
            topic,
            payload,
            sent_bytes,
            receipt,
            ours,
        })
    }

    /// Hands on what the journal has and the table lacks.
    fn replay(&mut self, outputs: &JournalOutputs) -> Result<(), IngestError> {
        let mut reader = self.journal.reader(self.replay_after);
        let mut group = Vec::new();
        let mut bytes = 0;
        let mut replayed = 0u64;
        loop {
            let record = reader
                .next()
                .map_err(|e| IngestError::JournalFailed(e.to_string()))?;
            let done = record.is_none();
            if let Some(record) = record {
                replayed += 1;
                bytes += record.bytes.len();
                match decode_record(record.position, record.bytes) {
                    Some(journaled) => group.push(journaled),
                    None => {
                        let position = record.position;
                        return Err(IngestError::JournalFailed(format!(
                            "record {position} is of a newer version"
                        )));
                    }
                }
            }
            if group.len() >= GROUP_MESSAGES || bytes >= GROUP_BYTES || (done && !group.is_empty()) {
                bytes = 0;
                outputs
                    .journaled
                    .blocking_send(std::mem::take(&mut group))
                    .map_err(|_| IngestError::Stage("decode"))?;
            }
            if done {
                tracing::info!(records = replayed, after = %self.replay_after, "journal replayed");
                return Ok(());
            }
        }
    }

    /// Gathers what waits already; false when the end was among it.
    fn gather(
        &self,
        first: Vec<Delivery>,
        input: &mut mpsc::Receiver<Hop>,
        group: &mut Vec<Delivery>,
    ) -> bool {
        // Only a stream that comes faster than the interval waits for company.
        std::thread::sleep(self.group_interval.saturating_sub(self.synced_at.elapsed()));
        let bytes_of = |group: &[Delivery]| group.iter().map(|d| d.payload.len()).sum::<usize>();
        group.extend(first);
        let mut bytes = bytes_of(group);
        while group.len() < GROUP_MESSAGES && bytes < GROUP_BYTES {
            match input.try_recv() {
                Ok(Hop::Deliveries(next)) => {
                    bytes += bytes_of(&next);
                    group.extend(next);
                }
                Ok(Hop::End) => return false,
                Err(_) => break,
            }
        }
        true
    }

    fn is_ours(&self, topic: &str) -> bool {
        self.shard
            .is_none_or(|shard| shard.owns(Topic::device_level(topic)))
    }

    /// Appends a record, waiting while the disk is full.
    fn append(&mut self, record: &[u8]) -> Result<Position, IngestError> {
        loop {
            match self.journal.append(record) {
                Ok(position) => {
                    failpoint::pass(Point::JournalAppended);
                    return Ok(position);
                }
                Err(AppendError::Full(failure)) => self.wait_for_space(&failure.to_string()),
                Err(error) => return Err(IngestError::JournalFailed(error.to_string())),
            }
        }
    }

    /// Syncs, waiting while the disk is full.
    fn sync(&mut self) -> Result<(), IngestError> {
        let began = Instant::now();
        loop {
            match self.journal.sync() {
                Ok(_) => break,
                Err(SyncError::Full(failure)) => self.wait_for_space(&failure.to_string()),
                Err(error) => return Err(IngestError::JournalFailed(error.to_string())),
            }
        }
        self.synced_at = Instant::now();
        self.metrics.journal_sync.record(began.elapsed());
        add(&self.stats.journal_syncs, 1);
        let last = self.journal.last().get();
        self.stats.journal_last.store(last, Ordering::Relaxed);
        self.stats
            .journal_bytes
            .store(self.journal.bytes(), Ordering::Relaxed);
        Ok(())
    }

    fn wait_for_space(&self, failure: &str) {
        tracing::error!(failure, "journal disk is full, intake waits for space");
        std::thread::sleep(FULL_DISK_WAIT);
    }

    fn cut(&mut self, outputs: &mut JournalOutputs) {
        if outputs.committed.has_changed().unwrap_or(false) {
            let position = *outputs.committed.borrow_and_update();
            self.truncate(position);
        }
    }

    fn truncate(&mut self, position: Position) {
        if position <= self.journal.cut() {
            return;
        }
        // A segment that cannot be removed costs disk, not data: the next cut tries again.
        if let Err(error) = self.journal.truncate(position) {
            tracing::warn!(%error, %position, "journal not cut");
        }
        failpoint::pass(Point::JournalCut);
    }
}

/// Waits for another committed position; false when the committing stage has ended.
fn wait_for_change(committed: &mut tokio::sync::watch::Receiver<Position>) -> bool {
    loop {
        match committed.has_changed() {
            Ok(true) => return true,
            Ok(false) => std::thread::sleep(Duration::from_millis(5)),
            Err(_) => return false,
        }
    }
}
