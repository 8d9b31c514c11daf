//! Following a table's log: what others have committed, and what became of a commit of one's own.
//!
//! Place on the way: under the [appender](crate::Appender), which follows the log entry by entry and keeps no list of
//! files; the table that it holds is for its columns, and brought up to date only when a day is to be read. After a long
//! rest, or when the log says that columns changed, it is read afresh.
//!
//! Invariant: the version that is known is one that was seen in the log, and every entry up to it was passed.

use std::time::{Duration, Instant};

use deltalake::DeltaTable;

use crate::entry::{Entry, is_there, read_entry};
use crate::history::days_of;
use crate::{Appender, LakeError, TableKind, TouchedDays};

/// Updates of the table after which it is read afresh, so that memory does not grow with the log.
const REOPEN_AFTER: u32 = 100;

/// Age above which the newest entry known is looked for again: far below the time for which entries are kept.
const SURE_FOR: Duration = Duration::from_secs(3600);

impl Appender {
    /// Takes note of what other writers have committed; the days that they touched since this was asked last.
    pub(crate) async fn foreign_days(&mut self) -> Result<TouchedDays, LakeError> {
        self.catch_up().await?;
        Ok(std::mem::replace(&mut self.foreign, TouchedDays::none()))
    }

    /// Brings the table up to date, for reading rows.
    pub(crate) async fn refresh(&mut self) -> Result<(), LakeError> {
        let store = LakeError::store(self.kind.name());
        if self.table.version().is_some_and(|read| read >= self.version) {
            return Ok(());
        }
        self.updates += 1;
        if self.updates.is_multiple_of(REOPEN_AFTER) {
            self.table = self.lake.open_or_create(self.kind).await?;
            return Ok(());
        }
        self.table.update_state().await.map_err(store)
    }

    /// Reads the log on to its end.
    pub(crate) async fn catch_up(&mut self) -> Result<(), LakeError> {
        self.find_newest().await?;
        let log = self.table.log_store();
        while let Some(entry) = read_entry(log.as_ref(), self.version + 1)
            .await
            .map_err(LakeError::store(self.kind.name()))?
        {
            self.pass(&entry);
        }
        self.seen = Instant::now();
        self.uncertain = false;
        Ok(())
    }

    /// After a long rest the entries after the one known may have been cleaned up: then the table is read afresh,
    /// since a version among them would be free again.
    pub(crate) async fn find_newest(&mut self) -> Result<(), LakeError> {
        let log = self.table.log_store();
        let is_sure = self.seen.elapsed() < SURE_FOR
            && is_there(log.as_ref(), self.version)
                .await
                .map_err(LakeError::store(self.kind.name()))?;
        if is_sure { Ok(()) } else { self.reopen().await }
    }

    /// Takes note of an entry that is in the log.
    pub(crate) fn pass(&mut self, entry: &Entry) {
        self.version = entry.version;
        self.unsynced.get_or_insert(entry.version);
        self.changed |= entry.changes_table();
        let count = |action: &str| entry.actions.iter().filter(|a| a.get(action).is_some()).count();
        self.files = (self.files + count("add")).saturating_sub(count("remove"));
        let touched = entry.touched();
        if let TouchedDays::Days(days) = &touched {
            self.days.extend(days);
        }
        match entry.position(&self.app_id) {
            // Ours, landed in spite of an error.
            Some(reached) => self.position = self.position.max(Some(reached)),
            None => self.foreign.extend(touched),
        }
    }

    /// Reads the table afresh, with everything that follows from it.
    pub(crate) async fn reopen(&mut self) -> Result<(), LakeError> {
        let before = self.version;
        self.table = self.lake.open_or_create(self.kind).await?;
        self.position = read_position(&self.table, self.kind, &self.app_id).await?;
        self.days.extend(days_of(&self.table)?);
        self.files = files_of(&self.table);
        self.version = self.table.version().unwrap_or(0);
        self.seen = Instant::now();
        (self.changed, self.uncertain) = (false, false);
        if self.version != before {
            self.unsynced.get_or_insert(self.version);
            self.foreign = TouchedDays::Unknown;
        }
        Ok(())
    }
}

/// Files that a table's version reads.
pub(crate) fn files_of(table: &DeltaTable) -> usize {
    table
        .snapshot()
        .map_or(0, |state| state.log_data().iter().count())
}

/// The position that a table has reached under an application id, by its whole log.
pub(crate) async fn read_position(
    table: &DeltaTable,
    kind: TableKind,
    app_id: &str,
) -> Result<Option<u64>, LakeError> {
    let state = table.snapshot().map_err(LakeError::store(kind.name()))?;
    let version = state
        .transaction_version(table.log_store().as_ref(), app_id)
        .await
        .map_err(LakeError::store(kind.name()))?;
    Ok(version.and_then(|v| u64::try_from(v).ok()))
}
