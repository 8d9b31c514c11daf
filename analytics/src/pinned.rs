//! Which hourly means answer a question: the rollup, the observations, or both.
//!
//! The observations' version decides: the newest, or the one that a notice printed. The rollup is used when it was
//! made from exactly that version; days that changed since an older rollup are computed from the observations, by the
//! same SQL. Invariant: whichever way it goes, the hourly means are those of the pinned observations.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::datasource::empty::EmptyTable;
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind, TableVersion, TouchedDays, hourly_schema};

use crate::period::day_number;
use crate::rollup::compute_days;
use crate::session::{FreshHours, Session};
use crate::{AnalyticsError, Period, Provenance, Source, SourceChoice};

/// Commits of the rollup that are searched for one made from an older version of the observations.
const HISTORY_LIMIT: usize = 1000;

/// A session whose hourly means belong to one version of the observations, over some periods at least.
pub(crate) struct Pinned {
    pub(crate) session: Session,
    pub(crate) provenance: Provenance,
}

/// What a question needs hourly means of.
pub(crate) struct Need<'a> {
    /// The parameter; all when absent.
    pub(crate) parameter: Option<&'a str>,
    pub(crate) periods: &'a [Period],
    pub(crate) source: SourceChoice,
    pub(crate) observations_version: Option<u64>,
}

impl Pinned {
    /// Pins the versions and computes what the rollup lacks.
    pub(crate) async fn open(
        lake: &Lake,
        settings: &Settings,
        need: &Need<'_>,
    ) -> Result<Self, AnalyticsError> {
        let observations = lake
            .read(TableKind::Observations, need.observations_version)
            .await?;
        let Some(version) = observations.version else {
            return Self::empty(settings, &observations).await;
        };
        let rollup = match need.source {
            SourceChoice::Raw => None,
            SourceChoice::Auto | SourceChoice::Rollup => rollup_before(lake, version).await?,
        };
        match (rollup, need.source) {
            (Some((hourly, source)), _) if source == version => {
                let hourly = lake.read(TableKind::Hourly, Some(hourly)).await?;
                let provenance = provenance(&observations, Some(&hourly), Source::Rollup);
                let session = Session::with(settings, &observations, Some((&hourly, None))).await?;
                Ok(Self { session, provenance })
            }
            (_, SourceChoice::Rollup) => Err(AnalyticsError::Request(format!(
                "the rollup was not made from version {version} of the observations; run `dustwatch rollup` first"
            ))),
            (Some((hourly, source)), _) => {
                Self::mend(lake, settings, need, &observations, hourly, source).await
            }
            (None, choice) => {
                if choice == SourceChoice::Auto {
                    tracing::warn!(
                        observations.version = version,
                        "there is no rollup: computing from the observations, which takes long"
                    );
                }
                Self::raw(lake, settings, need, &observations).await
            }
        }
    }

    /// No observations at all.
    async fn empty(settings: &Settings, observations: &TableVersion) -> Result<Self, AnalyticsError> {
        let session = Session::with(settings, observations, Some((&nothing_stored(), None))).await?;
        Ok(Self {
            session,
            provenance: provenance(observations, None, Source::Raw),
        })
    }

    /// An older rollup, with the days that changed since computed anew.
    async fn mend(
        lake: &Lake,
        settings: &Settings,
        need: &Need<'_>,
        observations: &TableVersion,
        hourly: u64,
        source: u64,
    ) -> Result<Self, AnalyticsError> {
        let version = observations.version.unwrap_or(0);
        let TouchedDays::Days(touched) = lake.touched_days(source, version).await? else {
            tracing::warn!(
                observations.version = version,
                rollup.source = source,
                "the rollup is too old to be mended: computing from the observations, which takes long"
            );
            return Self::raw(lake, settings, need, observations).await;
        };
        let wanted: BTreeSet<i32> = touched
            .into_iter()
            .filter(|day| is_needed(*day, need.periods))
            .collect();
        if wanted.is_empty() {
            // A compaction, or days that nobody asked for: the rollup is right for this question.
            let hourly = lake.read(TableKind::Hourly, Some(hourly)).await?;
            let session = Session::with(settings, observations, Some((&hourly, None))).await?;
            return Ok(Self {
                session,
                provenance: provenance(observations, Some(&hourly), Source::Rollup),
            });
        }
        tracing::warn!(
            observations.version = version,
            rollup.source = source,
            days = wanted.len(),
            "the rollup is behind the observations: computing the days that changed from the observations"
        );
        let hourly = lake.read(TableKind::Hourly, Some(hourly)).await?;
        let fresh = fresh(settings, need, observations, wanted).await?;
        let session = Session::with(settings, observations, Some((&hourly, Some(&fresh)))).await?;
        Ok(Self {
            session,
            provenance: provenance(observations, Some(&hourly), Source::RollupAndRaw),
        })
    }

    /// Everything from the observations.
    async fn raw(
        lake: &Lake,
        settings: &Settings,
        need: &Need<'_>,
        observations: &TableVersion,
    ) -> Result<Self, AnalyticsError> {
        let all = lake.days(observations.version.unwrap_or(0)).await?;
        let wanted = all
            .into_iter()
            .filter(|day| is_needed(*day, need.periods))
            .collect();
        let fresh = fresh(settings, need, observations, wanted).await?;
        let session = Session::with(settings, observations, Some((&nothing_stored(), Some(&fresh)))).await?;
        Ok(Self {
            session,
            provenance: provenance(observations, None, Source::Raw),
        })
    }
}

/// A rollup without rows.
fn nothing_stored() -> TableVersion {
    let provider = Arc::new(EmptyTable::new(hourly_schema()));
    TableVersion {
        kind: TableKind::Hourly,
        version: None,
        provider,
    }
}

async fn fresh(
    settings: &Settings,
    need: &Need<'_>,
    observations: &TableVersion,
    days: BTreeSet<i32>,
) -> Result<FreshHours, AnalyticsError> {
    let computed = compute_days(settings, observations, days, need.parameter, |_| {}).await?;
    let (days, rows) = computed.into_iter().unzip();
    Ok(FreshHours { days, rows })
}

fn is_needed(day: i32, periods: &[Period]) -> bool {
    periods
        .iter()
        .any(|p| (day_number(p.first())..=day_number(p.last())).contains(&day))
}

fn provenance(observations: &TableVersion, hourly: Option<&TableVersion>, source: Source) -> Provenance {
    let hourly_version = hourly.and_then(|hourly| hourly.version);
    Provenance {
        observations_version: observations.version,
        hourly_version,
        source,
    }
}

/// The newest version of `hourly` made from the observations at `version` or before, and what it was made from.
async fn rollup_before(lake: &Lake, version: u64) -> Result<Option<(u64, u64)>, AnalyticsError> {
    for limit in [1, HISTORY_LIMIT] {
        for entry in lake.history(TableKind::Hourly, limit).await? {
            let mut sources = entry.transactions.iter().filter(|(id, _)| id == "rollup");
            if let Some(source) = sources.find_map(|(_, source)| u64::try_from(*source).ok())
                && source <= version
            {
                return Ok(Some((entry.version, source)));
            }
        }
    }
    Ok(None)
}
