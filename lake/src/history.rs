//! The history of a table: its commits, and which days they touched.

use std::collections::BTreeSet;

use deltalake::DeltaTable;
use deltalake::kernel::LogicalFileView;

use crate::entry::{Entry, read_entry};
use crate::{Lake, LakeError, TableKind};

/// One commit of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The version it made.
    pub version: u64,
    /// When, in milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
    /// What it did: `CREATE TABLE`, `WRITE`.
    pub operation: String,
    /// Application transactions it carries: id and version.
    pub transactions: Vec<(String, i64)>,
    /// Files it added.
    pub files_added: u64,
    /// Files it removed.
    pub files_removed: u64,
    /// Rows it added, by the files' statistics.
    pub rows_added: u64,
}

/// Days of `observations` that commits touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TouchedDays {
    /// These days (days since 1970), and no others.
    Days(BTreeSet<i32>),
    /// It cannot be told any more, since log entries are gone: take every day as touched.
    Unknown,
}

impl TouchedDays {
    /// No day.
    pub(crate) fn none() -> Self {
        Self::Days(BTreeSet::new())
    }

    /// Whether one of these days is among them.
    pub(crate) fn touches(&self, others: &BTreeSet<i32>) -> bool {
        match self {
            Self::Days(days) => !days.is_disjoint(others),
            Self::Unknown => true,
        }
    }

    /// Adds other days.
    pub fn extend(&mut self, others: Self) {
        match (&mut *self, others) {
            (Self::Days(days), Self::Days(more)) => days.extend(more),
            (_, Self::Unknown) => *self = Self::Unknown,
            (Self::Unknown, _) => {}
        }
    }

    /// Adds the days whose rows an entry changed; a compaction changes none.
    pub(crate) fn touch(&mut self, entry: &Entry) {
        let Self::Days(days) = self else { return };
        let files = entry
            .actions
            .iter()
            .filter_map(|action| action.get("add").or_else(|| action.get("remove")))
            .filter(|file| file.get("dataChange").and_then(serde_json::Value::as_bool) != Some(false));
        for file in files {
            let day = file.pointer("/partitionValues/day").and_then(|d| d.as_str());
            match day.and_then(day_number) {
                Some(day) => days.insert(day),
                None => {
                    *self = Self::Unknown;
                    return;
                }
            };
        }
    }
}

impl Lake {
    /// The newest version of a table; `None` when it has not been made.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the store fails.
    pub async fn version(&self, kind: TableKind) -> Result<Option<u64>, LakeError> {
        Ok(self.existing(kind).await?.and_then(|table| table.version()))
    }

    /// The commits of a table, newest first.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the store fails.
    pub async fn history(&self, kind: TableKind, limit: usize) -> Result<Vec<HistoryEntry>, LakeError> {
        let Some(table) = self.existing(kind).await? else {
            return Ok(Vec::new());
        };
        let newest = table.version().unwrap_or(0);
        let mut entries = Vec::new();
        for version in (0..=newest).rev().take(limit) {
            match read_entry(table.log_store().as_ref(), version)
                .await
                .map_err(LakeError::store(kind.name()))?
            {
                Some(entry) => entries.push(summary(version, &entry.actions)),
                None => break,
            }
        }
        Ok(entries)
    }

    /// The days of `observations` that changed after version `since`, up to version `until`.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the store fails.
    pub async fn touched_days(&self, since: u64, until: u64) -> Result<TouchedDays, LakeError> {
        self.touched_days_of(TableKind::Observations, since, until).await
    }

    /// The days of a table partitioned by day that changed after version `since`, up to version `until`.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the store fails.
    pub async fn touched_days_of(
        &self,
        kind: TableKind,
        since: u64,
        until: u64,
    ) -> Result<TouchedDays, LakeError> {
        let Some(table) = self.existing(kind).await? else {
            return Ok(TouchedDays::none());
        };
        let mut days = TouchedDays::none();
        for version in since + 1..=until {
            match read_entry(table.log_store().as_ref(), version)
                .await
                .map_err(LakeError::store(kind.name()))?
            {
                Some(entry) => days.touch(&entry),
                None => return Ok(TouchedDays::Unknown),
            }
        }
        Ok(days)
    }

    /// Every local day that has observations in a version of the table, rising.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the store fails.
    pub async fn days(&self, version: u64) -> Result<BTreeSet<i32>, LakeError> {
        self.days_of(TableKind::Observations, version).await
    }

    /// Every local day that has rows in a version of a table partitioned by day, rising.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the store fails.
    pub async fn days_of(&self, kind: TableKind, version: u64) -> Result<BTreeSet<i32>, LakeError> {
        let Some(mut table) = self.existing(kind).await? else {
            return Ok(BTreeSet::new());
        };
        table
            .load_version(version)
            .await
            .map_err(LakeError::store(kind.name()))?;
        days_of(&table)
    }
}

/// The local days that a table partitioned by `day` has files of.
pub(crate) fn days_of(table: &DeltaTable) -> Result<BTreeSet<i32>, LakeError> {
    let state = table.snapshot().map_err(LakeError::store("observations"))?;
    Ok(state.log_data().iter().filter_map(|file| day_of(&file)).collect())
}

/// The local day that a file holds.
pub(crate) fn day_of(file: &LogicalFileView) -> Option<i32> {
    let day = file.partition_values_map().get("day").cloned().flatten();
    day.and_then(|day| day_number(&day))
}

pub(crate) fn day_number(text: &str) -> Option<i32> {
    let day: chrono::NaiveDate = text.parse().ok()?;
    i32::try_from((day - chrono::NaiveDate::default()).num_days()).ok()
}

fn summary(version: u64, actions: &[serde_json::Value]) -> HistoryEntry {
    let mut out = HistoryEntry {
        version,
        timestamp_ms: None,
        operation: String::new(),
        transactions: Vec::new(),
        files_added: 0,
        files_removed: 0,
        rows_added: 0,
    };
    for action in actions {
        if let Some(info) = action.get("commitInfo") {
            out.timestamp_ms = info.get("timestamp").and_then(serde_json::Value::as_i64);
            out.operation = info
                .get("operation")
                .and_then(|o| o.as_str())
                .unwrap_or_default()
                .to_owned();
        } else if let Some(txn) = action.get("txn") {
            let id = txn
                .get("appId")
                .and_then(|a| a.as_str())
                .unwrap_or_default()
                .to_owned();
            out.transactions.push((
                id,
                txn.get("version")
                    .and_then(serde_json::Value::as_i64)
                    .unwrap_or(0),
            ));
        } else if let Some(add) = action.get("add") {
            out.files_added += 1;
            let stats = add
                .get("stats")
                .and_then(|s| s.as_str())
                .and_then(|s| serde_json::from_str::<serde_json::Value>(s).ok());
            out.rows_added += stats
                .and_then(|s| s.get("numRecords").and_then(serde_json::Value::as_u64))
                .unwrap_or(0);
        } else if action.get("remove").is_some() {
            out.files_removed += 1;
        }
    }
    out
}
