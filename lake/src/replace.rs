//! Replacing the days of the rollup `hourly`.
//!
//! A file of `hourly` holds one local day, so a day is replaced by one commit that removes its file and adds a new
//! one. The commit carries the version of `observations` that the rows were made from, as an application transaction:
//! a rollup always knows what it is a function of.

use std::ops::Range;

use chrono::DateTime;
use deltalake::arrow::array::RecordBatch;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, LogicalFileView, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};

use crate::files::write_files;
use crate::follow::read_position;
use crate::{Commit, Lake, LakeError, TableKind, durable};

/// Application id under which the rollup's source version stands in the log.
const ROLLUP_APP: &str = "rollup";

/// New rows of one local day.
#[derive(Debug)]
pub struct DayRows {
    /// The day's instants, microseconds since 1970, end exclusive.
    pub span: Range<i64>,
    /// All rows of that day, in the columns of [`crate::hourly_schema`].
    pub rows: RecordBatch,
}

/// Which days a replacement concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// The days that are given; the others stay.
    Days,
    /// Everything: what is given is all there is.
    All,
}

impl Lake {
    /// The version of `observations` that `hourly` was made from; `None` when there is no rollup yet.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the store fails.
    pub async fn rollup_source(&self) -> Result<Option<u64>, LakeError> {
        match self.existing(TableKind::Hourly).await? {
            Some(table) => read_position(&table, TableKind::Hourly, ROLLUP_APP).await,
            None => Ok(None),
        }
    }

    /// Replaces days of `hourly` by rows made from version `source` of `observations`, in one commit.
    ///
    /// # Errors
    /// [`LakeError::Layout`] when a file holds other days beside a replaced one, as after a foreign compaction:
    /// replace everything. [`LakeError::Store`], [`LakeError::Disk`]: nothing was committed.
    pub async fn replace_days(
        &self,
        days: &[DayRows],
        replace: Replace,
        source: u64,
    ) -> Result<Commit, LakeError> {
        let kind = TableKind::Hourly;
        let name = kind.name();
        let table = self.open_or_create(kind).await?;
        let state = table.snapshot().map_err(LakeError::store(name))?;
        let mut actions = Vec::new();
        for file in state.log_data().iter() {
            if replace == Replace::All || is_replaced(&file, days)? {
                actions.push(Action::Remove(file.remove_action(true)));
            }
        }
        let (mut rows, mut bytes) = (0, 0);
        for day in days.iter().filter(|day| day.rows.num_rows() > 0) {
            let adds = write_files(&table, kind, std::slice::from_ref(&day.rows)).await?;
            if let Some(folder) = self.table_folder(kind) {
                durable::sync_files(&folder, &adds)?;
            }
            rows += day.rows.num_rows() as u64;
            bytes += adds.iter().map(|add| add.size.unsigned_abs()).sum::<u64>();
            actions.extend(adds.into_iter().map(Action::Add));
        }
        let transaction = Transaction::new(ROLLUP_APP, i64::try_from(source).unwrap_or(i64::MAX));
        let properties = CommitProperties::default()
            .with_application_transaction(transaction)
            .with_cleanup_expired_logs(Some(false));
        let operation = DeltaOperation::Write {
            mode: SaveMode::Overwrite,
            partition_by: kind.partition().map(|column| vec![column.to_owned()]),
            predicate: None,
        };
        let finalized = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(state), table.log_store(), operation)
            .await
            .map_err(LakeError::store(name))?;
        if let Some(folder) = self.table_folder(kind) {
            durable::sync_log_entry(&folder, finalized.version())?;
        }
        Ok(Commit {
            version: finalized.version(),
            rows,
            bytes,
        })
    }
}

/// Whether a file holds a replaced day, and nothing else.
fn is_replaced(file: &LogicalFileView, days: &[DayRows]) -> Result<bool, LakeError> {
    let layout = |message: String| LakeError::Layout {
        table: TableKind::Hourly.name(),
        message,
    };
    let span = hours_of(file).ok_or_else(|| {
        layout(format!(
            "file {} has no statistics; rebuild the rollup",
            file.path()
        ))
    })?;
    let Some(day) = days
        .iter()
        .find(|day| span.start < day.span.end && day.span.start <= span.end)
    else {
        return Ok(false);
    };
    if day.span.contains(&span.start) && day.span.contains(&span.end) {
        Ok(true)
    } else {
        Err(layout(format!(
            "file {} holds other days too; rebuild the rollup",
            file.path()
        )))
    }
}

/// The first and the last hour in a file, by its statistics.
fn hours_of(file: &LogicalFileView) -> Option<Range<i64>> {
    let stats: serde_json::Value = serde_json::from_str(&file.stats()?).ok()?;
    let hour = |side: &str| {
        let text = stats.get(side)?.get("hour")?.as_str()?;
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|t| t.timestamp_micros())
    };
    Some(hour("minValues")?..hour("maxValues")?)
}
