//! Batch: gathers rows until a commit is worth while. Policy without I/O.
//!
//! Invariant: batches are sealed in journal order, and a sealed batch holds everything up to its position that no
//! earlier one held.

use std::time::{Duration, Instant};

use dustwatch_journal::Position;
use dustwatch_lake::{ObservationRows, RejectedRow};
use dustwatch_observation::{Ack, Topic};

use crate::counts::Counts;
use crate::delivery::Receipt;
use crate::durable::{Durable, Durables};

/// A batch that is ready to be committed.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) observations: ObservationRows,
    /// Rejections with the positions that they came from.
    pub(crate) rejected: Vec<(Position, RejectedRow)>,
    /// What was rejected, not kept, and is not among the rows yet, up to the position.
    pub(crate) counts: Counts,
    /// The journal position that the table has reached with this batch.
    pub(crate) up_to: Position,
    /// What is to be acknowledged once it is committed, with `ack_after = "lake"`.
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) acks: Vec<(Topic, Ack)>,
    /// What the other ingesters of the group are to be told once it is committed.
    pub(crate) durable: Vec<Durable>,
}

/// Gathers rows.
#[derive(Debug)]
pub(crate) struct Batcher {
    pub(crate) rows: ObservationRows,
    pub(crate) rejected: Vec<(Position, RejectedRow)>,
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) acks: Vec<(Topic, Ack)>,
    pub(crate) durable: Durables,
    rejected_bytes: usize,
    up_to: Position,
    opened: Option<Instant>,
    max_rows: usize,
    max_age: Duration,
}

/// Bytes of rejected payloads that seal a batch.
const MAX_REJECTED_BYTES: usize = 16 << 20;

impl Batcher {
    pub(crate) fn new(rows: ObservationRows, max_rows: usize, max_age: Duration) -> Self {
        Self {
            rows,
            rejected: Vec::new(),
            receipts: Vec::new(),
            acks: Vec::new(),
            durable: Durables::default(),
            rejected_bytes: 0,
            up_to: Position::ZERO,
            opened: None,
            max_rows,
            max_age,
        }
    }

    /// Takes note that everything up to a position has been added.
    pub(crate) fn reached(&mut self, position: Position, now: Instant) {
        self.up_to = position;
        self.opened.get_or_insert(now);
    }

    pub(crate) fn reject(&mut self, position: Position, row: RejectedRow) {
        self.rejected_bytes += row.payload.len();
        self.rejected.push((position, row));
    }

    /// Adds rejections that stand for messages of this batch.
    pub(crate) fn reject_together(&mut self, rows: Vec<RejectedRow>) {
        let up_to = self.up_to;
        rows.into_iter().for_each(|row| self.reject(up_to, row));
    }

    /// How long the batch may still wait; `None` while it is empty.
    pub(crate) fn time_left(&self, now: Instant) -> Option<Duration> {
        self.opened
            .map(|opened| self.max_age.saturating_sub(now - opened))
    }

    /// Whether the batch is large or old enough to be committed.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.rows.len() >= self.max_rows
            || self.rejected_bytes >= MAX_REJECTED_BYTES
            || self.time_left(now).is_some_and(|left| left.is_zero())
    }

    /// The batch so far, if there is anything in it; a new one begins.
    pub(crate) fn seal(&mut self) -> Option<Sealed> {
        self.opened.take()?;
        self.rejected_bytes = 0;
        Some(Sealed {
            observations: self.rows.take(),
            rejected: std::mem::take(&mut self.rejected),
            counts: Counts::default(),
            up_to: self.up_to,
            receipts: std::mem::take(&mut self.receipts),
            acks: std::mem::take(&mut self.acks),
            durable: self.durable.take(),
        })
    }
}
