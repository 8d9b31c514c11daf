//! One log entry: read, and written under the next free version.
//!
//! Appends, compactions and retention become part of a table here. An entry is put under the version after the last one
//! known, which fails when another writer was quicker; then that writer's entry is read, and the next version
//! tried after a wait with jitter. Neither the list of files nor the log's folder is read, so a commit costs the same
//! however large the table is; the table library's own commit reads both. (It would also try 15 times without a wait.)
//!
//! Invariant: the caller's `known` version must be so young that its successor cannot have been cleaned up, see
//! [`is_there`].

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use deltalake::kernel::transaction::{CommitData, PROTOCOL, TransactionError};
use deltalake::kernel::{Action, Transaction};
use deltalake::logstore::{CommitOrBytes, LogStore};
use deltalake::protocol::DeltaOperation;
use deltalake::{DeltaTable, DeltaTableError};
use serde_json::Value;

use crate::TouchedDays;

/// Versions from one checkpoint to the next.
pub(crate) const CHECKPOINT_EVERY: u64 = 50;

/// Races that a commit may lose before it is given up; each one means that another writer got on.
const MAX_LOST_RACES: u32 = 500;

/// Longest wait after a lost race, in milliseconds; the first is at most an eighth of it.
const MAX_WAIT_MS: u64 = 160;

/// What the log says of one version.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) version: u64,
    pub(crate) actions: Vec<Value>,
}

impl Entry {
    /// The position that an application id reached in this entry.
    pub(crate) fn position(&self, app_id: &str) -> Option<u64> {
        self.actions
            .iter()
            .filter_map(|action| action.get("txn"))
            .filter(|txn| txn.get("appId").and_then(Value::as_str) == Some(app_id))
            .find_map(|txn| txn.get("version").and_then(Value::as_u64))
    }

    /// Whether columns, properties or the protocol are others from here on.
    pub(crate) fn changes_table(&self) -> bool {
        self.actions
            .iter()
            .any(|action| action.get("metaData").is_some() || action.get("protocol").is_some())
    }

    /// The days whose rows it changed; a compaction changes none.
    pub(crate) fn touched(&self) -> TouchedDays {
        let mut days = TouchedDays::none();
        days.touch(self);
        days
    }
}

/// What the writer does after another one's entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    /// It does not concern this commit: try the next version.
    Go,
    /// This commit must not be made any more.
    Stop,
}

/// How a commit ended, other than by an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is the table's version now.
    At(u64),
    /// Another writer's entry stopped it.
    Stopped,
}

/// Reads the entry of a version; `None` when there is none.
pub(crate) async fn read_entry(log: &dyn LogStore, version: u64) -> Result<Option<Entry>, DeltaTableError> {
    let Some(text) = log.read_commit_entry(version).await? else {
        return Ok(None);
    };
    let actions = text
        .split(|b| *b == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    Ok(Some(Entry { version, actions }))
}

/// Whether the entry of a version is still there. Entries are cleaned up oldest first, so then none after it is gone,
/// and the next free version is the table's next.
pub(crate) async fn is_there(log: &dyn LogStore, version: u64) -> Result<bool, DeltaTableError> {
    Ok(log.read_commit_entry(version).await?.is_some())
}

/// Writes actions under the next free version after `known`, showing the entries that came in between to `pass`.
///
/// # Errors
/// What the store said. The entry may have landed all the same: it is then the one after the last that was passed.
pub(crate) async fn write_entry(
    table: &DeltaTable,
    mut known: u64,
    actions: Vec<Action>,
    operation: DeltaOperation,
    transaction: Option<Transaction>,
    mut pass: impl FnMut(Entry) -> Passed,
) -> Result<Written, DeltaTableError> {
    PROTOCOL.can_commit(table.snapshot()?, &actions, &operation)?;
    let data = CommitData::new(
        actions,
        operation,
        std::collections::HashMap::new(),
        transaction.into_iter().collect(),
    );
    let bytes = data.get_bytes()?;
    let log = table.log_store();
    for lost in 0..MAX_LOST_RACES {
        let entry = CommitOrBytes::LogBytes(bytes.clone());
        match log.write_commit_entry(known + 1, entry, Default::default()).await {
            Ok(()) => return Ok(Written::At(known + 1)),
            Err(TransactionError::VersionAlreadyExists(_)) => {}
            Err(error) => return Err(error.into()),
        }
        // Somebody was quicker; perhaps several, of whom only the last is raced for again.
        while let Some(entry) = read_entry(log.as_ref(), known + 1).await? {
            known += 1;
            if pass(entry) == Passed::Stop {
                return Ok(Written::Stopped);
            }
        }
        tokio::time::sleep(wait_after(lost, random())).await;
    }
    Err(TransactionError::MaxCommitAttempts(MAX_LOST_RACES as i32).into())
}

/// The wait after so many lost races: growing, and different for every writer.
pub(crate) fn wait_after(lost: u32, random: u64) -> Duration {
    let ceiling = ((MAX_WAIT_MS / 8) << lost.min(3)) * 1000;
    Duration::from_micros(random % ceiling)
}

pub(crate) fn random() -> u64 {
    std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_differ() {
        let longest: Vec<u128> = (0..6)
            .map(|lost| wait_after(lost, u64::MAX).as_millis())
            .collect();
        assert!(longest.iter().all(|ms| *ms < u128::from(MAX_WAIT_MS)));
        assert!((0..1000).all(|n| wait_after(0, n * 7919) < Duration::from_millis(20)));
        let some: std::collections::HashSet<Duration> = (0..20).map(|_| wait_after(5, random())).collect();
        assert!(some.len() > 10);
    }
}
