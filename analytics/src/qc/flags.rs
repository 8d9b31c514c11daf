//! Which flags hourly means are made with.
//!
//! Place on the way: the rollup reads the flags at one version, leaves out what they exclude, and writes into its commit
//! which version and which rule that was; a question compares. Invariant: as long as there are no flags, nothing is read
//! and nothing costs time.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::SessionContext;
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, Mark, ROLLUP_SOURCE, TableKind, TableVersion, TouchedDays};

use super::run::SOURCE_MARK;
use crate::AnalyticsError;
use crate::session::{blank, view};
use crate::sql::{self, Value};

/// Mark of `hourly`: the version of `qc_flags` that it was made with; negative where there was none.
const FLAGS_MARK: &str = "rollup-qc";
/// Mark of `hourly`: whether suspect values were left out, 1 or 0.
const RULE_MARK: &str = "rollup-qc-suspect";
/// Commits of the flags that are searched for one made from an older version of the observations.
const HISTORY_LIMIT: usize = 1000;

/// The flags at one version, and what they exclude.
#[derive(Debug, Clone)]
pub(crate) struct Flags {
    table: TableVersion,
    exclude_suspect: bool,
}

/// Which flags hourly means were made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlagMark {
    /// Version of `qc_flags`; `None` when there was no such table.
    pub(crate) version: Option<u64>,
    /// Whether suspect values were left out; without a table that makes no difference.
    exclude_suspect: bool,
}

impl Flags {
    /// The flags of a version, or the newest ones made from the observations at `observations` or before.
    pub(crate) async fn pinned(
        lake: &Lake,
        settings: &Settings,
        version: Option<u64>,
        observations: u64,
    ) -> Result<Self, AnalyticsError> {
        let newest = lake.version(TableKind::Qc).await?;
        let version = match (version, newest) {
            (Some(version), _) => Some(version),
            (None, None) => None,
            (None, Some(_)) => made_before(lake, observations).await?,
        };
        let table = match version {
            Some(version) => lake.read(TableKind::Qc, Some(version)).await?,
            None => TableVersion {
                kind: TableKind::Qc,
                version: None,
                provider: Arc::new(EmptyTable::new(lake.schema(TableKind::Qc))),
            },
        };
        Ok(Self {
            table,
            exclude_suspect: settings.qc.exclude_suspect,
        })
    }

    /// What the rollup writes down.
    pub(crate) fn mark(&self) -> FlagMark {
        FlagMark::new(self.table.version, self.exclude_suspect)
    }

    /// The values of some local days (days since 1970) that do not take part in the statistics.
    pub(crate) async fn excluded(
        &self,
        settings: &Settings,
        days: &[i32],
    ) -> Result<Vec<RecordBatch>, AnalyticsError> {
        if self.table.version.is_none() {
            return Ok(Vec::new());
        }
        let context = blank(settings)?;
        context.register_table(TableKind::Qc.name(), self.table.provider.clone())?;
        let rule = sql::bind(
            sql::QC_EXCLUDED,
            &[("suspect", Value::Bool(self.exclude_suspect))],
        )?;
        view(&context, "qc_excluded", &rule).await?;
        let days = sql::days(days);
        let text =
            format!("SELECT device, observed_at, parameter, day FROM qc_excluded WHERE day IN ({days})");
        Ok(context.sql(&text).await?.collect().await?)
    }
}

/// Registers `qc_excluded` in a session that computes hourly means.
pub(crate) async fn register_excluded(
    context: &SessionContext,
    rows: Vec<RecordBatch>,
) -> Result<(), AnalyticsError> {
    match rows.iter().find(|batch| batch.num_rows() > 0) {
        Some(first) => {
            let table = MemTable::try_new(first.schema(), vec![rows])?;
            context.register_table("qc_excluded", Arc::new(table))?;
            Ok(())
        }
        None => view(context, "qc_excluded", &sql::bind(sql::QC_EXCLUDED_NONE, &[])?).await,
    }
}

impl FlagMark {
    fn new(version: Option<u64>, exclude_suspect: bool) -> Self {
        Self {
            version,
            exclude_suspect: version.is_some() && exclude_suspect,
        }
    }

    /// The version of `observations` that the rollup was made from, and what it was made with.
    pub(crate) async fn of_rollup(lake: &Lake) -> Result<(Option<u64>, Self), AnalyticsError> {
        let names = [ROLLUP_SOURCE, FLAGS_MARK, RULE_MARK];
        let [source, version, rule] = lake.marks(TableKind::Hourly, names).await?;
        Ok((source, Self::new(version, rule == Some(1))))
    }

    /// What a commit of the rollup was made with, by the marks that it carries.
    pub(crate) fn of_commit(marks: &[(String, i64)]) -> Self {
        let of = |name: &str| marks.iter().find(|(id, _)| id == name).map(|(_, n)| *n);
        let version = of(FLAGS_MARK).and_then(|version| u64::try_from(version).ok());
        Self::new(version, of(RULE_MARK) == Some(1))
    }

    /// The marks of a commit.
    pub(crate) fn marks(self) -> [Mark; 2] {
        let version = self.version.and_then(|version| i64::try_from(version).ok());
        [
            (FLAGS_MARK, version.unwrap_or(-1)),
            (RULE_MARK, self.exclude_suspect.into()),
        ]
    }

    /// The local days on which other values may be excluded by the other flags.
    pub(crate) async fn changed(self, other: Self, lake: &Lake) -> Result<TouchedDays, AnalyticsError> {
        if self == other {
            return Ok(TouchedDays::Days(BTreeSet::new()));
        }
        let (Some(a), Some(b)) = (self.version, other.version) else {
            let version = self.version.or(other.version).unwrap_or(0);
            return flagged_days(lake, version).await;
        };
        let mut days = lake.touched_days_of(TableKind::Qc, a.min(b), a.max(b)).await?;
        if self.exclude_suspect != other.exclude_suspect {
            days.extend(flagged_days(lake, a.max(b)).await?);
        }
        Ok(days)
    }
}

async fn flagged_days(lake: &Lake, version: u64) -> Result<TouchedDays, AnalyticsError> {
    Ok(TouchedDays::Days(lake.days_of(TableKind::Qc, version).await?))
}

/// The newest version of the flags made from the observations at a version or before, or from only some of their days.
async fn made_before(lake: &Lake, observations: u64) -> Result<Option<u64>, AnalyticsError> {
    for limit in [1, HISTORY_LIMIT] {
        for entry in lake.history(TableKind::Qc, limit).await? {
            let mut sources = entry.transactions.iter().filter(|(id, _)| id == SOURCE_MARK);
            if let Some((_, source)) = sources.next() {
                let source = u64::try_from(*source).ok();
                if source.is_none_or(|source| source <= observations) {
                    warn_when_behind(source, Some(observations));
                    return Ok(Some(entry.version));
                }
            }
        }
    }
    Ok(None)
}

/// Says when flags do not cover all observations.
pub(super) fn warn_when_behind(source: Option<u64>, observations: Option<u64>) {
    if source != observations {
        tracing::warn!(
            flags.source = source,
            observations.version = observations,
            "quality control is behind the observations: the newest values have not been checked"
        );
    }
}
