//! The completeness ledger: what was expected of each monitor on each day, what came, and where the rest was lost.
//!
//! Place on the way: the observations, the rejections and the registry come in; the command prints the sheet. The rules
//! stand in `sql/completeness_ledger.sql` and its neighbours; here the tables that they name are made ready.
//! Invariants: the columns of a row add up; a day's row does not depend on the period that was asked for, since
//! neighbours are looked for in a month on both sides.

mod rejections;

use std::sync::Arc;

use chrono::{Days, NaiveDate};
use datafusion::arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::datasource::MemTable;
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, LocalDays, TableKind, flag_column};
use dustwatch_observation::Time;

use crate::period::day_number;
use crate::query::rows;
use crate::session::{Session, parameter_columns};
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, QueryResult};

/// Days on both sides of the period in which the neighbours of a gap or a silence are looked for.
const MARGIN_DAYS: u64 = 31;
/// Neighbours further apart in time prove nothing.
const MAX_SPAN_MICROS: i64 = MARGIN_DAYS as i64 * 86_400 * 1_000_000;
/// Numbers further apart are another numbering, not a loss.
const MAX_GAP: i64 = 1_000_000;

/// What a row of the sheet stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LedgerBy {
    /// A device and local day.
    #[default]
    Device,
    /// A township and local day.
    Township,
}

/// Which sheet is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRequest {
    /// The period; days that have not begun are left out.
    pub period: Period,
    /// Only this device.
    pub device: Option<String>,
    /// Valid is an observation of which this parameter is; of any parameter when absent.
    pub parameter: Option<String>,
    /// What a row stands for.
    pub by: LedgerBy,
    /// The version of `observations` to read; the newest when absent.
    pub observations_version: Option<u64>,
    /// Up to when observations are expected.
    pub now: Time,
}

/// The sheet.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// Its rows, in the columns of `sql/completeness_ledger.sql` or `sql/completeness_townships.sql`.
    pub rows: QueryResult,
    /// The version of `observations` that it was made from.
    pub observations_version: Option<u64>,
}

/// The completeness ledger of a period.
///
/// # Errors
/// [`AnalyticsError::Request`] when there is no such parameter; [`AnalyticsError::Lake`] when a table cannot be read.
pub async fn ledger(
    lake: &Lake,
    settings: &Settings,
    request: &LedgerRequest,
) -> Result<Ledger, AnalyticsError> {
    let observations = lake
        .read(TableKind::Observations, request.observations_version)
        .await?;
    let valid = valid(
        settings,
        observations.provider.as_ref(),
        request.parameter.as_deref(),
    )?;
    let session = Session::with(settings, &observations, None).await?;
    let context = session.context();
    context.register_table("ledger_days", days(settings, request)?)?;
    let tolerance = i64::from(settings.broker.future_tolerance_seconds) * 1_000_000;
    let first_received = day_number(request.period.first()) - MARGIN_DAYS as i32;
    let rejected = rejections::table(lake, first_received..=LAST_DAY, tolerance).await?;
    context.register_table("ledger_rejected", rejected)?;
    let values = values(request, valid);
    let mut stretches = Vec::new();
    for text in [sql::COMPLETENESS_GAPS, sql::COMPLETENESS_SILENCES] {
        stretches.push(rows(context, &sql::bind(text, &values)?).await?);
    }
    context.register_table("ledger_stretches", table(&stretches)?)?;
    let mut sheet = rows(context, &sql::bind(sql::COMPLETENESS_LEDGER, &values)?).await?;
    if request.by == LedgerBy::Township {
        context.register_table("ledger", table(&[sheet])?)?;
        sheet = rows(context, &sql::bind(sql::COMPLETENESS_TOWNSHIPS, &[])?).await?;
    }
    Ok(Ledger {
        rows: sheet,
        observations_version: observations.version,
    })
}

/// 9999-12-31 as days since 1970.
const LAST_DAY: i32 = 2_932_896;

fn values(request: &LedgerRequest, valid: String) -> Vec<(&'static str, Value)> {
    let margin = Days::new(MARGIN_DAYS);
    let (first, last) = (request.period.first(), request.period.last());
    let device = request.device.clone().unwrap_or_default();
    vec![
        ("first", Value::Day(first)),
        ("last", Value::Day(last)),
        (
            "from",
            Value::Day(first.checked_sub_days(margin).unwrap_or(first)),
        ),
        ("until", Value::Day(last.checked_add_days(margin).unwrap_or(last))),
        ("max_span", Value::Integer(MAX_SPAN_MICROS)),
        ("max_gap", Value::Integer(MAX_GAP)),
        ("device", Value::Text(device)),
        ("valid", Value::Sql(valid)),
    ]
}

/// When an observation is valid: a value with flag N of the parameter, or of any.
fn valid(
    settings: &Settings,
    table: &dyn datafusion::catalog::TableProvider,
    parameter: Option<&str>,
) -> Result<String, AnalyticsError> {
    if let Some(key) = parameter
        && settings.parameters.find(key).is_none()
    {
        return Err(AnalyticsError::Request(format!(
            "parameter {key:?} is not in parameters.toml"
        )));
    }
    let mut keys = parameter_columns(settings, table);
    keys.retain(|key| parameter.is_none_or(|wanted| wanted == key));
    let one = |key: &String| {
        let (value, flag) = (sql::identifier(key), sql::identifier(&flag_column(key)));
        format!("({value} IS NOT NULL AND ({flag} IS NULL OR {flag} = 'N'))")
    };
    let any: Vec<String> = keys.iter().map(one).collect();
    Ok(match any.is_empty() {
        true => "false".to_owned(),
        false => format!("({})", any.join(" OR ")),
    })
}

/// The table `ledger_days`: the days of the period that have begun, their instants, and the seconds that are over.
fn days(settings: &Settings, request: &LedgerRequest) -> Result<Arc<MemTable>, AnalyticsError> {
    let local = LocalDays::new(settings.district.timezone);
    let now = request.now.as_micros();
    let mut days: Vec<(i32, i64, i64, i64)> = Vec::new();
    for day in request.period.day_numbers() {
        let span = local
            .span_of(day)
            .ok_or_else(|| AnalyticsError::Request(format!("{} is out of the calendar", date(day))))?;
        if span.start <= now {
            let elapsed = (now.min(span.end) - span.start) / 1_000_000;
            days.push((day, span.start, span.end, elapsed));
        }
    }
    let integers = |of: fn(&(i32, i64, i64, i64)) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(days.iter().map(of)))
    };
    let numbers: ArrayRef = Arc::new(Date32Array::from_iter_values(days.iter().map(|d| d.0)));
    let batch = RecordBatch::try_from_iter([
        ("day", numbers),
        ("starts", integers(|d| d.1)),
        ("ends", integers(|d| d.2)),
        ("elapsed_seconds", integers(|d| d.3)),
    ])?;
    Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
}

fn date(day: i32) -> NaiveDate {
    NaiveDate::default() + chrono::Duration::days(day.into())
}

/// Results of the same columns as one table. Results differ on what may be null, so everything may.
fn table(results: &[QueryResult]) -> Result<Arc<MemTable>, AnalyticsError> {
    let first = results
        .first()
        .ok_or_else(|| AnalyticsError::Defect("a table of no results".to_owned()))?;
    let fields = first.schema.fields().iter();
    let fields: Vec<Field> = fields
        .map(|f| Field::new(f.name(), f.data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let recast = |batch: &RecordBatch| -> Result<RecordBatch, AnalyticsError> {
        let columns = schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, column)| cast(column, field.data_type()));
        Ok(RecordBatch::try_new(
            schema.clone(),
            columns.collect::<Result<_, _>>()?,
        )?)
    };
    let batches = results.iter().flat_map(|result| &result.batches).map(recast);
    let batches = batches.collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(MemTable::try_new(schema, vec![batches])?))
}
