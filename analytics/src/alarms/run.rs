//! Bringing the alarms up to date: which days are evaluated, and the commit that carries what they were made from.

use std::collections::BTreeSet;

use dustwatch_config::Settings;
use dustwatch_lake::{DayRows, Lake, LocalDays, Replace, TableKind, TableVersion, TouchedDays, fingerprint};

use dustwatch_observation::Time;

use super::evaluate::{Evaluator, stored};
use crate::{AnalyticsError, Period, RollupProgress};

/// Mark of `alarms`: the version of `observations` that they were made from; negative when only some days were.
const SOURCE_MARK: &str = "alarms";
/// Mark of `alarms`: the fingerprint of the rules and stations that they were made by.
const SETTINGS_MARK: &str = "alarms-settings";
/// Days that are evaluated at once, at most.
const CHUNK_DAYS: usize = 31;
/// Versions of the observations after which it is noted that they changed no alarm. Until then nobody has to know: the next run
/// looks at the same days again.
const NOTED_AFTER: u64 = 60;

/// Which days are evaluated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AlarmRequest {
    /// Only the days of this period, whether they changed or not.
    pub period: Option<Period>,
    /// Every day, whether it changed or not.
    pub rebuild: bool,
    /// Now: windows that end later are not over, and say nothing yet. Without it all are over.
    pub until: Option<Time>,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmReport {
    /// Version of `alarms` that holds them; `None` when there are no observations yet.
    pub version: Option<u64>,
    /// Version of `observations` that all alarms were made from; `None` when only some days were evaluated.
    pub source_version: Option<u64>,
    /// Local days that were evaluated.
    pub days: usize,
    /// Days of them whose alarms changed.
    pub changed_days: usize,
    /// Alarms of the days that were evaluated.
    pub alarms: u64,
}

/// What the alarms that there are were made from.
struct Made {
    version: Option<u64>,
    source: Option<u64>,
    settings: Option<u64>,
}

/// Brings the alarms up to the newest observations: only days that changed and their neighbours are evaluated, all of them
/// when the rules or the stations are others than last time. Does nothing when there is nothing new.
///
/// # Errors
/// [`AnalyticsError::Lake`] when a table fails; nothing was committed then.
pub async fn alarms_run(
    lake: &Lake,
    settings: &Settings,
    request: AlarmRequest,
    progress: impl FnMut(RollupProgress) + Send,
) -> Result<AlarmReport, AnalyticsError> {
    let observations = lake.read(TableKind::Observations, None).await?;
    let [source, by_settings] = lake
        .marks(TableKind::Alarms, [SOURCE_MARK, SETTINGS_MARK])
        .await?;
    let made = Made {
        version: lake.version(TableKind::Alarms).await?,
        source,
        settings: by_settings,
    };
    let Some(until) = observations.version else {
        return Ok(made.report(None));
    };
    let print = settings_print(settings);
    let is_same = made.settings == u64::try_from(print).ok();
    let is_plain = request.period.is_none() && !request.rebuild;
    if is_plain && is_same && made.source == Some(until) {
        return Ok(made.report(Some(until)));
    }
    let stored = lake.read(TableKind::Alarms, made.version).await?;
    let days = which(lake, &made, request, until, is_same).await?;
    let evaluated = evaluate(settings, &observations, &stored, days, request.until, progress).await?;
    if evaluated.changed.is_empty() && request.period.is_none() && is_same && made.is_recent(until) {
        return Ok(evaluated.report(made.version, Some(until)));
    }
    let source = match request.period {
        None => i64::try_from(until).ok(),
        // The other days are as they were: up to what they were made from, if by the same rules.
        Some(_) => made
            .source
            .filter(|_| is_same)
            .and_then(|s| i64::try_from(s).ok()),
    };
    let marks = [(SOURCE_MARK, source.unwrap_or(-1)), (SETTINGS_MARK, print)];
    let commit = lake
        .replace_days(TableKind::Alarms, &evaluated.changed, Replace::Days, &marks)
        .await?;
    let report = evaluated.report(Some(commit.version), source.and_then(|s| u64::try_from(s).ok()));
    tracing::debug!(?report, "alarms have been evaluated");
    Ok(report)
}

impl Made {
    /// Whether little has been committed to the observations since.
    fn is_recent(&self, until: u64) -> bool {
        self.source
            .is_some_and(|since| until.saturating_sub(since) < NOTED_AFTER)
    }

    /// Nothing was to be done.
    fn report(&self, source_version: Option<u64>) -> AlarmReport {
        AlarmReport {
            version: self.version,
            source_version,
            days: 0,
            changed_days: 0,
            alarms: 0,
        }
    }
}

/// The local days to evaluate. A day without observations is none of them: retention has removed them, and what they were
/// made into stays.
async fn which(
    lake: &Lake,
    made: &Made,
    request: AlarmRequest,
    until: u64,
    is_same: bool,
) -> Result<BTreeSet<i32>, AnalyticsError> {
    let mut existing = lake.days(until).await?;
    if made.settings.is_some() && !is_same {
        tracing::info!("the rules of alarms or the stations changed: alarms are made anew");
    }
    if let Some(since) = made.source.filter(|since| *since <= until)
        && is_same
        && !request.rebuild
        && request.period.is_none()
        && let TouchedDays::Days(days) = lake.touched_days(since, until).await?
    {
        let around: BTreeSet<i32> = days.iter().flat_map(|day| [day - 1, *day, day + 1]).collect();
        existing.retain(|day| around.contains(day));
    } else if let Some(period) = request.period {
        let wanted = period.day_numbers();
        existing.retain(|day| wanted.contains(day));
    }
    Ok(existing)
}

/// What days came to.
struct Evaluated {
    days: usize,
    alarms: u64,
    changed: Vec<DayRows>,
}

impl Evaluated {
    fn report(&self, version: Option<u64>, source_version: Option<u64>) -> AlarmReport {
        AlarmReport {
            version,
            source_version,
            days: self.days,
            changed_days: self.changed.len(),
            alarms: self.alarms,
        }
    }
}

async fn evaluate(
    settings: &Settings,
    observations: &TableVersion,
    before: &TableVersion,
    days: BTreeSet<i32>,
    until: Option<Time>,
    mut progress: impl FnMut(RollupProgress) + Send,
) -> Result<Evaluated, AnalyticsError> {
    let evaluator = Evaluator::new(settings, observations, until).await?;
    let days: Vec<i32> = days.into_iter().collect();
    let local = LocalDays::new(settings.district.timezone);
    let mut evaluated = Evaluated {
        days: days.len(),
        alarms: 0,
        changed: Vec::new(),
    };
    let mut done = 0;
    for chunk in days
        .chunk_by(|a, b| a + 1 == *b)
        .flat_map(|run| run.chunks(CHUNK_DAYS))
    {
        let made = evaluator.evaluate(chunk).await?;
        let before = stored(settings, before, chunk).await?;
        for ((day, rows), (_, before)) in made.into_iter().zip(before) {
            evaluated.alarms += rows.num_rows() as u64;
            if rows != before {
                let span = local
                    .span_of(day)
                    .ok_or_else(|| AnalyticsError::Defect(format!("day {day} is no day")))?;
                evaluated.changed.push(DayRows { span, rows });
            }
        }
        done += chunk.len();
        progress(RollupProgress {
            done,
            total: days.len(),
        });
    }
    Ok(evaluated)
}

/// Tells apart what alarms depend on beside the observations: the rules, and where stations stand. Not negative.
fn settings_print(settings: &Settings) -> i64 {
    let mut text = String::new();
    for (set, rule) in settings.alarm.rules() {
        text.push_str(&format!("{} {rule:?}\n", set.region));
    }
    for station in settings.registry.stations() {
        text.push_str(&format!(
            "{} {} {} {} {:?} {:?}\n",
            station.device,
            station.kind.as_str(),
            station.township,
            station.interval_seconds,
            station.valid_from,
            station.valid_to
        ));
    }
    fingerprint(text.as_bytes()) & i64::MAX
}
