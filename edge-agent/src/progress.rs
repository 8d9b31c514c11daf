//! How far the publishing is: counters that the driver writes and a bar or a dashboard reads.
//!
//! Invariant: every counter only grows.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counters of one run; observations unless the name says messages.
#[derive(Debug, Default)]
pub struct Progress {
    total: AtomicU64,
    sent: AtomicU64,
    confirmed: AtomicU64,
    messages_confirmed: AtomicU64,
    messages_resent: AtomicU64,
    bad_lines: AtomicU64,
}

impl Progress {
    /// Observations expected in all, as far as known; an estimate, 0 when unknown.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Observations sent at least once.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Observations confirmed.
    pub fn confirmed(&self) -> u64 {
        self.confirmed.load(Ordering::Relaxed)
    }

    /// Messages confirmed.
    pub fn messages_confirmed(&self) -> u64 {
        self.messages_confirmed.load(Ordering::Relaxed)
    }

    /// Times that a message was sent again.
    pub fn messages_resent(&self) -> u64 {
        self.messages_resent.load(Ordering::Relaxed)
    }

    /// Lines of a table or a source that are no observation.
    pub fn bad_lines(&self) -> u64 {
        self.bad_lines.load(Ordering::Relaxed)
    }

    pub(crate) fn set_total(&self, observations: u64) {
        self.total.fetch_max(observations, Ordering::Relaxed);
    }

    pub(crate) fn add_sent(&self, observations: u64) {
        self.sent.fetch_add(observations, Ordering::Relaxed);
    }

    pub(crate) fn add_confirmed(&self, observations: u64, messages: u64) {
        self.confirmed.fetch_add(observations, Ordering::Relaxed);
        self.messages_confirmed.fetch_add(messages, Ordering::Relaxed);
    }

    pub(crate) fn add_resent(&self) {
        self.messages_resent.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_bad_line(&self) {
        self.bad_lines.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a run of a tool came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The epoch that the messages carried.
    pub epoch: String,
    /// Observations confirmed.
    pub confirmed: u64,
    /// Messages confirmed.
    pub messages_confirmed: u64,
    /// Times that a message was sent again.
    pub messages_resent: u64,
    /// Lines that were no observation.
    pub bad_lines: u64,
    /// Messages accepted and not confirmed when the run was stopped.
    pub unconfirmed: u64,
    /// Whether the run was stopped before its end.
    pub stopped: bool,
    /// How long it took.
    pub elapsed: Duration,
}

impl Report {
    pub(crate) fn new(
        epoch: &str,
        progress: &Progress,
        unconfirmed: usize,
        stopped: bool,
        elapsed: Duration,
    ) -> Self {
        Self {
            epoch: epoch.to_owned(),
            confirmed: progress.confirmed(),
            messages_confirmed: progress.messages_confirmed(),
            messages_resent: progress.messages_resent(),
            bad_lines: progress.bad_lines(),
            unconfirmed: unconfirmed as u64,
            stopped,
            elapsed,
        }
    }

    /// Whether everything that was sent is confirmed.
    pub fn is_complete(&self) -> bool {
        self.unconfirmed == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "confirmed {} observations in {} messages, {} resent, {} unconfirmed, {} bad lines, epoch {}, {:.1} s",
            self.confirmed,
            self.messages_confirmed,
            self.messages_resent,
            self.unconfirmed,
            self.bad_lines,
            self.epoch,
            self.elapsed.as_secs_f64()
        )
    }
}
