//! Counters of a running ingester: what came, what became of it, how far it has got.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use dustwatch_observation::Reason;

/// Counters, shared by all stages.
#[derive(Debug, Default)]
pub struct Stats {
    pub(crate) messages: AtomicU64,
    pub(crate) journaled: AtomicU64,
    pub(crate) journal_syncs: AtomicU64,
    pub(crate) journal_bytes: AtomicU64,
    pub(crate) acknowledged: AtomicU64,
    pub(crate) observations: AtomicU64,
    pub(crate) committed: AtomicU64,
    pub(crate) committed_bytes: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) version: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) corrections: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) connected: AtomicBool,
    pub(crate) replayed: AtomicBool,
    pub(crate) unacknowledged: AtomicU64,
    pub(crate) files: AtomicU64,
    pub(crate) journal_last: AtomicU64,
    pub(crate) table_position: AtomicU64,
    pub(crate) clock_ahead_micros: AtomicU64,
    pub(crate) reloads: AtomicU64,
    pub(crate) failed_reloads: AtomicU64,
    pub(crate) rejected: Mutex<BTreeMap<Reason, u64>>,
}

/// The counters at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Messages received from the broker, redeliveries included.
    pub messages: u64,
    /// Messages synced to the journal.
    pub journaled: u64,
    /// Syncs of the journal.
    pub journal_syncs: u64,
    /// Bytes of the journal on disk.
    pub journal_bytes: u64,
    /// Messages acknowledged to the broker.
    pub acknowledged: u64,
    /// Observations decoded.
    pub observations: u64,
    /// Observations committed to the table.
    pub committed: u64,
    /// Bytes of Parquet committed.
    pub committed_bytes: u64,
    /// Commits of the table `observations`.
    pub commits: u64,
    /// Newest version of `observations` by this ingester.
    pub version: u64,
    /// Observations that the table had already.
    pub duplicates: u64,
    /// Observations that corrected an earlier one.
    pub corrections: u64,
    /// Connections made to the broker.
    pub connections: u64,
    /// Messages in the journal that the table has not reached.
    pub left_in_journal: u64,
    /// Whether one stands.
    pub connected: bool,
    /// Whether what the journal had and the table lacked has been taken up.
    pub replayed: bool,
    /// Messages of the present connection that wait for their acknowledgement.
    pub unacknowledged: u64,
    /// Files that the newest version of `observations` reads.
    pub files: u64,
    /// How far receive times are ahead of the clock since it was put back, in microseconds.
    pub clock_ahead_micros: u64,
    /// Times that the stations were exchanged.
    pub reloads: u64,
    /// Times that the files could not be read again.
    pub failed_reloads: u64,
    /// Rejections by reason.
    pub rejected: BTreeMap<Reason, u64>,
}

pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

impl Stats {
    pub(crate) fn reject(&self, reason: Reason) {
        let mut rejected = self
            .rejected
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *rejected.entry(reason).or_default() += 1;
    }

    /// Takes note that the stations were exchanged for those that the files say now.
    pub fn reloaded(&self) {
        add(&self.reloads, 1);
    }

    /// Takes note that the files could not be read again.
    pub fn reload_failed(&self) {
        add(&self.failed_reloads, 1);
    }

    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            messages: get(&self.messages),
            journaled: get(&self.journaled),
            journal_syncs: get(&self.journal_syncs),
            journal_bytes: get(&self.journal_bytes),
            acknowledged: get(&self.acknowledged),
            observations: get(&self.observations),
            committed: get(&self.committed),
            committed_bytes: get(&self.committed_bytes),
            commits: get(&self.commits),
            version: get(&self.version),
            duplicates: get(&self.duplicates),
            corrections: get(&self.corrections),
            connections: get(&self.connections),
            left_in_journal: get(&self.journal_last).saturating_sub(get(&self.table_position)),
            connected: self.connected.load(Ordering::Relaxed),
            replayed: self.replayed.load(Ordering::Relaxed),
            unacknowledged: get(&self.unacknowledged),
            files: get(&self.files),
            clock_ahead_micros: get(&self.clock_ahead_micros),
            reloads: get(&self.reloads),
            failed_reloads: get(&self.failed_reloads),
            rejected: self
                .rejected
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .clone(),
        }
    }
}
