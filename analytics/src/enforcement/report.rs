//! Counting a period: spans and units in, SQL, typed rows out.

use std::sync::Arc;

use chrono::{Datelike, Days};
use datafusion::arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch};
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind, TableVersion};

use super::{Action, Counted, EnforcementBy, EnforcementReport, EnforcementRequest, EnforcementRow};
use crate::dimensions::{table, text};
use crate::handed_in::context_of;
use crate::period::day_number;
use crate::query::rows;
use crate::ranking::{PERCENT_PLACES, figure};
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, columns};

/// The unit of the row with the sums.
const TOTAL: &str = "total";

/// What was inspected, punished and closed in a period, and in the one before.
///
/// # Errors
/// [`AnalyticsError::Request`] when no week belongs to the period of a report by week; [`AnalyticsError::Lake`] when the
/// table cannot be read.
pub async fn enforcement_report(
    lake: &Lake,
    settings: &Settings,
    request: &EnforcementRequest,
) -> Result<EnforcementReport, AnalyticsError> {
    let table = lake.read(TableKind::Enforcement, None).await?;
    enforcement_of(settings, &table, request).await
}

/// As [`enforcement_report`], of a version of the table.
pub(crate) async fn enforcement_of(
    settings: &Settings,
    table_version: &TableVersion,
    request: &EnforcementRequest,
) -> Result<EnforcementReport, AnalyticsError> {
    let weeks = match request.by {
        EnforcementBy::Week => weeks(request.period)?,
        _ => Vec::new(),
    };
    let context = context_of(settings, table_version).await?;
    let units = units(settings, request.by, &weeks);
    let place = |at: usize| i64::try_from(at).unwrap_or(i64::MAX);
    context.register_table(
        "enforcement_units",
        table(vec![
            ("unit", text(units.iter().map(|unit| Some(&unit.0)))),
            ("name", text(units.iter().map(|unit| Some(&unit.1)))),
            (
                "place",
                Arc::new((0..units.len()).map(place).map(Some).collect::<Int64Array>()),
            ),
        ])?,
    )?;
    context.register_table("enforcement_spans", table(spans(request.period, &weeks))?)?;
    let unit = match request.by {
        EnforcementBy::Action => "action",
        EnforcementBy::Department => "department",
        EnforcementBy::Township | EnforcementBy::Week => "township",
    };
    let values = [("unit", Value::Sql(sql::identifier(unit)))];
    let result = rows(&context, &sql::bind(sql::ENFORCEMENT_REPORT, &values)?).await?;
    let mut rows = Vec::new();
    for batch in &result.batches {
        read(batch, &mut rows)?;
    }
    if request.by == EnforcementBy::Week {
        rows.retain(|row| row.unit != TOTAL);
    }
    Ok(EnforcementReport {
        period: request.period,
        by: request.by,
        rows,
    })
}

/// The ISO weeks whose Thursday lies in the period: so each week belongs to one month and one year.
fn weeks(period: Period) -> Result<Vec<Period>, AnalyticsError> {
    let mut weeks = Vec::new();
    let mut day = Some(period.first());
    while let Some(at) = day.filter(|at| *at <= period.last()) {
        let iso = at.iso_week();
        if at.weekday() == chrono::Weekday::Thu
            && let Some(week) = Period::week(iso.year(), iso.week())
        {
            weeks.push(week);
        }
        day = at.checked_add_days(Days::new(1));
    }
    if weeks.is_empty() {
        return Err(AnalyticsError::Request(format!(
            "no week belongs to {period}: a week belongs to the period that has its Thursday"
        )));
    }
    Ok(weeks)
}

/// The units that are listed whatever was handed in, with their names.
fn units(settings: &Settings, by: EnforcementBy, weeks: &[Period]) -> Vec<(String, String)> {
    match by {
        EnforcementBy::Action => Action::ALL
            .iter()
            .map(|action| (action.code().to_owned(), action.name().to_owned()))
            .collect(),
        EnforcementBy::Department => Vec::new(),
        EnforcementBy::Township => settings
            .registry
            .townships()
            .iter()
            .filter(|t| t.district == settings.district.code.as_str())
            .map(|t| (t.code.clone(), t.name.clone()))
            .collect(),
        EnforcementBy::Week => weeks
            .iter()
            .map(|week| (week.to_string(), format!("{}..{}", week.first(), week.last())))
            .collect(),
    }
}

/// The days that count for a unit (every unit when it is null) now and before.
fn spans(period: Period, weeks: &[Period]) -> Vec<(&'static str, ArrayRef)> {
    let mut list: Vec<(Option<String>, &str, Period)> = Vec::new();
    if weeks.is_empty() {
        list.push((None, "current", period));
        list.push((None, "previous", period.previous()));
    }
    for week in weeks {
        list.push((Some(week.to_string()), "current", *week));
        list.push((Some(week.to_string()), "previous", week.previous()));
    }
    let days = |of: fn(Period) -> chrono::NaiveDate| -> ArrayRef {
        Arc::new(Date32Array::from_iter_values(
            list.iter().map(|span| day_number(of(span.2))),
        ))
    };
    vec![
        ("unit", text(list.iter().map(|span| span.0.as_ref()))),
        ("role", text(list.iter().map(|span| Some(span.1)))),
        ("first_day", days(Period::first)),
        ("last_day", days(Period::last)),
    ]
}

fn read(batch: &RecordBatch, out: &mut Vec<EnforcementRow>) -> Result<(), AnalyticsError> {
    let (units, names) = (columns::texts(batch, "unit")?, columns::texts(batch, "name")?);
    let counted = |measure: &str, row: usize| -> Result<Counted, AnalyticsError> {
        let whole = |name: &str| -> Result<i64, AnalyticsError> {
            Ok(columns::integer(&columns::integers(batch, name)?, row).unwrap_or(0))
        };
        let change = columns::doubles(batch, &format!("{measure}_change"))?;
        Ok(Counted {
            current: whole(measure)?,
            previous: whole(&format!("{measure}_previous"))?,
            change_percent: figure(columns::double(&change, row), PERCENT_PLACES)?,
        })
    };
    for row in 0..batch.num_rows() {
        out.push(EnforcementRow {
            unit: units.value(row).to_owned(),
            name: names.value(row).to_owned(),
            inspections: counted("inspections", row)?,
            cases: counted("cases", row)?,
            penalty_yuan: counted("penalty_yuan", row)?,
            closed: counted("closed", row)?,
        });
    }
    Ok(())
}
