//! The district's own figure of a period: what the first paragraph of a notice says.
//!
//! Place on the way: township days in, one published figure out. The rules stand in `sql/district_daily.sql`,
//! `sql/district_period.sql` and `sql/good_days.sql`.

use dustwatch_config::Settings;
use dustwatch_lake::Lake;

use crate::pinned::{Need, Pinned};
use crate::ranking::{PERCENT_PLACES, Spans, figure, rankable};
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, Provenance, Published, SourceChoice, columns};

/// The district's value of a period, with what it is compared to.
#[derive(Debug, Clone, PartialEq)]
pub struct DistrictFigure {
    /// Key of the parameter, `pm25`.
    pub parameter: String,
    /// Unit of the values, `µg/m³`.
    pub unit: String,
    /// The period.
    pub period: Period,
    /// The published mean; `None` with fewer valid days than the period needs.
    pub value: Option<Published>,
    /// The unrounded mean.
    pub mean: Option<f64>,
    /// Days on which at least 75 % of the townships with a station were valid.
    pub valid_days: u32,
    /// Published value of the period of the same kind just before (环比).
    pub previous_value: Option<Published>,
    /// Change against it in percent, one place; positive means it rose.
    pub change_percent: Option<Published>,
    /// Published value of the same period last year (同比).
    pub last_year_value: Option<Published>,
    /// Change against it in percent, one place; positive means it rose.
    pub last_year_percent: Option<Published>,
    /// Published mean of all valid days from 1 January to the period's end (累计).
    pub cumulative_value: Option<Published>,
    /// Valid days that met the 24-hour limit of class 2 (GB 3095); `None` where there is no such limit.
    pub good_days: Option<u32>,
    /// What it was made from.
    pub provenance: Provenance,
}

/// What the district's figure is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistrictRequest {
    /// `tsp`, `pm25` or `pm10`.
    pub parameter: String,
    /// The period.
    pub period: Period,
    /// Which hourly means are used.
    pub source: SourceChoice,
    /// The version of `observations` to read; the newest when absent.
    pub observations_version: Option<u64>,
    /// The version of `qc_flags` to leave values out by; the newest that goes with the observations when absent.
    pub qc_version: Option<u64>,
}

impl DistrictRequest {
    /// The figure from the newest data.
    pub fn new(parameter: &str, period: Period) -> Self {
        Self {
            parameter: parameter.to_owned(),
            period,
            source: SourceChoice::default(),
            observations_version: None,
            qc_version: None,
        }
    }
}

/// The district's figure of a period: the mean of its valid days, each the mean of its townships' days (HJ 663).
///
/// # Errors
/// As [`rank`](crate::rank).
pub async fn district_period(
    lake: &Lake,
    settings: &Settings,
    request: &DistrictRequest,
) -> Result<DistrictFigure, AnalyticsError> {
    let parameter = rankable(settings, &request.parameter)?;
    let spans = Spans::of(request.period);
    let need = Need {
        parameter: Some(&parameter.key),
        periods: &spans.all(),
        source: request.source,
        observations_version: request.observations_version,
        qc_version: request.qc_version,
    };
    let pinned = Pinned::open(lake, settings, &need).await?;
    let places = parameter.published_decimals;
    let mut values = spans.values(settings);
    values.extend([
        ("parameter", Value::Text(parameter.key.clone())),
        ("decimals", Value::Integer(places.into())),
        ("district", Value::Text(settings.district.code.to_string())),
    ]);
    let batches = pinned
        .session
        .collect(&sql::bind(sql::DISTRICT_PERIOD, &values)?)
        .await?;
    let one = || AnalyticsError::Defect("the district's figure is not one row".to_owned());
    let batch = batches.iter().find(|b| b.num_rows() == 1).ok_or_else(one)?;
    let value = |name: &str, places: u8| figure(columns::double(&columns::doubles(batch, name)?, 0), places);
    Ok(DistrictFigure {
        parameter: parameter.key.clone(),
        unit: parameter.unit.clone(),
        period: request.period,
        value: value("value", places)?,
        mean: columns::double(&columns::doubles(batch, "mean")?, 0),
        valid_days: columns::count(&columns::integers(batch, "valid_days")?, 0)?.unwrap_or(0),
        previous_value: value("previous_value", places)?,
        change_percent: value("change_percent", PERCENT_PLACES)?,
        last_year_value: value("last_year_value", places)?,
        last_year_percent: value("last_year_percent", PERCENT_PLACES)?,
        cumulative_value: value("cumulative_value", places)?,
        good_days: good_days(&pinned, settings, values).await?,
        provenance: pinned.provenance,
    })
}

async fn good_days(
    pinned: &Pinned,
    settings: &Settings,
    mut values: Vec<(&'static str, Value)>,
) -> Result<Option<u32>, AnalyticsError> {
    values.push(("full", Value::Bool(settings.rules.limit_compare == "full")));
    let batches = pinned
        .session
        .collect(&sql::bind(sql::GOOD_DAYS, &values)?)
        .await?;
    match batches.iter().find(|b| b.num_rows() == 1) {
        Some(batch) => columns::count(&columns::integers(batch, "good_days")?, 0),
        None => Ok(None),
    }
}
