//! Bringing the flags up to date: which days are checked, and the commit that carries what they were made from.

use std::collections::BTreeSet;

use dustwatch_config::Settings;
use dustwatch_lake::{
    DayRows, Lake, LocalDays, Mark, Replace, TableKind, TableVersion, TouchedDays, fingerprint,
};

use super::check::{Checker, by_day};
use crate::{AnalyticsError, Period, RollupProgress};

/// Mark of `qc_flags`: the version of `observations` that the flags were made from; negative when only some days were.
pub(super) const SOURCE_MARK: &str = "qc";
/// Mark of `qc_flags`: the fingerprint of the settings that they were made by.
const SETTINGS_MARK: &str = "qc-settings";

/// Observations that are read at once, about, with those of the neighbouring days.
const CHUNK_ROWS: usize = 400_000;
/// Days that are checked at once, at most.
const CHUNK_DAYS: usize = 31;

/// Which days are checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QcRequest {
    /// Only the days of this period, whether they changed or not.
    pub period: Option<Period>,
    /// Every day, whether it changed or not: needed after stations changed.
    pub rebuild: bool,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QcReport {
    /// Version of `qc_flags` that holds the flags; `None` when there are no observations yet.
    pub version: Option<u64>,
    /// Version of `observations` that all flags were made from; `None` when only some days were checked.
    pub source_version: Option<u64>,
    /// Local days that were checked.
    pub days: usize,
    /// Days of them whose flags changed.
    pub changed_days: usize,
    /// Flags of the days that were checked.
    pub flags: u64,
}

/// What the flags that there are were made from.
struct Made {
    version: Option<u64>,
    source: Option<u64>,
    settings: Option<u64>,
}

/// Brings the flags up to the newest observations: only days that changed and their neighbours are checked, all of them
/// when the settings of quality control are others than last time. Does nothing when there is nothing new.
///
/// # Errors
/// [`AnalyticsError::Lake`] when a table fails; nothing was committed then.
pub async fn qc_run(
    lake: &Lake,
    settings: &Settings,
    request: QcRequest,
    progress: impl FnMut(RollupProgress) + Send,
) -> Result<QcReport, AnalyticsError> {
    let observations = lake.read(TableKind::Observations, None).await?;
    let [source, by_settings] = lake.marks(TableKind::Qc, [SOURCE_MARK, SETTINGS_MARK]).await?;
    let made = Made {
        version: lake.version(TableKind::Qc).await?,
        source,
        settings: by_settings,
    };
    let Some(until) = observations.version else {
        return Ok(made.report(None));
    };
    let print = settings_print(settings);
    let is_same = made.settings == u64::try_from(print).ok();
    if request == QcRequest::default() && is_same && made.source == Some(until) {
        return Ok(made.report(Some(until)));
    }
    let days = which(lake, &made, request, until, is_same).await?;
    let source = match request.period {
        None => i64::try_from(until).ok(),
        // The other days are as they were: up to what they were made from, if by the same settings.
        Some(_) => made
            .source
            .filter(|_| is_same)
            .and_then(|s| i64::try_from(s).ok()),
    };
    let marks = [(SOURCE_MARK, source.unwrap_or(-1)), (SETTINGS_MARK, print)];
    replace(lake, settings, &observations, &made, days, &marks, progress).await
}

impl Made {
    /// Nothing was to be done.
    fn report(&self, source_version: Option<u64>) -> QcReport {
        QcReport {
            version: self.version,
            source_version,
            days: 0,
            changed_days: 0,
            flags: 0,
        }
    }
}

/// The local days to check.
async fn which(
    lake: &Lake,
    made: &Made,
    request: QcRequest,
    until: u64,
    is_same: bool,
) -> Result<BTreeSet<i32>, AnalyticsError> {
    let existing = lake.days(until).await?;
    let touched = match made.source {
        Some(since) if since <= until && is_same && !request.rebuild && request.period.is_none() => {
            lake.touched_days(since, until).await?
        }
        _ => TouchedDays::Unknown,
    };
    if made.settings.is_some() && !is_same {
        tracing::info!("the settings of quality control changed: flags are made anew");
    }
    if let TouchedDays::Days(days) = touched {
        let beside = days.iter().flat_map(|day| [day - 1, day + 1]);
        let beside: Vec<i32> = beside.filter(|day| existing.contains(day)).collect();
        return Ok(days.into_iter().chain(beside).collect());
    }
    let mut all = existing;
    if let Some(version) = made.version {
        all.extend(lake.days_of(TableKind::Qc, version).await?);
    }
    if let Some(period) = request.period {
        let wanted = period.day_numbers();
        all.retain(|day| wanted.contains(day));
    }
    Ok(all)
}

async fn replace(
    lake: &Lake,
    settings: &Settings,
    observations: &TableVersion,
    made: &Made,
    days: BTreeSet<i32>,
    marks: &[Mark],
    mut progress: impl FnMut(RollupProgress) + Send,
) -> Result<QcReport, AnalyticsError> {
    let checker = Checker::new(settings, observations).await?;
    let stored = lake.read(TableKind::Qc, made.version).await?;
    let days: Vec<i32> = days.into_iter().collect();
    let local = LocalDays::new(settings.district.timezone);
    let (mut changed, mut flags) = (Vec::new(), 0);
    let (mut done, mut size) = (0, 1);
    while done < days.len() {
        let chunk = &days[done..days.len().min(done + size)];
        let checked = checker.check(chunk).await?;
        let before = by_day(settings, stored.provider.clone(), chunk).await?;
        for ((day, rows), (_, before)) in checked.days.into_iter().zip(before) {
            flags += rows.num_rows() as u64;
            if rows == before {
                continue;
            }
            let span = local
                .span_of(day)
                .ok_or_else(|| AnalyticsError::Defect(format!("day {day} is no day")))?;
            changed.push(DayRows { span, rows });
        }
        done += chunk.len();
        progress(RollupProgress {
            done,
            total: days.len(),
        });
        // A chunk of n days in a row reads n + 2.
        let a_day = checked.observations.div_ceil(chunk.len() + 2).max(1);
        size = (CHUNK_ROWS / a_day).saturating_sub(2).clamp(1, CHUNK_DAYS);
    }
    let commit = lake
        .replace_days(TableKind::Qc, &changed, Replace::Days, marks)
        .await?;
    tracing::info!(
        qc_flags.version = commit.version,
        observations.version = observations.version,
        days = days.len(),
        changed = changed.len(),
        flags,
        "quality control has run"
    );
    Ok(QcReport {
        version: Some(commit.version),
        source_version: u64::try_from(marks[0].1).ok(),
        days: days.len(),
        changed_days: changed.len(),
        flags,
    })
}

/// Tells settings apart, as far as flags depend on them: tests, thresholds, ranges. Not negative.
fn settings_print(settings: &Settings) -> i64 {
    let mut text = String::new();
    for (key, value) in settings.qc.describe() {
        if !["suspect", "calibration"].contains(&key) {
            text.push_str(&format!("{key}={value}\n"));
        }
    }
    for (_, parameter) in settings.parameters.iter() {
        text.push_str(&format!(
            "{} {:?} {:?}\n",
            parameter.key, parameter.min, parameter.max
        ));
    }
    fingerprint(text.as_bytes()) & i64::MAX
}
