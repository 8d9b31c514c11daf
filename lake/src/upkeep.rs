//! Upkeep: what nobody reads any more is deleted, so that a table does not grow for ever.
//!
//! Place on the way: beside it, a few times a day. Invariants: a file that the newest version reads is never deleted;
//! nor is one younger than the time that versions are kept, since a query or a commit may be under way with it; how old
//! a file is follows from the store's times, so that a machine whose clock is ahead deletes nothing young.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use deltalake::DeltaTable;
use deltalake::kernel::Action;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::operations::vacuum::{Clock, VacuumMode};
use deltalake::protocol::{DeltaOperation, checkpoints};
use dustwatch_failpoint::{self as failpoint, Point};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::exchange::{ATTEMPTS, wait_if_overtaken};
use crate::history::day_of;
use crate::{Lake, LakeError, TableKind, durable};

/// Properties that say how long versions are kept.
const RETENTION_PROPERTIES: [&str; 2] = ["delta.logRetentionDuration", "delta.deletedFileRetentionDuration"];

/// How much later than the newest entry of the log it may be, by any clock.
const AFTER_NEWEST_ENTRY: Duration = Duration::hours(1);

/// What upkeep deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Upkept {
    /// Data files.
    pub files: u64,
    /// Entries of the log.
    pub log_entries: u64,
}

impl Lake {
    /// Deletes data files that no version of the last `keep_days` reads, among them those of commits that never came to
    /// be; makes a checkpoint, and deletes older log entries. Versions older than that cannot be read any more.
    ///
    /// With 0 days every replaced file goes, also while ingesters run: left-overs stay then, since one may be a file
    /// whose commit is under way, and so do the log entries of the last day, since a writer may be counting on one.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the store fails; what was not deleted is deleted the next time.
    pub async fn vacuum(&self, kind: TableKind, keep_days: u32) -> Result<Upkept, LakeError> {
        let mut attempt = 0;
        loop {
            match self.try_vacuum(kind, keep_days).await {
                Ok(done) => return Ok(done),
                Err(error) => wait_if_overtaken(attempt, error).await?,
            }
            attempt += 1;
        }
    }

    async fn try_vacuum(&self, kind: TableKind, keep_days: u32) -> Result<Upkept, LakeError> {
        let Some(table) = self.existing(kind).await? else {
            return Ok(Upkept::default());
        };
        let fail = LakeError::store(kind.name());
        let keep = Duration::days(keep_days.into());
        let mode = if keep_days == 0 {
            VacuumMode::Lite
        } else {
            VacuumMode::Full
        };
        let table = self.keep_versions(table, kind, keep_days.max(1)).await?;
        let now = now_by_store(&table, kind).await?;
        let (table, metrics) = table
            .vacuum()
            .with_clock(Arc::new(Stopped(now)))
            .with_commit_properties(without_clean_up())
            .with_mode(mode)
            .with_retention_period(keep)
            .with_enforce_retention_duration(false)
            .await
            .map_err(fail)?;
        failpoint::pass(Point::FilesVacuumed);
        self.checkpoint(kind).await?;
        failpoint::pass(Point::VacuumCheckpointed);
        let expired = (now - keep.max(Duration::days(1))).timestamp_millis();
        let version = table.version().unwrap_or(0);
        let log_entries =
            checkpoints::cleanup_expired_logs_for(version, table.log_store().as_ref(), expired, None)
                .await
                .map_err(LakeError::store(kind.name()))?;
        Ok(Upkept {
            files: metrics.files_deleted.len() as u64,
            log_entries: log_entries as u64,
        })
    }

    /// Makes a checkpoint of a table's newest version, so that readers need not read the log from its start.
    ///
    /// # Errors
    /// [`LakeError::Store`], [`LakeError::Disk`] when the store fails; the table is as good as before.
    pub(crate) async fn checkpoint(&self, kind: TableKind) -> Result<(), LakeError> {
        let Some(table) = self.existing(kind).await? else {
            return Ok(());
        };
        failpoint::pass(Point::CheckpointDue);
        checkpoints::create_checkpoint(&table, None)
            .await
            .map_err(LakeError::store(kind.name()))?;
        failpoint::pass(Point::CheckpointWritten);
        match self.table_folder(kind) {
            Some(folder) => durable::sync_log_entry(&folder, table.version().unwrap_or(0)),
            None => Ok(()),
        }
    }

    /// Writes into a table's properties for how many days its versions are kept, when they say otherwise. Checkpoints
    /// forget by them which files were removed; a vacuum takes a forgotten one for a left-over, however young its
    /// removal is.
    async fn keep_versions(
        &self,
        table: DeltaTable,
        kind: TableKind,
        days: u32,
    ) -> Result<DeltaTable, LakeError> {
        let wanted = format!("interval {days} days");
        let state = table.snapshot().map_err(LakeError::store(kind.name()))?;
        let have = state.metadata().configuration();
        if RETENTION_PROPERTIES
            .iter()
            .all(|key| have.get(*key) == Some(&wanted))
        {
            return Ok(table);
        }
        let properties = RETENTION_PROPERTIES
            .iter()
            .map(|key| ((*key).to_owned(), wanted.clone()))
            .collect();
        let table = table
            .set_tbl_properties()
            .with_properties(properties)
            .with_commit_properties(without_clean_up())
            .await
            .map_err(LakeError::store(kind.name()))?;
        if let Some(folder) = self.table_folder(kind) {
            durable::sync_log_entry(&folder, table.version().unwrap_or(0))?;
        }
        Ok(table)
    }

    /// The newest local day (days since 1970) that a table partitioned by day has rows of.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the store fails.
    pub async fn newest_day(&self, kind: TableKind) -> Result<Option<i32>, LakeError> {
        let Some(table) = self.existing(kind).await? else {
            return Ok(None);
        };
        let state = table.snapshot().map_err(LakeError::store(kind.name()))?;
        Ok(state.log_data().iter().filter_map(|file| day_of(&file)).max())
    }

    /// Removes the local days before this one from a table partitioned by day; how many files that were. The files
    /// themselves go with a later [`Lake::vacuum`].
    ///
    /// # Errors
    /// [`LakeError::Store`], [`LakeError::Disk`]: nothing was removed.
    pub async fn remove_days_before(&self, kind: TableKind, day: i32) -> Result<u64, LakeError> {
        let Some(mut table) = self.existing(kind).await? else {
            return Ok(0);
        };
        for attempt in 0..ATTEMPTS {
            match self.try_removing(&table, kind, day).await {
                Ok(files) => return Ok(files),
                Err(error) => wait_if_overtaken(attempt, error).await?,
            }
            let fail = LakeError::store(kind.name());
            table.update_state().await.map_err(fail)?;
        }
        Err(LakeError::Overtaken { table: kind.name() })
    }

    async fn try_removing(&self, table: &DeltaTable, kind: TableKind, day: i32) -> Result<u64, LakeError> {
        let state = table.snapshot().map_err(LakeError::store(kind.name()))?;
        let actions: Vec<Action> = state
            .log_data()
            .iter()
            .filter(|file| day_of(file).is_some_and(|of| of < day))
            .map(|file| Action::Remove(file.remove_action(true)))
            .collect();
        let files = actions.len() as u64;
        if files > 0 {
            let operation = DeltaOperation::Delete { predicate: None };
            self.exchange(table, kind, actions, operation).await?;
        }
        Ok(files)
    }
}

/// The time by which files are old: now, but not much later than the newest entry of the log, as the store dates it.
async fn now_by_store(table: &DeltaTable, kind: TableKind) -> Result<DateTime<Utc>, LakeError> {
    let entry = format!("_delta_log/{:020}.json", table.version().unwrap_or(0));
    let store = table.log_store().object_store(None);
    match store.head(&Path::from(entry)).await {
        Ok(newest) => Ok(Utc::now().min(newest.last_modified + AFTER_NEWEST_ENTRY)),
        Err(cause) => Err(LakeError::store(kind.name())(cause.into())),
    }
}

/// A clock that shows one time.
#[derive(Debug)]
struct Stopped(DateTime<Utc>);

impl Clock for Stopped {
    fn current_timestamp_millis(&self) -> i64 {
        self.0.timestamp_millis()
    }
}

/// The library cleans the log up by the table's properties at every commit; here it is done once, by the settings.
fn without_clean_up() -> CommitProperties {
    CommitProperties::default().with_cleanup_expired_logs(Some(false))
}
