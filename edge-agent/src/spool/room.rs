//! How much the spool may hold, and what goes when there is no room.
//!
//! A gateway that nobody reaches for months must not fill the disk that its system runs on. What is given up here was never
//! confirmed: each time it is told in the log, and what was numbered leaves a gap in the numbers, which the bureau's
//! completeness ledger shows.

use std::sync::Arc;
use std::time::Duration;

use dustwatch_journal::{Journal, Position, TruncateError};
use dustwatch_observation::{Clock, Time};

use crate::EdgeError;

/// How often the oldest record's age is looked at.
const LOOK: Duration = Duration::from_secs(60);

/// What becomes of observations that there is no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// The sources wait: a logger keeps what is not answered, a program blocks; what is sampled meanwhile is lost.
    #[default]
    Wait,
    /// The oldest go, a segment at a time.
    DropOldest,
    /// The newest are not taken.
    DropNewest,
}

impl std::str::FromStr for WhenFull {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "wait" => Ok(WhenFull::Wait),
            "drop_oldest" => Ok(WhenFull::DropOldest),
            "drop_newest" => Ok(WhenFull::DropNewest),
            other => Err(format!("{other:?} is none of wait, drop_oldest, drop_newest")),
        }
    }
}

/// The limits of a spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolLimits {
    /// Bytes on disk.
    pub bytes: u64,
    /// Age of the oldest observation; none for any.
    pub age: Option<Duration>,
    /// What goes when there is no room.
    pub when_full: WhenFull,
}

/// Keeps a spool within its limits.
pub(super) struct Room {
    limits: SpoolLimits,
    clock: Arc<dyn Clock>,
    /// When the oldest record's age was looked at last.
    looked_at: Option<Time>,
    dropped: u64,
}

impl Room {
    pub(super) fn new(limits: SpoolLimits, clock: Arc<dyn Clock>) -> Self {
        Self {
            limits,
            clock,
            looked_at: None,
            dropped: 0,
        }
    }

    pub(super) fn when_full(&self) -> WhenFull {
        self.limits.when_full
    }

    /// Whether a record of so many bytes would be too much.
    pub(super) fn lacks(&self, journal: &Journal, bytes: usize) -> bool {
        journal.bytes().saturating_add(bytes as u64) > self.limits.bytes
    }

    /// Gives up the oldest segment; `false` when there is none but the one that is written to.
    pub(super) fn drop_oldest(&mut self, journal: &mut Journal) -> Result<bool, EdgeError> {
        match journal.oldest_segment_end() {
            Some(end) => self.drop_up_to(end, journal, "there is no room").map(|()| true),
            None => Ok(false),
        }
    }

    /// Notes a record that was not taken.
    pub(super) fn refuse_newest(&mut self) {
        self.dropped += 1;
        // At the first, and then more and more rarely.
        if self.dropped.is_power_of_two() {
            tracing::error!(
                dropped = self.dropped,
                "there is no room in the spool: what is new is lost"
            );
        }
    }

    /// Gives up what is too old, once a minute.
    pub(super) fn drop_old(&mut self, journal: &mut Journal) -> Result<(), EdgeError> {
        let Some(age) = self.limits.age else {
            return Ok(());
        };
        let now = self.clock.now();
        let since = self.looked_at.map(|looked| now.as_micros() - looked.as_micros());
        if since.is_some_and(|since| (0..micros(LOOK)).contains(&since)) {
            return Ok(());
        }
        self.looked_at = Some(now);
        let oldest = now.plus_micros(-micros(age));
        let mut reader = journal.reader(journal.cut());
        let mut too_old = None;
        while let Some(record) = reader.next()? {
            if time_of(&record.bytes).is_none_or(|time| time >= oldest) {
                break;
            }
            too_old = Some(record.position);
        }
        match too_old {
            Some(end) => self.drop_up_to(end, journal, "it is too old"),
            None => Ok(()),
        }
    }

    fn drop_up_to(&mut self, end: Position, journal: &mut Journal, why: &str) -> Result<(), EdgeError> {
        let first = journal.cut().get() + 1;
        match journal.truncate(end) {
            Ok(_) => {}
            // The records are given up; the file goes with the next cut.
            Err(TruncateError::Remove(failure)) => {
                tracing::warn!(%failure, "a segment of the spool could not be removed");
            }
            Err(error) => return Err(error.into()),
        }
        let count = end.get().saturating_sub(first - 1);
        self.dropped += count;
        tracing::error!(
            first,
            last = end.get(),
            dropped = self.dropped,
            why,
            "observations are given up that nobody has confirmed"
        );
        Ok(())
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// When a record was observed, if it says so.
fn time_of(record: &[u8]) -> Option<Time> {
    let record: serde_json::Value = serde_json::from_slice(record).ok()?;
    let time = chrono::DateTime::parse_from_rfc3339(record.get("time")?.as_str()?).ok()?;
    Some(Time::from_micros(time.timestamp_micros()))
}
