//! Upkeep: what nobody reads any more is deleted, so that a table does not grow for ever.
//!
//! Place on the way: beside it, a few times a day. Invariants: a file that the newest version reads is never deleted;
//! nor is one younger than the time that versions are kept, since a query or a commit may be under way with it.

use chrono::Duration;
use deltalake::DeltaTable;
use deltalake::kernel::Action;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::operations::vacuum::VacuumMode;
use deltalake::protocol::{DeltaOperation, checkpoints};

use crate::history::day_of;
use crate::{Lake, LakeError, TableKind, durable};

/// Properties that say how long versions are kept.
const RETENTION_PROPERTIES: [&str; 2] = ["delta.logRetentionDuration", "delta.deletedFileRetentionDuration"];

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
    /// # Errors
    /// [`LakeError::Store`] when the store fails; what was not deleted is deleted the next time.
    pub async fn vacuum(&self, kind: TableKind, keep_days: u32) -> Result<Upkept, LakeError> {
        let Some(table) = self.existing(kind).await? else {
            return Ok(Upkept::default());
        };
        let fail = LakeError::store(kind.name());
        let keep = Duration::days(keep_days.into());
        let table = self.keep_versions(table, kind, keep_days.max(1)).await?;
        let (table, metrics) = table
            .vacuum()
            .with_commit_properties(without_clean_up())
            .with_mode(VacuumMode::Full)
            .with_retention_period(keep)
            .with_enforce_retention_duration(false)
            .await
            .map_err(fail)?;
        self.checkpoint(kind).await?;
        let expired = (chrono::Utc::now() - keep).timestamp_millis();
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
        checkpoints::create_checkpoint(&table, None)
            .await
            .map_err(LakeError::store(kind.name()))?;
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

    /// Removes the local days before this one from a table partitioned by day; how many files that were. The files
    /// themselves go with a later [`Lake::vacuum`].
    ///
    /// # Errors
    /// [`LakeError::Store`], [`LakeError::Disk`]: nothing was removed.
    pub async fn remove_days_before(&self, kind: TableKind, day: i32) -> Result<u64, LakeError> {
        let Some(table) = self.existing(kind).await? else {
            return Ok(0);
        };
        let state = table.snapshot().map_err(LakeError::store(kind.name()))?;
        let actions: Vec<Action> = state
            .log_data()
            .iter()
            .filter(|file| day_of(file).is_some_and(|of| of < day))
            .map(|file| Action::Remove(file.remove_action(true)))
            .collect();
        let files = actions.len() as u64;
        if files == 0 {
            return Ok(0);
        }
        let finalized = CommitBuilder::from(without_clean_up())
            .with_actions(actions)
            .build(
                Some(state),
                table.log_store(),
                DeltaOperation::Delete { predicate: None },
            )
            .await
            .map_err(LakeError::store(kind.name()))?;
        if let Some(folder) = self.table_folder(kind) {
            durable::sync_log_entry(&folder, finalized.version())?;
        }
        Ok(files)
    }
}

/// The library cleans the log up by the table's properties at every commit; here it is done once, by the settings.
fn without_clean_up() -> CommitProperties {
    CommitProperties::default().with_cleanup_expired_logs(Some(false))
}
