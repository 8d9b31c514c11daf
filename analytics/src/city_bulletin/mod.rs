//! City bulletins: the city's lists of its worst townships, and the rules R1 and R1w that are read from them.
//!
//! Place on the way: the half-month's list comes in as CSV by [`import_bulletin`]; [`check_bulletins`] says which of the
//! district's townships are on it (R1) and which come close to it in the running half-month (R1w), for the command and
//! the notices. The rules stand in `sql/bulletin_r1.sql` and `sql/bulletin_r1w.sql`. Invariant: a township of the
//! district that is listed is found, even when its name is in no list of ours.

mod check;
mod import;
mod ranks;
mod store;
mod verdict;

use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind, TableVersion};

use crate::handed_in::context_of;
use crate::query::rows;
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, PeriodKind, QueryResult};

pub use check::check_bulletins;
pub(crate) use check::lists_within;
pub use import::{BulletinImport, BulletinImported, import_bulletin};
pub use verdict::{
    BulletinCheck, CheckRequest, CheckedBulletin, EarlyWarning, EarlyWarningRow, Violation, WarningVerdict,
};

/// Parameters that the city publishes lists of.
const PARAMETERS: [&str; 2] = ["tsp", "pm25"];

/// Entries of the lists that stand, newest period first, in the columns of `sql/bulletin_list.sql`.
///
/// # Errors
/// [`AnalyticsError::Request`] when the city publishes no list of the parameter; [`AnalyticsError::Lake`] when the table
/// cannot be read.
pub async fn bulletin_list(
    lake: &Lake,
    settings: &Settings,
    parameter: Option<&str>,
    period: Option<Period>,
) -> Result<QueryResult, AnalyticsError> {
    if let Some(parameter) = parameter {
        published(parameter)?;
    }
    let context = bulletins(lake, settings).await?;
    let mut values = vec![("parameter", Value::Text(parameter.unwrap_or_default().to_owned()))];
    values.extend(within(period));
    rows(&context, &sql::bind(sql::BULLETIN_LIST, &values)?).await
}

/// The table `city_bulletin` and the view `bulletins`.
async fn bulletins(
    lake: &Lake,
    settings: &Settings,
) -> Result<datafusion::prelude::SessionContext, AnalyticsError> {
    bulletins_of(settings, &lake.read(TableKind::CityBulletin, None).await?).await
}

/// As [`bulletins`], of a version of the table.
async fn bulletins_of(
    settings: &Settings,
    table: &TableVersion,
) -> Result<datafusion::prelude::SessionContext, AnalyticsError> {
    let context = context_of(settings, table).await?;
    crate::session::view(&context, "bulletins", &sql::bind(sql::BULLETINS, &[])?).await?;
    Ok(context)
}

/// The days within which a list's days must lie; all days without a period.
fn within(period: Option<Period>) -> [(&'static str, Value); 2] {
    let (first, last) = match period {
        Some(period) => (period.first(), period.last()),
        None => (
            chrono::NaiveDate::default(),
            chrono::NaiveDate::from_ymd_opt(9999, 12, 31).unwrap_or_default(),
        ),
    };
    [("first", Value::Day(first)), ("last", Value::Day(last))]
}

/// Refuses a parameter that the city publishes no list of.
fn published(parameter: &str) -> Result<(), AnalyticsError> {
    if PARAMETERS.contains(&parameter) {
        return Ok(());
    }
    Err(AnalyticsError::Request(format!(
        "the city publishes no list of {parameter:?}; it does of {}",
        PARAMETERS.join(", ")
    )))
}

/// Refuses a period that no list is of: lists are of half-months (TSP) and months (PM2.5).
fn is_published_for(period: Period) -> Result<(), AnalyticsError> {
    match period.kind() {
        PeriodKind::HalfMonth | PeriodKind::Month => Ok(()),
        _ => Err(AnalyticsError::Request(format!(
            "the city's lists are of half-months and months, like 2024-10-H1 and 2024-10, not of {period}"
        ))),
    }
}
