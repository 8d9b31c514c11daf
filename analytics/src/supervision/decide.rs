//! The rules over the months' values.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use dustwatch_config::{RuleSettings, Settings};

use super::{MonthLed, MonthlyValue, Outcome, Supervision, SupervisionRow, month_number, settings_text};
use crate::ranking::{PERCENT_PLACES, figure};
use crate::session::blank;
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, Published, columns};

/// The months that led to a row, by parameter and township.
type Led = HashMap<(String, String), Vec<MonthLed>>;

/// Who meets a rule in a month, by the values of that month and those before it.
///
/// # Errors
/// [`AnalyticsError::Request`] when the period is no month.
pub async fn supervise(
    settings: &Settings,
    month: Period,
    values: &[MonthlyValue],
) -> Result<Supervision, AnalyticsError> {
    let number = month_number(month)?;
    let context = blank(settings)?;
    context.register_table("monthly_values", Arc::new(table(values)?))?;
    register(&context, &settings.rules).await?;
    let places: HashMap<&str, u8> = values
        .iter()
        .filter_map(|v| Some((v.parameter.as_str(), v.value?.places())))
        .collect();
    let at = [("month_number", Value::Integer(number))];
    let mut led = Led::new();
    for batch in ask(&context, sql::SUPERVISION_MONTHS, &at).await? {
        read_months(&batch, &places, &mut led)?;
    }
    let c_months = Value::Integer(settings.rules.r3c_months.into());
    let [at] = at;
    let mut rows = Vec::new();
    for batch in ask(&context, sql::SUPERVISION, &[at, ("c_months", c_months)]).await? {
        read_rows(&batch, &places, &mut led, &mut rows)?;
    }
    Ok(Supervision {
        month,
        rows,
        settings: settings_text(&settings.rules),
        provenance: None,
    })
}

async fn ask(
    context: &SessionContext,
    text: &str,
    values: &[(&str, Value)],
) -> Result<Vec<RecordBatch>, AnalyticsError> {
    Ok(context.sql(&sql::bind(text, values)?).await?.collect().await?)
}

/// The tables `standings`, `streaks` and `triggers` from `monthly_values`. Each answer is computed once and kept: as
/// views they would be planned anew at every mention, dozens of times.
async fn register(context: &SessionContext, rules: &RuleSettings) -> Result<(), AnalyticsError> {
    let count = |value: u32| Value::Integer(value.into());
    let is = |word: &str, wanted: &str| Value::Bool(word == wanted);
    let standings = [
        ("last_n", count(rules.last_n)),
        ("truncate", is(&rules.boundary, "truncate_raw")),
    ];
    keep(context, "standings", sql::STANDINGS, &standings).await?;
    let streaks = [("skip", is(&rules.streak_missing, "skip"))];
    keep(context, "streaks", sql::STREAKS, &streaks).await?;
    let triggers = [
        ("k", count(rules.r2_k)),
        ("improved", Value::Text(rules.r2_improved.clone())),
        ("basis", Value::Text(rules.r3_basis.clone())),
        ("both", is(&rules.r3_combine, "and")),
    ];
    keep(context, "triggers", sql::TRIGGERS, &triggers).await
}

async fn keep(
    context: &SessionContext,
    name: &str,
    text: &str,
    values: &[(&str, Value)],
) -> Result<(), AnalyticsError> {
    let frame = context.sql(&sql::bind(text, values)?).await?;
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let table = MemTable::try_new(schema, vec![frame.collect().await?])?;
    context.register_table(name, Arc::new(table))?;
    Ok(())
}

fn table(values: &[MonthlyValue]) -> Result<MemTable, AnalyticsError> {
    let numbers: Result<Vec<i64>, AnalyticsError> = values.iter().map(|v| month_number(v.month)).collect();
    let text = |of: &dyn Fn(&MonthlyValue) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(values.iter().map(of)))
    };
    let published = values.iter().map(|v| v.value.map(Published::to_f64));
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("parameter", text(&|v| v.parameter.clone()), false),
        (
            "month_number",
            Arc::new(Int64Array::from(numbers?)) as ArrayRef,
            false,
        ),
        ("month", text(&|v| v.month.to_string()), false),
        ("township", text(&|v| v.township.clone()), false),
        (
            "mean",
            Arc::new(values.iter().map(|v| v.mean).collect::<Float64Array>()) as ArrayRef,
            true,
        ),
        (
            "value",
            Arc::new(published.collect::<Float64Array>()) as ArrayRef,
            true,
        ),
        (
            "basis",
            Arc::new(Int64Array::from_iter_values(
                values.iter().map(|v| i64::from(v.basis)),
            )) as ArrayRef,
            false,
        ),
    ])?;
    Ok(MemTable::try_new(batch.schema(), vec![vec![batch]])?)
}

fn missing(name: &str) -> AnalyticsError {
    AnalyticsError::Defect(format!("a row of the supervision list has no {name}"))
}

fn read_months(batch: &RecordBatch, places: &HashMap<&str, u8>, led: &mut Led) -> Result<(), AnalyticsError> {
    let (parameters, townships) = (
        columns::texts(batch, "parameter")?,
        columns::texts(batch, "township")?,
    );
    let months = columns::texts(batch, "month")?;
    let values = columns::doubles(batch, "value")?;
    let (ranks, basis) = (
        columns::integers(batch, "rank_worst")?,
        columns::integers(batch, "basis")?,
    );
    for row in 0..batch.num_rows() {
        let parameter = parameters.value(row);
        let places = places.get(parameter).copied().unwrap_or(0);
        let key = (parameter.to_owned(), townships.value(row).to_owned());
        led.entry(key).or_default().push(MonthLed {
            month: months.value(row).to_owned(),
            value: figure(columns::double(&values, row), places)?.ok_or_else(|| missing("value"))?,
            rank_worst: columns::count(&ranks, row)?.ok_or_else(|| missing("rank"))?,
            basis: columns::count(&basis, row)?.unwrap_or(0),
        });
    }
    Ok(())
}

fn read_rows(
    batch: &RecordBatch,
    places: &HashMap<&str, u8>,
    led: &mut Led,
    rows: &mut Vec<SupervisionRow>,
) -> Result<(), AnalyticsError> {
    let text =
        |name: &str, row: usize| Ok::<_, AnalyticsError>(columns::texts(batch, name)?.value(row).to_owned());
    let value = |name: &str, row: usize, places: u8| {
        figure(columns::double(&columns::doubles(batch, name)?, row), places)
    };
    let before = columns::texts(batch, "met_before")?;
    for row in 0..batch.num_rows() {
        let (parameter, township_code) = (text("parameter", row)?, text("township_code", row)?);
        let places = places.get(parameter.as_str()).copied().unwrap_or(0);
        let months = led.remove(&(parameter.clone(), township_code.clone()));
        rows.push(SupervisionRow {
            outcome: match text("outcome", row)?.as_str() {
                "accountability" => Outcome::Accountability,
                _ => Outcome::Interview,
            },
            rules: text("rules", row)?,
            township: text("township", row)?,
            value: value("value", row, places)?.ok_or_else(|| missing("value"))?,
            rank_worst: columns::count(&columns::integers(batch, "rank_worst")?, row)?
                .ok_or_else(|| missing("rank"))?,
            previous: (
                value("previous_value", row, places)?,
                value("change_percent", row, PERCENT_PLACES)?,
            ),
            last_year: (
                value("last_year_value", row, places)?,
                value("last_year_percent", row, PERCENT_PLACES)?,
            ),
            months: months.ok_or_else(|| missing("month"))?,
            met_before: (!before.value(row).is_empty()).then(|| before.value(row).to_owned()),
            parameter,
            township_code,
        });
    }
    Ok(())
}
