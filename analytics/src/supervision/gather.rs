//! The values of the months, from the tables.

use std::sync::Arc;

use datafusion::arrow::array::{Int64Array, RecordBatch, StringArray};
use datafusion::datasource::MemTable;
use dustwatch_config::Settings;
use dustwatch_lake::Lake;

use super::{HISTORY_MONTHS, MonthlyValue, Supervision, month_number, month_of, supervise};
use crate::dustfall::{PARAMETER, township_months};
use crate::pinned::{Need, Pinned};
use crate::ranking::{figure, rankable};
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, Provenance, SourceChoice, columns};

/// Parameters of rule R2: air quality, which is PM2.5, and TSP.
const AIR: [&str; 2] = ["pm25", "tsp"];

/// Who meets a rule in a month, by the newest data or those of a version of `observations`.
///
/// # Errors
/// [`AnalyticsError::Request`] when the period is no month; [`AnalyticsError::Lake`] when a table cannot be read.
pub async fn supervision(
    lake: &Lake,
    settings: &Settings,
    month: Period,
    observations_version: Option<u64>,
) -> Result<Supervision, AnalyticsError> {
    supervision_of(lake, settings, month, (observations_version, None, None)).await
}

/// As [`supervision`], by versions of `observations`, `qc_flags` and `dustfall`, the newest where one is absent.
pub(crate) async fn supervision_of(
    lake: &Lake,
    settings: &Settings,
    month: Period,
    (observations, flags, dustfall): (Option<u64>, Option<u64>, Option<u64>),
) -> Result<Supervision, AnalyticsError> {
    month_number(month)?;
    let mut versions = (observations, flags);
    let mut values = Vec::new();
    let mut provenance = None;
    for parameter in AIR {
        let (of_parameter, made_from) = monthly_values(lake, settings, parameter, month, versions).await?;
        versions = (made_from.observations_version, made_from.qc_version);
        values.extend(of_parameter);
        provenance = Some(made_from);
    }
    let (of_dustfall, dustfall_version) = dustfall_values(lake, settings, month, dustfall).await?;
    values.extend(of_dustfall);
    let mut out = supervise(settings, month, &values).await?;
    out.provenance = provenance;
    out.dustfall_version = dustfall_version;
    Ok(out)
}

/// Every township's dustfall of the months up to one, and the version of the table that they were made from.
async fn dustfall_values(
    lake: &Lake,
    settings: &Settings,
    until: Period,
    version: Option<u64>,
) -> Result<(Vec<MonthlyValue>, Option<u64>), AnalyticsError> {
    let months = months_until(until)?;
    let found = township_months(lake, settings, span_of(&months, until), version).await?;
    let values = found.figures.into_iter().map(|figure| MonthlyValue {
        parameter: PARAMETER.to_owned(),
        month: figure.period,
        value: figure.value(),
        mean: figure.ranking.mean,
        basis: figure.ranking.stations,
        township: figure.ranking.township_code,
    });
    Ok((values.collect(), found.dustfall_version))
}

/// The months that are looked at, oldest first.
fn months_until(until: Period) -> Result<Vec<Period>, AnalyticsError> {
    let last = month_number(until)?;
    Ok((last - HISTORY_MONTHS..=last).filter_map(month_of).collect())
}

/// From the first of some months to the end of the last.
fn span_of(months: &[Period], until: Period) -> Period {
    let first = months.first().map_or(until.first(), |month| month.first());
    Period::range(first, until.last()).unwrap_or(until)
}

/// Every township's values of PM2.5 or TSP of the months up to one, with what they were made from: by the newest data and
/// flags of quality control, or by those of these versions.
///
/// # Errors
/// As [`supervision`].
pub async fn monthly_values(
    lake: &Lake,
    settings: &Settings,
    parameter: &str,
    until: Period,
    (observations_version, qc_version): (Option<u64>, Option<u64>),
) -> Result<(Vec<MonthlyValue>, Provenance), AnalyticsError> {
    let parameter = rankable(settings, parameter)?;
    let months = months_until(until)?;
    let span = span_of(&months, until);
    let need = Need {
        parameter: Some(&parameter.key),
        periods: &[span],
        source: SourceChoice::Auto,
        observations_version,
        qc_version,
    };
    let pinned = Pinned::open(lake, settings, &need).await?;
    let context = pinned.session.context();
    context.register_table("months", Arc::new(months_table(settings, &months)?))?;
    let text = sql::bind(
        sql::MONTHLY_VALUES,
        &[
            ("parameter", Value::Text(parameter.key.clone())),
            ("decimals", Value::Integer(parameter.published_decimals.into())),
            ("district", Value::Text(settings.district.code.to_string())),
            ("first", Value::Day(span.first())),
            ("last", Value::Day(span.last())),
        ],
    )?;
    let mut values = Vec::new();
    for batch in pinned.session.collect(&text).await? {
        read(&batch, &parameter.key, parameter.published_decimals, &mut values)?;
    }
    Ok((values, pinned.provenance))
}

/// The months with the valid days that each needs (GB 3095 table 4).
fn months_table(settings: &Settings, months: &[Period]) -> Result<MemTable, AnalyticsError> {
    let numbers: Result<Vec<i64>, AnalyticsError> = months.iter().map(|m| month_number(*m)).collect();
    let needed = months
        .iter()
        .map(|month| i64::from(month.min_valid_days(&settings.standards)));
    let batch = RecordBatch::try_from_iter([
        ("month_number", Arc::new(Int64Array::from(numbers?)) as _),
        (
            "month",
            Arc::new(StringArray::from_iter_values(
                months.iter().map(Period::to_string),
            )) as _,
        ),
        ("min_days", Arc::new(Int64Array::from_iter_values(needed)) as _),
    ])?;
    Ok(MemTable::try_new(batch.schema(), vec![vec![batch]])?)
}

fn read(
    batch: &RecordBatch,
    parameter: &str,
    places: u8,
    values: &mut Vec<MonthlyValue>,
) -> Result<(), AnalyticsError> {
    let numbers = columns::integers(batch, "month_number")?;
    let townships = columns::texts(batch, "township")?;
    let (means, published) = (
        columns::doubles(batch, "mean")?,
        columns::doubles(batch, "value")?,
    );
    let basis = columns::integers(batch, "basis")?;
    for row in 0..batch.num_rows() {
        let number = numbers.value(row);
        values.push(MonthlyValue {
            parameter: parameter.to_owned(),
            month: month_of(number).ok_or_else(|| AnalyticsError::Defect(format!("{number} is no month")))?,
            township: townships.value(row).to_owned(),
            mean: columns::double(&means, row),
            value: figure(columns::double(&published, row), places)?,
            basis: columns::count(&basis, row)?.unwrap_or(0),
        });
    }
    Ok(())
}
