//! Progress: whether the district's annual mean keeps to its target and falls, and what the rest of the year may be.
//!
//! Place on the way: the district's days in, one row a year out; the command and the monthly dispatch print them. The
//! rules R5 and R5f of the action plan (门政办发〔2019〕41号) stand in `sql/annual_progress.sql`.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate};
use datafusion::arrow::array::AsArray;
use datafusion::arrow::array::{Date32Array, Float64Array, Int64Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type};
use datafusion::datasource::MemTable;
use dustwatch_config::Settings;
use dustwatch_lake::Lake;

use crate::period::day_number;
use crate::pinned::{Need, Pinned};
use crate::ranking::rankable;
use crate::session::blank;
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, Provenance, QueryResult, SourceChoice, columns};

/// The years up to the end of a period.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Key of the parameter, `pm25`.
    pub parameter: String,
    /// The target in µg/m³ that the years are held against (`rules.r5_limit`).
    pub limit: u32,
    /// One row a year, oldest first, in the columns of `sql/annual_progress.sql`.
    pub rows: QueryResult,
    /// What it was made from; `None` where the days were handed over.
    pub provenance: Option<Provenance>,
}

/// The mean of a district's valid day, unrounded, in µg/m³.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistrictDay {
    /// The local day.
    pub day: NaiveDate,
    /// Its mean.
    pub mean: f64,
}

/// The annual means of a parameter up to the end of a period, as many years as R5 compares.
///
/// # Errors
/// [`AnalyticsError::Request`] when the parameter has no annual mean here; [`AnalyticsError::Lake`] when a table cannot
/// be read.
pub async fn progress(
    lake: &Lake,
    settings: &Settings,
    parameter: &str,
    until: Period,
    observations_version: Option<u64>,
) -> Result<Progress, AnalyticsError> {
    let key = &rankable(settings, parameter)?.key;
    let span = years_span(settings, until);
    let need = Need {
        parameter: Some(key),
        periods: &[span],
        source: SourceChoice::Auto,
        observations_version,
        qc_version: None,
    };
    let pinned = Pinned::open(lake, settings, &need).await?;
    let values = [
        ("parameter", Value::Text(key.clone())),
        ("district", Value::Text(settings.district.code.to_string())),
        ("first", Value::Day(span.first())),
        ("last", Value::Day(span.last())),
    ];
    let mut days = Vec::new();
    for batch in pinned
        .session
        .collect(&sql::bind(sql::DISTRICT_DAYS, &values)?)
        .await?
    {
        read(&batch, &mut days)?;
    }
    let mut out = annual_progress(settings, key, until, &days).await?;
    out.provenance = Some(pinned.provenance);
    Ok(out)
}

/// The same from the district's valid days.
///
/// # Errors
/// As [`progress`].
pub async fn annual_progress(
    settings: &Settings,
    parameter: &str,
    until: Period,
    days: &[DistrictDay],
) -> Result<Progress, AnalyticsError> {
    let parameter = rankable(settings, parameter)?;
    let rules = &settings.rules;
    let context = blank(settings)?;
    let span = years_span(settings, until);
    context.register_table("years", Arc::new(years_table(span)?))?;
    context.register_table("district_days", Arc::new(days_table(days)?))?;
    let values = [
        ("decimals", Value::Integer(parameter.published_decimals.into())),
        ("first", Value::Day(span.first())),
        ("last", Value::Day(span.last())),
        ("limit", Value::Integer(rules.r5_limit.into())),
        ("full", Value::Bool(rules.limit_compare == "full")),
        ("decreases", Value::Integer(rules.r5_decreases.into())),
    ];
    let frame = context.sql(&sql::bind(sql::ANNUAL_PROGRESS, &values)?).await?;
    Ok(Progress {
        parameter: parameter.key.clone(),
        limit: rules.r5_limit,
        rows: QueryResult {
            schema: Arc::new(frame.schema().as_arrow().clone()),
            batches: frame.collect().await?,
        },
        provenance: None,
    })
}

/// From 1 January of the first year that R5 compares to the end of a period.
fn years_span(settings: &Settings, until: Period) -> Period {
    let years = i32::try_from(settings.rules.r5_decreases).unwrap_or(i32::MAX);
    let first = NaiveDate::from_ymd_opt(until.last().year().saturating_sub(years), 1, 1);
    first
        .and_then(|first| Period::range(first, until.last()))
        .unwrap_or(until)
}

/// The years of a span with their days, and how many of them come after it.
fn years_table(span: Period) -> Result<MemTable, AnalyticsError> {
    let years = span.first().year()..=span.last().year();
    let all: Vec<Period> = years.filter_map(Period::year).collect();
    let column = |of: &dyn Fn(&Period) -> i64| Arc::new(Int64Array::from_iter_values(all.iter().map(of)));
    let batch = RecordBatch::try_from_iter([
        ("year", column(&|y| y.first().year().into()) as _),
        ("days", column(&|y| y.days().into()) as _),
        (
            "days_to_come",
            column(&|y| (y.last() - span.last()).num_days().max(0)) as _,
        ),
    ])?;
    Ok(MemTable::try_new(batch.schema(), vec![vec![batch]])?)
}

fn days_table(days: &[DistrictDay]) -> Result<MemTable, AnalyticsError> {
    let numbers = days.iter().map(|d| day_number(d.day));
    let means = days.iter().map(|d| d.mean);
    let batch = RecordBatch::try_from_iter([
        ("day", Arc::new(Date32Array::from_iter_values(numbers)) as _),
        ("mean", Arc::new(Float64Array::from_iter_values(means)) as _),
    ])?;
    Ok(MemTable::try_new(batch.schema(), vec![vec![batch]])?)
}

fn read(batch: &RecordBatch, days: &mut Vec<DistrictDay>) -> Result<(), AnalyticsError> {
    let numbers = cast(columns::any(batch, "day")?, &DataType::Date32)?;
    let numbers = numbers.as_primitive::<Date32Type>();
    let means = columns::doubles(batch, "mean")?;
    for row in 0..batch.num_rows() {
        let day = Date32Type::to_naive_date_opt(numbers.value(row));
        days.push(DistrictDay {
            day: day.ok_or_else(|| AnalyticsError::Defect("a day is outside the calendar".to_owned()))?,
            mean: means.value(row),
        });
    }
    Ok(())
}
