//! Which hourly means answer a question: the rollup, the observations, or both.
//!
//! The observations' version decides: the newest, or the one that a notice printed. The rollup is used when it was
//! made from exactly that version, and with exactly the flags of quality control that go with it; days that changed since
//! an older rollup are computed from the observations, by the same SQL. Invariant: whichever way it goes, the hourly means
//! are those of the pinned observations and flags.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::datasource::empty::EmptyTable;
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, ROLLUP_SOURCE, TableKind, TableVersion, TouchedDays, hourly_schema};

use crate::period::day_number;
use crate::qc::{FlagMark, Flags};
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
    pub(crate) qc_version: Option<u64>,
}

/// What hourly means are a function of.
struct Sources<'a> {
    observations: &'a TableVersion,
    version: u64,
    flags: Flags,
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
        let sources = Sources {
            observations: &observations,
            version,
            flags: Flags::pinned(lake, settings, need.qc_version, version).await?,
        };
        let rollup = match need.source {
            SourceChoice::Raw => None,
            SourceChoice::Auto | SourceChoice::Rollup => rollup_before(lake, version).await?,
        };
        match (rollup, need.source) {
            (Some(rollup), _) if rollup.source == version && rollup.flags == sources.flags.mark() => {
                let hourly = lake.read(TableKind::Hourly, Some(rollup.version)).await?;
                let provenance = sources.provenance(Some(&hourly), Source::Rollup);
                let session = Session::with(settings, &observations, Some((&hourly, None))).await?;
                Ok(Self { session, provenance })
            }
            (_, SourceChoice::Rollup) => Err(AnalyticsError::Request(format!(
                "the rollup was not made from version {version} of the observations and their flags; run `dustwatch rollup` \
                 first"
            ))),
            (Some(rollup), _) => Self::mend(lake, settings, need, &sources, rollup).await,
            (None, choice) => {
                if choice == SourceChoice::Auto {
                    tracing::warn!(
                        observations.version = version,
                        "there is no rollup: computing from the observations, which takes long"
                    );
                }
                Self::raw(lake, settings, need, &sources).await
            }
        }
    }

    /// No observations at all.
    async fn empty(settings: &Settings, observations: &TableVersion) -> Result<Self, AnalyticsError> {
        let session = Session::with(settings, observations, Some((&nothing_stored(), None))).await?;
        Ok(Self {
            session,
            provenance: Provenance {
                observations_version: observations.version,
                hourly_version: None,
                qc_version: None,
                source: Source::Raw,
            },
        })
    }

    /// An older rollup, with the days that changed since computed anew.
    async fn mend(
        lake: &Lake,
        settings: &Settings,
        need: &Need<'_>,
        sources: &Sources<'_>,
        rollup: RollupVersion,
    ) -> Result<Self, AnalyticsError> {
        let (version, source) = (sources.version, rollup.source);
        let mut touched = lake.touched_days(source, version).await?;
        touched.extend(rollup.flags.changed(sources.flags.mark(), lake).await?);
        let TouchedDays::Days(touched) = touched else {
            tracing::warn!(
                observations.version = version,
                rollup.source = source,
                "the rollup is too old to be mended: computing from the observations, which takes long"
            );
            return Self::raw(lake, settings, need, sources).await;
        };
        let wanted: BTreeSet<i32> = touched
            .into_iter()
            .filter(|day| is_needed(*day, need.periods))
            .collect();
        if wanted.is_empty() {
            // A compaction, or days that nobody asked for: the rollup is right for this question.
            let hourly = lake.read(TableKind::Hourly, Some(rollup.version)).await?;
            let session = Session::with(settings, sources.observations, Some((&hourly, None))).await?;
            return Ok(Self {
                session,
                provenance: sources.provenance(Some(&hourly), Source::Rollup),
            });
        }
        tracing::warn!(
            observations.version = version,
            rollup.source = source,
            flags.version = sources.flags.mark().version,
            rollup.flags = rollup.flags.version,
            days = wanted.len(),
            "the rollup is behind the observations or their flags: computing the days that changed from the observations"
        );
        let hourly = lake.read(TableKind::Hourly, Some(rollup.version)).await?;
        let fresh = fresh(settings, need, sources, wanted).await?;
        let session = Session::with(settings, sources.observations, Some((&hourly, Some(&fresh)))).await?;
        Ok(Self {
            session,
            provenance: sources.provenance(Some(&hourly), Source::RollupAndRaw),
        })
    }

    /// Everything from the observations.
    async fn raw(
        lake: &Lake,
        settings: &Settings,
        need: &Need<'_>,
        sources: &Sources<'_>,
    ) -> Result<Self, AnalyticsError> {
        let all = lake.days(sources.version).await?;
        let wanted = all
            .into_iter()
            .filter(|day| is_needed(*day, need.periods))
            .collect();
        let fresh = fresh(settings, need, sources, wanted).await?;
        let stored = nothing_stored();
        let session = Session::with(settings, sources.observations, Some((&stored, Some(&fresh)))).await?;
        Ok(Self {
            session,
            provenance: sources.provenance(None, Source::Raw),
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
    sources: &Sources<'_>,
    days: BTreeSet<i32>,
) -> Result<FreshHours, AnalyticsError> {
    let made_from = (sources.observations, &sources.flags);
    let computed = compute_days(settings, made_from, days, need.parameter, |_| {}).await?;
    let (days, rows) = computed.into_iter().unzip();
    Ok(FreshHours { days, rows })
}

fn is_needed(day: i32, periods: &[Period]) -> bool {
    periods
        .iter()
        .any(|p| (day_number(p.first())..=day_number(p.last())).contains(&day))
}

impl Sources<'_> {
    fn provenance(&self, hourly: Option<&TableVersion>, source: Source) -> Provenance {
        Provenance {
            observations_version: Some(self.version),
            hourly_version: hourly.and_then(|hourly| hourly.version),
            qc_version: self.flags.mark().version,
            source,
        }
    }
}

/// A version of `hourly`, and what it was made from.
struct RollupVersion {
    version: u64,
    /// Version of `observations`.
    source: u64,
    flags: FlagMark,
}

/// The newest version of `hourly` made from the observations at `version` or before.
async fn rollup_before(lake: &Lake, version: u64) -> Result<Option<RollupVersion>, AnalyticsError> {
    for limit in [1, HISTORY_LIMIT] {
        for entry in lake.history(TableKind::Hourly, limit).await? {
            let mut sources = entry.transactions.iter().filter(|(id, _)| id == ROLLUP_SOURCE);
            if let Some(source) = sources.find_map(|(_, source)| u64::try_from(*source).ok())
                && source <= version
            {
                return Ok(Some(RollupVersion {
                    version: entry.version,
                    source,
                    flags: FlagMark::of_commit(&entry.transactions),
                }));
            }
        }
    }
    Ok(None)
}
