//! Asking the lake for what a notice says.
//!
//! Invariant: every figure of a notice comes from one version of the observations and of their flags, those that it prints.

use chrono::NaiveDate;
use dustwatch_config::{Settings, StationKind};
use dustwatch_lake::Lake;

use crate::notice::{Notice, WeeklyInputs, WeeklySettings, weekly};
use crate::{
    AnalyticsError, CompletenessRow, DistrictFigure, DistrictRequest, Period, PeriodKind, RankRequest,
    completeness_summary, district_period, rank,
};

/// Which weekly notice is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeeklyRequest {
    /// The week.
    pub period: Period,
    /// Local date of issue.
    pub issued_on: NaiveDate,
    /// The version of `observations` to read; the newest when absent. A notice made again names the one it printed.
    pub observations_version: Option<u64>,
    /// The version of `qc_flags`, likewise.
    pub qc_version: Option<u64>,
    /// Which revision of an issue that has been sent out already.
    pub revision: Option<u32>,
}

impl WeeklyRequest {
    /// A first issue, from the newest data.
    pub fn new(period: Period, issued_on: NaiveDate) -> Self {
        Self {
            period,
            issued_on,
            observations_version: None,
            qc_version: None,
            revision: None,
        }
    }
}

/// The weekly notice of a week, first issue, from the newest data.
///
/// # Errors
/// As [`weekly_notice_for`].
pub async fn weekly_notice(
    lake: &Lake,
    settings: &Settings,
    period: Period,
    issued_on: NaiveDate,
) -> Result<Notice, AnalyticsError> {
    weekly_notice_for(lake, settings, &WeeklyRequest::new(period, issued_on)).await
}

/// The weekly notice that a request asks for.
///
/// # Errors
/// [`AnalyticsError::Request`] when the period is not a week; otherwise as [`rank`].
pub async fn weekly_notice_for(
    lake: &Lake,
    settings: &Settings,
    request: &WeeklyRequest,
) -> Result<Notice, AnalyticsError> {
    Ok(weekly(&weekly_inputs(lake, settings, request).await?))
}

/// What the weekly notice that a request asks for is made of.
///
/// # Errors
/// As [`weekly_notice_for`].
pub async fn weekly_inputs(
    lake: &Lake,
    settings: &Settings,
    request: &WeeklyRequest,
) -> Result<WeeklyInputs, AnalyticsError> {
    if request.period.kind() != PeriodKind::Week {
        return Err(AnalyticsError::Request(format!(
            "a weekly notice is of a week like 2019-W32, not of {}",
            request.period
        )));
    }
    let first = ask_rank(
        "pm25",
        request,
        (request.observations_version, request.qc_version),
    );
    let pm25 = rank(lake, settings, &first).await?;
    let version = (pm25.provenance.observations_version, pm25.provenance.qc_version);
    let second = ask_rank("tsp", request, version);
    let tsp = rank(lake, settings, &second).await?;
    Ok(WeeklyInputs {
        settings: WeeklySettings::from(settings),
        period: request.period,
        pm25,
        tsp,
        district_pm25: ask_district(lake, settings, "pm25", request.period, version).await?,
        district_tsp: ask_district(lake, settings, "tsp", request.period, version).await?,
        completeness_pm25: ranked_stations(lake, settings, &ask_rank("pm25", request, version)).await?,
        completeness_tsp: ranked_stations(lake, settings, &second).await?,
        issued_on: request.issued_on,
        program: format!("dustwatch {}", env!("CARGO_PKG_VERSION")),
        revision: request.revision,
        correction: None,
    })
}

/// Versions of `observations` and of `qc_flags`.
type Versions = (Option<u64>, Option<u64>);

fn ask_rank(
    parameter: &str,
    request: &WeeklyRequest,
    (observations_version, qc_version): Versions,
) -> RankRequest {
    RankRequest {
        observations_version,
        qc_version,
        ..RankRequest::new(parameter, request.period)
    }
}

async fn ask_district(
    lake: &Lake,
    settings: &Settings,
    parameter: &str,
    period: Period,
    (observations_version, qc_version): Versions,
) -> Result<DistrictFigure, AnalyticsError> {
    let request = DistrictRequest {
        observations_version,
        qc_version,
        ..DistrictRequest::new(parameter, period)
    };
    district_period(lake, settings, &request).await
}

/// The completeness of the stations that take part in the ranking.
async fn ranked_stations(
    lake: &Lake,
    settings: &Settings,
    request: &RankRequest,
) -> Result<Vec<CompletenessRow>, AnalyticsError> {
    let mut rows = completeness_summary(lake, settings, request).await?.rows;
    rows.retain(|row| row.kind == StationKind::Township.as_str());
    Ok(rows)
}
