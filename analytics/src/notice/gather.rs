//! Asking the lake for what a notice says.
//!
//! Invariant: every figure of a notice comes from one version of the observations and of their flags, those that it prints.

use chrono::NaiveDate;
use dustwatch_config::{Settings, StationKind};
use dustwatch_lake::Lake;

use crate::notice::reports::reports;
use crate::notice::{
    MonthInputs, Notice, NoticeInputs, NoticeKind, NoticeWording, ReportVersions, YearFigure, assemble,
};
use crate::ranking::{PERCENT_PLACES, figure, rankable};
use crate::supervision::supervision_of;
use crate::{
    AnalyticsError, CompletenessRow, DistrictFigure, DistrictRequest, Period, Progress, RankRequest, columns,
    completeness_summary, district_period, dustfall, progress, rank,
};

/// Which notice is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRequest {
    /// The week or the month.
    pub period: Period,
    /// Local date of issue.
    pub issued_on: NaiveDate,
    /// The version of `observations` to read; the newest when absent. A notice made again names the one it printed.
    pub observations_version: Option<u64>,
    /// The version of `qc_flags`, likewise.
    pub qc_version: Option<u64>,
    /// The versions of the tables of reports; the newest when absent.
    pub report_versions: Option<ReportVersions>,
    /// Which revision of an issue that has been sent out already.
    pub revision: Option<u32>,
}

impl NoticeRequest {
    /// A first issue, from the newest data.
    pub fn new(period: Period, issued_on: NaiveDate) -> Self {
        Self {
            period,
            issued_on,
            observations_version: None,
            qc_version: None,
            report_versions: None,
            revision: None,
        }
    }
}

/// The notice of a week or a month, first issue, from the newest data.
///
/// # Errors
/// As [`notice_for`].
pub async fn first_notice(
    lake: &Lake,
    settings: &Settings,
    period: Period,
    issued_on: NaiveDate,
) -> Result<Notice, AnalyticsError> {
    notice_for(lake, settings, &NoticeRequest::new(period, issued_on)).await
}

/// The notice that a request asks for.
///
/// # Errors
/// [`AnalyticsError::Request`] when the period is neither a week nor a month; otherwise as [`rank`].
pub async fn notice_for(
    lake: &Lake,
    settings: &Settings,
    request: &NoticeRequest,
) -> Result<Notice, AnalyticsError> {
    Ok(assemble(&notice_inputs(lake, settings, request).await?))
}

/// What the notice that a request asks for is made of.
///
/// # Errors
/// As [`notice_for`].
pub async fn notice_inputs(
    lake: &Lake,
    settings: &Settings,
    request: &NoticeRequest,
) -> Result<NoticeInputs, AnalyticsError> {
    let Some(kind) = NoticeKind::of(request.period) else {
        return Err(AnalyticsError::Request(format!(
            "a notice is of a week like 2019-W32 or a month like 2019-08, not of {}",
            request.period
        )));
    };
    let first = ask_rank(
        "pm25",
        request,
        (request.observations_version, request.qc_version),
    );
    let pm25 = rank(lake, settings, &first).await?;
    let version = (pm25.provenance.observations_version, pm25.provenance.qc_version);
    let second = ask_rank("tsp", request, version);
    let tsp = rank(lake, settings, &second).await?;
    let mut reports = reports(lake, settings, request.period, request.report_versions).await?;
    let month = match kind {
        NoticeKind::Weekly => None,
        NoticeKind::Monthly => {
            let dustfall = request.report_versions.and_then(|versions| versions.dustfall);
            Some(month_inputs(lake, settings, request.period, (version.0, version.1, dustfall)).await?)
        }
    };
    reports.versions.dustfall = month.as_ref().and_then(|month| month.dustfall.dustfall_version);
    Ok(NoticeInputs {
        settings: NoticeWording::from(settings),
        period: request.period,
        pm25,
        tsp,
        district_pm25: ask_district(lake, settings, "pm25", request.period, version).await?,
        district_tsp: ask_district(lake, settings, "tsp", request.period, version).await?,
        completeness_pm25: ranked_stations(lake, settings, &ask_rank("pm25", request, version)).await?,
        completeness_tsp: ranked_stations(lake, settings, &second).await?,
        reports,
        month,
        issued_on: request.issued_on,
        program: format!("dustwatch {}", env!("CARGO_PKG_VERSION")),
        revision: request.revision,
        correction: None,
    })
}

async fn month_inputs(
    lake: &Lake,
    settings: &Settings,
    month: Period,
    versions: (Option<u64>, Option<u64>, Option<u64>),
) -> Result<MonthInputs, AnalyticsError> {
    let years = progress(lake, settings, "pm25", month, versions.0).await?;
    let dustfall = dustfall::report(lake, settings, month, versions.2).await?;
    let versions = (versions.0, versions.1, dustfall.dustfall_version);
    Ok(MonthInputs {
        dustfall,
        years: year_figures(settings, &years)?,
        supervision: supervision_of(lake, settings, month, versions).await?,
    })
}

/// The rows of `annual_progress.sql` as figures.
fn year_figures(settings: &Settings, progress: &Progress) -> Result<Vec<YearFigure>, AnalyticsError> {
    let places = rankable(settings, &progress.parameter)?.published_decimals;
    let mut years = Vec::new();
    for batch in &progress.rows.batches {
        let numbers = columns::integers(batch, "year")?;
        let to_come = columns::integers(batch, "days_to_come")?;
        let (values, changes) = (
            columns::doubles(batch, "value")?,
            columns::doubles(batch, "change_percent")?,
        );
        let allowed = columns::doubles(batch, "allowed_mean")?;
        for row in 0..batch.num_rows() {
            years.push(YearFigure {
                year: i32::try_from(numbers.value(row))
                    .map_err(|_| AnalyticsError::Defect("a year is out of the calendar".to_owned()))?,
                value: figure(columns::double(&values, row), places)?,
                change_percent: figure(columns::double(&changes, row), PERCENT_PLACES)?,
                days_to_come: columns::count(&to_come, row)?.unwrap_or(0),
                // One place, by the rule.
                allowed_mean: figure(columns::double(&allowed, row), 1)?,
            });
        }
    }
    Ok(years)
}

/// Versions of `observations` and of `qc_flags`.
type Versions = (Option<u64>, Option<u64>);

fn ask_rank(
    parameter: &str,
    request: &NoticeRequest,
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
