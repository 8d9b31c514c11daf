//! Asking the rules R1 and R1w: the lists, the own ranking of the half-month to date, SQL, typed rows.

use chrono::{Datelike, NaiveDate};
use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::prelude::SessionContext;
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableVersion};
use dustwatch_observation::Rescaled;

use super::verdict::{
    BulletinCheck, CheckRequest, CheckedBulletin, EarlyWarning, EarlyWarningRow, Violation, WarningVerdict,
};
use super::{bulletins, bulletins_of, within};
use crate::dimensions::{table, text};
use crate::handed_in::{decimals, local_day};
use crate::query::rows;
use crate::ranking::figure;
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, RankRequest, Ranking, columns, rank};

/// Places of a value in the city's lists.
const VALUE_PLACES: u8 = 1;

/// Digits and places of an own value on its way into the rule.
const OWN_DIGITS: (u8, u8) = (18, 6);

/// Checks the lists that lie in a period, and warns of the next one.
///
/// # Errors
/// [`AnalyticsError::Lake`] when a table cannot be read; [`AnalyticsError::Request`] when TSP is no parameter of the
/// settings.
pub async fn check_bulletins(
    lake: &Lake,
    settings: &Settings,
    request: &CheckRequest,
) -> Result<BulletinCheck, AnalyticsError> {
    let context = bulletins(lake, settings).await?;
    let lists = checked(settings, &context, request.period).await?;
    let early_warning = match to_date(request.period, local_day(settings, request.now)?) {
        Some(span) => Some(warn(lake, settings, &context, span).await?),
        None => None,
    };
    Ok(BulletinCheck {
        bulletins: lists,
        early_warning,
    })
}

/// The lists of a version of the table whose days lie in a period, checked for R1; oldest first.
pub(crate) async fn lists_within(
    settings: &Settings,
    table: &TableVersion,
    period: Period,
) -> Result<Vec<CheckedBulletin>, AnalyticsError> {
    checked(settings, &bulletins_of(settings, table).await?, period).await
}

async fn checked(
    settings: &Settings,
    context: &SessionContext,
    period: Period,
) -> Result<Vec<CheckedBulletin>, AnalyticsError> {
    let mut values = vec![
        ("n", Value::Integer(settings.rules.r1_n.into())),
        ("district", Value::Text(settings.district.code.to_string())),
        ("district_name", Value::Text(settings.district.name.clone())),
    ];
    values.extend(within(Some(period)));
    let mut lists = Vec::new();
    let found = rows(context, &sql::bind(sql::BULLETIN_R1, &values)?).await?;
    for batch in &found.batches {
        read_lists(batch, &mut lists)?;
    }
    Ok(lists)
}

/// The last half-month of a period of which a day is over, up to the period's last day that is over.
fn to_date(period: Period, today: NaiveDate) -> Option<Period> {
    let last = period.last().min(today.pred_opt()?);
    if last < period.first() {
        return None;
    }
    let half = Period::half_month(last.year(), last.month(), last.day() > 15)?;
    if last == half.last() {
        Some(half)
    } else {
        Period::range(half.first(), last)
    }
}

async fn warn(
    lake: &Lake,
    settings: &Settings,
    context: &SessionContext,
    span: Period,
) -> Result<EarlyWarning, AnalyticsError> {
    let own = rank(lake, settings, &RankRequest::new("tsp", span)).await?;
    context.register_table("own_values", own_values(&own)?)?;
    let values = [
        ("n", Value::Integer(settings.rules.r1_n.into())),
        ("delta", Value::Sql(settings.rules.r1_warn_delta.to_string())),
        ("first", Value::Day(span.first())),
    ];
    let mut warning = EarlyWarning {
        span,
        bulletin: None,
        bound: None,
        delta: settings.rules.r1_warn_delta,
        rows: Vec::new(),
        provenance: own.provenance,
    };
    let places = settings
        .parameters
        .find("tsp")
        .map(|id| settings.parameters.get(id).published_decimals);
    for batch in &rows(context, &sql::bind(sql::BULLETIN_R1W, &values)?)
        .await?
        .batches
    {
        read_warnings(batch, places.unwrap_or(0), &mut warning)?;
    }
    Ok(warning)
}

/// The ranking as the table that the rule reads, its published values exact.
fn own_values(
    own: &Ranking,
) -> Result<std::sync::Arc<dyn datafusion::catalog::TableProvider>, AnalyticsError> {
    let (digits, places) = OWN_DIGITS;
    let exact = |row: &crate::RankingRow| match row.value?.decimal().rescale(places) {
        Rescaled::Exact(value) => Some(value),
        Rescaled::Rounded(_) | Rescaled::Overflow => None,
    };
    table(vec![
        (
            "township_code",
            text(own.rows.iter().map(|r| Some(&r.township_code))),
        ),
        ("township", text(own.rows.iter().map(|r| Some(&r.township)))),
        ("value", decimals(own.rows.iter().map(exact), digits, places)?),
    ])
}

fn read_lists(batch: &RecordBatch, out: &mut Vec<CheckedBulletin>) -> Result<(), AnalyticsError> {
    let (periods, parameters) = (
        columns::texts(batch, "period")?,
        columns::texts(batch, "parameter")?,
    );
    let (codes, townships) = (
        columns::texts(batch, "township_code")?,
        columns::texts(batch, "township")?,
    );
    let (listed, ranks) = (
        columns::integers(batch, "listed")?,
        columns::integers(batch, "rank_from_worst")?,
    );
    let values = columns::doubles(batch, "value")?;
    for row in 0..batch.num_rows() {
        let (period, parameter) = (periods.value(row), parameters.value(row));
        let is_same = |list: &CheckedBulletin| list.period == period && list.parameter == parameter;
        if !out.last().is_some_and(is_same) {
            out.push(CheckedBulletin {
                period: period.to_owned(),
                parameter: parameter.to_owned(),
                listed: columns::count(&listed, row)?.unwrap_or(0),
                violations: Vec::new(),
            });
        }
        let (Some(list), Some(rank)) = (out.last_mut(), columns::count(&ranks, row)?) else {
            continue;
        };
        list.violations.push(Violation {
            township_code: codes.is_valid(row).then(|| codes.value(row).to_owned()),
            township: townships.value(row).to_owned(),
            rank_from_worst: rank,
            value: figure(columns::double(&values, row), VALUE_PLACES)?,
        });
    }
    Ok(())
}

fn read_warnings(batch: &RecordBatch, places: u8, out: &mut EarlyWarning) -> Result<(), AnalyticsError> {
    let (codes, townships) = (
        columns::texts(batch, "township_code")?,
        columns::texts(batch, "township")?,
    );
    let (periods, verdicts) = (
        columns::texts(batch, "period")?,
        columns::texts(batch, "verdict")?,
    );
    let (values, bounds) = (
        columns::doubles(batch, "own_value")?,
        columns::doubles(batch, "bound")?,
    );
    for row in 0..batch.num_rows() {
        out.bulletin = periods.is_valid(row).then(|| periods.value(row).to_owned());
        out.bound = figure(columns::double(&bounds, row), VALUE_PLACES)?;
        let word = verdicts.value(row);
        out.rows.push(EarlyWarningRow {
            township_code: codes.value(row).to_owned(),
            township: townships.value(row).to_owned(),
            value: figure(columns::double(&values, row), places)?,
            verdict: WarningVerdict::from_word(word)
                .ok_or_else(|| AnalyticsError::Defect(format!("{word:?} is no verdict of R1w")))?,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_half_month_runs_to_yesterday_and_not_beyond_the_period() {
        for (period, today, span) in [
            ("2024-10", "2024-10-21", Some("2024-10-16..2024-10-20")),
            ("2024-10", "2024-10-16", Some("2024-10-H1")),
            ("2024-10", "2024-11-01", Some("2024-10-H2")),
            ("2024-10", "2026-01-01", Some("2024-10-H2")),
            ("2024-10-H1", "2024-10-02", Some("2024-10-01..2024-10-01")),
            ("2024-10-H1", "2024-10-01", None),
            ("2024-W41", "2024-12-01", Some("2024-10-01..2024-10-13")),
            ("2025", "2024-12-31", None),
        ] {
            let got = to_date(period.parse().unwrap(), today.parse().unwrap());
            assert_eq!(got.map(|p| p.to_string()).as_deref(), span, "{period} on {today}");
        }
    }
}
