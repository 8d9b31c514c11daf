//! Taking files out of a table, and putting others in their place: the commits of compaction and of retention.
//!
//! Place on the way: beside it, while ingesters append. Like an append, such a commit goes under the version after the
//! last one known, reads what other writers did when they were quicker, waits with jitter and tries the next. Appends
//! in between do not concern it. What does is a writer that took one of the same files out, or changed the table's
//! columns or properties: then nothing is committed.
//!
//! Invariant: a file is taken out of a table by one commit only, so that its rows are never there twice.

use std::collections::BTreeSet;
use std::time::Duration;

use deltalake::kernel::Action;
use deltalake::kernel::transaction::TransactionError;
use deltalake::protocol::DeltaOperation;
use deltalake::{DeltaTable, DeltaTableError};
use dustwatch_failpoint::{self as failpoint, Point};
use serde_json::Value;

use crate::entry::{CHECKPOINT_EVERY, Entry, Passed, Written, random, read_entry, wait_after, write_entry};
use crate::{Lake, LakeError, TableKind, durable};

/// Attempts at work that other writers overtake.
pub(crate) const ATTEMPTS: u32 = 8;

/// Paths of an exchange, as the log writes them.
#[derive(Debug, Default)]
struct Paths {
    removed: BTreeSet<String>,
    added: BTreeSet<String>,
}

impl Paths {
    fn of(actions: &[Action]) -> Self {
        let values = actions
            .iter()
            .filter_map(|action| serde_json::to_value(action).ok());
        let mut paths = Self::default();
        values.for_each(|value| paths.note(&value));
        paths
    }

    fn note(&mut self, action: &Value) {
        for (key, paths) in [("remove", &mut self.removed), ("add", &mut self.added)] {
            if let Some(path) = action.get(key).and_then(|file| file.get("path")?.as_str()) {
                paths.insert(path.to_owned());
            }
        }
    }

    fn of_entry(entry: &Entry) -> Self {
        let mut paths = Self::default();
        entry.actions.iter().for_each(|action| paths.note(action));
        paths
    }

    /// Whether an entry did what this exchange is to do.
    fn is_done_by(&self, entry: &Entry) -> bool {
        let done = Self::of_entry(entry);
        self.removed == done.removed && self.added == done.added
    }

    /// Whether this exchange must not be made behind an entry.
    fn is_void_behind(&self, entry: &Entry) -> bool {
        entry.changes_table() || !self.removed.is_disjoint(&Self::of_entry(entry).removed)
    }
}

impl Lake {
    /// Commits removals, and the files in their place, to a table that was brought up to date before they were chosen;
    /// the version that is on disk when this returns.
    ///
    /// # Errors
    /// [`LakeError::Overtaken`] when another writer took one of the files out first, or changed the table: nothing is
    /// committed. [`LakeError::Store`], [`LakeError::Disk`] when the store fails, and nothing is known to be committed.
    pub(crate) async fn exchange(
        &self,
        table: &DeltaTable,
        kind: TableKind,
        actions: Vec<Action>,
        operation: DeltaOperation,
    ) -> Result<u64, LakeError> {
        let paths = Paths::of(&actions);
        let mut known = table.version().unwrap_or(0);
        let pass = |entry: Entry| {
            known = entry.version;
            if paths.is_void_behind(&entry) {
                Passed::Stop
            } else {
                Passed::Go
            }
        };
        let written = write_entry(
            table,
            table.version().unwrap_or(0),
            actions,
            operation,
            None,
            pass,
        )
        .await;
        let version = match written {
            Ok(Written::At(version)) => {
                failpoint::pass(Point::DayExchanged);
                version
            }
            Ok(Written::Stopped) => {
                return Err(LakeError::Overtaken { table: kind.name() });
            }
            // It may have landed all the same, as the entry behind the last that was passed.
            Err(error) => match read_entry(table.log_store().as_ref(), known + 1).await {
                Ok(Some(entry)) if paths.is_done_by(&entry) => entry.version,
                _ => return Err(LakeError::store(kind.name())(error)),
            },
        };
        if let Some(folder) = self.table_folder(kind) {
            durable::sync_log_entry(&folder, version)?;
        }
        if version.is_multiple_of(CHECKPOINT_EVERY)
            && let Err(error) = self.checkpoint(kind).await
        {
            tracing::warn!(table = kind.name(), %error, "no checkpoint was made; the next is tried later");
        }
        Ok(version)
    }
}

/// Waits before the next attempt at something that another writer overtook; an error of another kind, and the last
/// attempt's, is given back.
pub(crate) async fn wait_if_overtaken(attempt: u32, error: LakeError) -> Result<(), LakeError> {
    if attempt + 1 >= ATTEMPTS || !is_overtaken(&error) {
        return Err(error);
    }
    tracing::debug!(%error, attempt, "overtaken, looking again");
    // Longer than after a lost race: the work before the commit is done anew as well.
    tokio::time::sleep(wait_after(attempt, random()) + Duration::from_millis(10)).await;
    Ok(())
}

/// Whether another writer was in the way, by this crate's word or by the table library's.
fn is_overtaken(error: &LakeError) -> bool {
    match error {
        LakeError::Overtaken { .. } => true,
        LakeError::Store { cause, .. } => matches!(
            **cause,
            DeltaTableError::VersionAlreadyExists(_)
                | DeltaTableError::Transaction {
                    source: TransactionError::VersionAlreadyExists(_)
                        | TransactionError::CommitConflict(_)
                        | TransactionError::MaxCommitAttempts(_)
                }
        ),
        _ => false,
    }
}
