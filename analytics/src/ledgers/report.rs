//! Answering a request for a ledger's report: what its kind says into SQL, typed rows out.

use chrono::{Datelike, Days, Months};
use datafusion::arrow::array::{Array, RecordBatch};
use dustwatch_config::ledgers::{Better, Combine, DateKind, ItemKind, LedgerItem, Limit, SubjectKind};
use dustwatch_config::{LedgerKind, Settings};
use dustwatch_lake::{Lake, TableKind};

use super::{
    ChangeUnit, LedgerReport, LedgerReportRequest, LedgerReportRow, LedgerValue, LedgerVerdict, kind,
};
use crate::dimensions::{table, text};
use crate::handed_in::context;
use crate::query::rows;
use crate::ranking::{PERCENT_PLACES, figure};
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, PeriodKind, columns};

/// A ledger's subjects over a period, ranked by one item, with limit and comparisons.
///
/// # Errors
/// [`AnalyticsError::Request`] when there is no such kind or item, or the period does not fit; [`AnalyticsError::Lake`]
/// when the table cannot be read.
pub async fn ledger_report(
    lake: &Lake,
    settings: &Settings,
    request: &LedgerReportRequest,
) -> Result<LedgerReport, AnalyticsError> {
    let kind = kind(settings, &request.kind)?;
    let item = item(kind, request.item.as_deref())?;
    if kind.date_kind == DateKind::Month && !is_of_months(request.period) {
        return Err(AnalyticsError::Request(format!(
            "{} is a ledger by month: {} does not consist of whole months",
            kind.key, request.period
        )));
    }
    let context = context(lake, settings, &[TableKind::Ledger]).await?;
    context.register_table("ledger_subjects", subjects(settings, kind)?)?;
    let values = values(settings, kind, item, request.period);
    let result = rows(&context, &sql::bind(sql::LEDGER_REPORT, &values)?).await?;
    let change_unit = change_unit(item);
    let mut rows = Vec::new();
    for batch in &result.batches {
        read(batch, item, limit_places(kind, item), change_unit, &mut rows)?;
    }
    Ok(LedgerReport {
        kind: kind.key.clone(),
        kind_name: kind.name.clone(),
        item: item.key().to_owned(),
        item_name: item.name.clone(),
        unit: item.unit.clone(),
        change_unit,
        period: request.period,
        rows,
    })
}

fn item<'a>(kind: &'a LedgerKind, key: Option<&str>) -> Result<&'a LedgerItem, AnalyticsError> {
    let key = key.unwrap_or(&kind.ranked);
    let item = kind.item(key).filter(|item| item.is_ranked());
    item.ok_or_else(|| {
        let ranked = kind.items.iter().filter(|item| item.is_ranked());
        let known: Vec<&str> = ranked.map(LedgerItem::key).collect();
        AnalyticsError::Request(format!(
            "item {key:?} of {} is not ranked; ranked are {}",
            kind.key,
            known.join(", ")
        ))
    })
}

/// Whether a period begins with a month's first day and ends with a month's last.
fn is_of_months(period: Period) -> bool {
    let after = period.last().checked_add_days(Days::new(1));
    period.first().day() == 1 && after.is_some_and(|day| day.day() == 1)
}

/// The period just before: as many whole months before a range of months, as many days before any other range.
fn previous(kind: &LedgerKind, period: Period) -> Period {
    let before = period.previous();
    if kind.date_kind == DateKind::Day || period.kind() != PeriodKind::Range {
        return before;
    }
    let (first, last) = (period.first(), period.last());
    let months = (last.year() - first.year()) * 12 + last.month0() as i32 - first.month0() as i32 + 1;
    let months = Months::new(u32::try_from(months).unwrap_or(0));
    let whole = first
        .checked_sub_months(months)
        .and_then(|first| Period::range(first, before.last()));
    whole.unwrap_or(before)
}

/// Who is listed whatever was handed in.
fn subjects(
    settings: &Settings,
    kind: &LedgerKind,
) -> Result<std::sync::Arc<dyn datafusion::catalog::TableProvider>, AnalyticsError> {
    let own = settings.district.code.as_str();
    let townships = settings.registry.townships().iter();
    let listed: Vec<_> = townships
        .filter(|t| kind.subject_kind == SubjectKind::Township && t.district == own)
        .collect();
    table(vec![
        ("subject", text(listed.iter().map(|t| Some(&t.code)))),
        ("name", text(listed.iter().map(|t| Some(&t.name)))),
    ])
}

fn change_unit(item: &LedgerItem) -> ChangeUnit {
    match &item.kind {
        ItemKind::Grade { .. } => ChangeUnit::Grades,
        _ if item.unit == "%" => ChangeUnit::Points,
        _ => ChangeUnit::Percent,
    }
}

/// Places that a limit is printed with.
fn limit_places(kind: &LedgerKind, item: &LedgerItem) -> u8 {
    match &item.limit {
        Limit::None => 0,
        Limit::Value(limit) => limit.scale(),
        Limit::Item(other) => kind.item(other).map_or(0, |other| other.decimals),
    }
}

/// The values that `ledger_report.sql` names.
fn values(
    settings: &Settings,
    kind: &LedgerKind,
    item: &LedgerItem,
    period: Period,
) -> Vec<(&'static str, Value)> {
    let (combine, of, to) = match &item.kind {
        ItemKind::Ratio { of, to } => ("ratio", of.clone(), to.clone()),
        _ => {
            let combine = match item.combine {
                Combine::Mean => "mean",
                Combine::Sum => "sum",
                Combine::Last => "last",
                Combine::Worst => "worst",
            };
            (combine, String::new(), String::new())
        }
    };
    let (limit_value, limit_item) = match &item.limit {
        Limit::None => ("CAST(NULL AS DOUBLE)".to_owned(), String::new()),
        Limit::Value(limit) => (format!("CAST({limit} AS DOUBLE)"), String::new()),
        Limit::Item(other) => ("CAST(NULL AS DOUBLE)".to_owned(), other.clone()),
    };
    let (previous, last_year) = (previous(kind, period), period.last_year());
    vec![
        ("kind", Value::Text(kind.key.clone())),
        ("item", Value::Text(item.key().to_owned())),
        ("combine", Value::Text(combine.to_owned())),
        ("of", Value::Text(of)),
        ("to", Value::Text(to)),
        ("decimals", Value::Integer(item.decimals.into())),
        ("lower", Value::Bool(item.better == Better::Lower)),
        ("percent", Value::Bool(change_unit(item) == ChangeUnit::Percent)),
        ("limit_value", Value::Sql(limit_value)),
        ("limit_item", Value::Text(limit_item)),
        ("full", Value::Bool(settings.rules.limit_compare == "full")),
        ("group", Value::Text(kind.group.clone().unwrap_or_default())),
        ("first", Value::Day(period.first())),
        ("last", Value::Day(period.last())),
        ("previous_first", Value::Day(previous.first())),
        ("previous_last", Value::Day(previous.last())),
        ("last_year_first", Value::Day(last_year.first())),
        ("last_year_last", Value::Day(last_year.last())),
    ]
}

fn read(
    batch: &RecordBatch,
    item: &LedgerItem,
    limit_places: u8,
    change_unit: ChangeUnit,
    out: &mut Vec<LedgerReportRow>,
) -> Result<(), AnalyticsError> {
    let (subjects, names) = (columns::texts(batch, "subject")?, columns::texts(batch, "name")?);
    let (groups, verdicts) = (
        columns::texts(batch, "subject_group")?,
        columns::texts(batch, "verdict")?,
    );
    let count = |name: &str, row: usize| columns::count(&columns::integers(batch, name)?, row);
    let number = |name: &str, row: usize, places: u8| {
        figure(columns::double(&columns::doubles(batch, name)?, row), places)
    };
    let value = |name: &str, row: usize, places: u8| -> Result<Option<LedgerValue>, AnalyticsError> {
        let number = number(name, row, places)?;
        Ok(number.map(|number| LedgerValue {
            label: match item.kind {
                ItemKind::Grade { .. } => item.label(number.decimal().mantissa()).map(str::to_owned),
                _ => None,
            },
            number,
        }))
    };
    let (places, change_places) = match change_unit {
        ChangeUnit::Percent => (item.decimals, PERCENT_PLACES),
        ChangeUnit::Points | ChangeUnit::Grades => (item.decimals, item.decimals),
    };
    for row in 0..batch.num_rows() {
        out.push(LedgerReportRow {
            rank: count("rank", row)?,
            rank_worst: count("rank_worst", row)?,
            group: groups.is_valid(row).then(|| groups.value(row).to_owned()),
            subject: subjects.value(row).to_owned(),
            name: names.value(row).to_owned(),
            value: value("value", row, places)?,
            entries: count("entries", row)?.unwrap_or(0),
            limit: value("limit_value", row, limit_places)?,
            verdict: match verdicts.is_valid(row).then(|| verdicts.value(row)) {
                Some("compliant") => Some(LedgerVerdict::Compliant),
                Some("exceed") => Some(LedgerVerdict::Exceed),
                Some(_) => Some(LedgerVerdict::Below),
                None => None,
            },
            previous_value: value("previous_value", row, places)?,
            change: number("change", row, change_places)?,
            previous_rank: count("previous_rank", row)?,
            rank_change: columns::integer(&columns::integers(batch, "rank_change")?, row),
            last_year_value: value("last_year_value", row, places)?,
            last_year_change: number("last_year_change", row, change_places)?,
        });
    }
    Ok(())
}
