//! Replacing the days of the tables that are made from `observations`: `hourly` and `qc_flags`.
//!
//! A file of theirs holds one local day, so a day is replaced by one commit that removes its file and adds a new one.
//! The commit carries marks, application transactions of the log: the version of `observations` that the rows were
//! made from, for one. Such a table always knows what it is a function of.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::DateTime;
use deltalake::arrow::array::RecordBatch;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake::kernel::{Action, Add, LogicalFileView, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableError};
use dustwatch_observation::Time;

use crate::files::write_files;
use crate::follow::read_position;
use crate::history::day_of;
use crate::{Commit, Lake, LakeError, LocalDays, TableKind, durable};

/// Mark of `hourly`: the version of `observations` that it was made from.
pub const ROLLUP_SOURCE: &str = "rollup";

/// What a commit says it was made from: a name and a number, kept in the log as an application transaction. A negative
/// number says that there was nothing of that name.
pub type Mark = (&'static str, i64);

/// Times that a replacement is committed when others commit at the same time.
const ATTEMPTS: u32 = 4;

/// New rows of one local day.
#[derive(Debug)]
pub struct DayRows {
    /// The day's instants, microseconds since 1970, end exclusive.
    pub span: Range<i64>,
    /// All rows of that day, in the columns of the table.
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
        let [source] = self.marks(TableKind::Hourly, [ROLLUP_SOURCE]).await?;
        Ok(source)
    }

    /// The newest numbers under some marks' names; `None` when the table or a mark is not there, or says that there was
    /// nothing.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the store fails.
    pub async fn marks<const N: usize>(
        &self,
        kind: TableKind,
        names: [&str; N],
    ) -> Result<[Option<u64>; N], LakeError> {
        let mut numbers = [None; N];
        if let Some(table) = self.existing(kind).await? {
            for (number, name) in numbers.iter_mut().zip(names) {
                *number = read_position(&table, kind, name).await?;
            }
        }
        Ok(numbers)
    }

    /// Replaces days of a table made from `observations`, in one commit that carries these marks.
    ///
    /// # Errors
    /// [`LakeError::Layout`] when a file holds other days beside a replaced one, as after a foreign compaction:
    /// replace everything. [`LakeError::Store`], [`LakeError::Disk`]: nothing was committed.
    pub async fn replace_days(
        &self,
        kind: TableKind,
        days: &[DayRows],
        replace: Replace,
        marks: &[Mark],
    ) -> Result<Commit, LakeError> {
        let table = self.open_or_create(kind).await?;
        let (mut rows, mut bytes) = (0, 0);
        let mut adds = Vec::new();
        for day in days.iter().filter(|day| day.rows.num_rows() > 0) {
            let written = write_files(&table, kind, std::slice::from_ref(&day.rows)).await?;
            if let Some(folder) = self.table_folder(kind) {
                durable::sync_files(&folder, &written)?;
            }
            rows += day.rows.num_rows() as u64;
            bytes += written.iter().map(|add| add.size.unsigned_abs()).sum::<u64>();
            adds.extend(written);
        }
        let replaced = Replaced::new(kind, days, LocalDays::new(self.timezone()));
        let mut attempt = self
            .exchange_days(&table, kind, &replaced, replace, &adds, marks)
            .await;
        for _ in 1..ATTEMPTS {
            if !attempt.as_ref().is_err_and(is_conflict) {
                break;
            }
            let table = self.open_or_create(kind).await?;
            attempt = self
                .exchange_days(&table, kind, &replaced, replace, &adds, marks)
                .await;
        }
        let version = attempt?;
        Ok(Commit { version, rows, bytes })
    }

    /// Commits files in place of those that hold the replaced days.
    async fn exchange_days(
        &self,
        table: &DeltaTable,
        kind: TableKind,
        replaced: &Replaced<'_>,
        replace: Replace,
        adds: &[Add],
        marks: &[Mark],
    ) -> Result<u64, LakeError> {
        let name = kind.name();
        let state = table.snapshot().map_err(LakeError::store(name))?;
        let mut actions = Vec::new();
        for file in state.log_data().iter() {
            if replace == Replace::All || replaced.holds(&file)? {
                actions.push(Action::Remove(file.remove_action(true)));
            }
        }
        actions.extend(adds.iter().cloned().map(Action::Add));
        let transactions = marks
            .iter()
            .map(|(name, number)| Transaction::new(*name, *number));
        let properties = CommitProperties::default()
            .with_application_transactions(transactions.collect())
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
        Ok(finalized.version())
    }
}

/// Whether another writer's commit, of upkeep for one, stood in the way: nothing was committed then.
fn is_conflict(error: &LakeError) -> bool {
    let LakeError::Store { cause, .. } = error else {
        return false;
    };
    matches!(
        cause.as_ref(),
        DeltaTableError::Transaction {
            source: TransactionError::CommitConflict(_)
        }
    )
}

/// The days that a replacement concerns, as files tell them.
struct Replaced<'a> {
    kind: TableKind,
    days: &'a [DayRows],
    /// Their numbers, where a file's partition is its day.
    numbers: BTreeSet<i32>,
}

impl<'a> Replaced<'a> {
    fn new(kind: TableKind, days: &'a [DayRows], mut local: LocalDays) -> Self {
        let number = |day: &DayRows| local.day_of(Time::from_micros(day.span.start));
        Self {
            kind,
            days,
            numbers: days.iter().filter_map(number).collect(),
        }
    }

    /// Whether a file holds a replaced day, and nothing else.
    fn holds(&self, file: &LogicalFileView) -> Result<bool, LakeError> {
        if self.kind.partition() == Some("day") {
            return Ok(day_of(file).is_some_and(|day| self.numbers.contains(&day)));
        }
        let layout = |what: &str| LakeError::Layout {
            table: self.kind.name(),
            message: format!("file {} {what}; rebuild the rollup", file.path()),
        };
        let span = times_of(file, self.kind.day_column()).ok_or_else(|| layout("has no statistics"))?;
        let mut days = self.days.iter();
        let Some(day) = days.find(|day| span.start < day.span.end && day.span.start <= span.end) else {
            return Ok(false);
        };
        if day.span.contains(&span.start) && day.span.contains(&span.end) {
            Ok(true)
        } else {
            Err(layout("holds other days too"))
        }
    }
}

/// The first and the last time of a column in a file, by its statistics.
fn times_of(file: &LogicalFileView, column: &str) -> Option<Range<i64>> {
    let stats: serde_json::Value = serde_json::from_str(&file.stats()?).ok()?;
    let time = |side: &str| {
        let text = stats.get(side)?.get(column)?.as_str()?;
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|t| t.timestamp_micros())
    };
    Some(time("minValues")?..time("maxValues")?)
}
