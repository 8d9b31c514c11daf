//! Series for the eye: what monitors said last, a township's days, a monitor's hours.
//!
//! Place on the way: the tables in, rows for pages and charts out. The questions stand in `sql/latest.sql`,
//! `sql/township_days.sql` and `sql/station_hours.sql`. Invariant: means are those of the rankings, rounded as they are.

use chrono::NaiveDate;
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind, flag_column};

use crate::compliance::{Statement, state};
use crate::pinned::{Need, Pinned};
use crate::ranking::rankable;
use crate::session::{Session, parameter_columns};
use crate::sql::{self, Value, identifier};
use crate::{AnalyticsError, Period, Provenance, Source, SourceChoice, query};

/// Every monitor that stands somewhere on a local day, with its newest observation since the day `from`.
///
/// # Errors
/// [`AnalyticsError::Lake`] when the table cannot be read.
pub async fn latest(
    lake: &Lake,
    settings: &Settings,
    from: NaiveDate,
    day: NaiveDate,
) -> Result<Statement, AnalyticsError> {
    let observations = lake.read(TableKind::Observations, None).await?;
    let columns = parameter_columns(settings, observations.provider.as_ref());
    let session = Session::with(settings, &observations, None).await?;
    let pair = |key: &String| format!("n.{}, n.{}", identifier(key), identifier(&flag_column(key)));
    let pairs: Vec<String> = columns.iter().map(pair).collect();
    let shown = if pairs.is_empty() {
        "0 AS parameters".to_owned()
    } else {
        pairs.join(", ")
    };
    let values = [
        ("from", Value::Day(from)),
        ("day", Value::Day(day)),
        ("values", Value::Sql(shown)),
    ];
    Ok(Statement {
        rows: query::rows(session.context(), &sql::bind(sql::LATEST, &values)?).await?,
        provenance: Provenance {
            observations_version: observations.version,
            hourly_version: None,
            qc_version: None,
            source: Source::Raw,
        },
    })
}

/// A township's daily means of a parameter.
///
/// # Errors
/// As [`rank`](crate::rank).
pub async fn township_days(
    lake: &Lake,
    settings: &Settings,
    township: &str,
    parameter: &str,
    period: Period,
) -> Result<Statement, AnalyticsError> {
    series(
        lake,
        settings,
        sql::TOWNSHIP_DAYS,
        ("township", township),
        parameter,
        period,
    )
    .await
}

/// A monitor's hourly means of a parameter.
///
/// # Errors
/// As [`rank`](crate::rank).
pub async fn station_hours(
    lake: &Lake,
    settings: &Settings,
    device: &str,
    parameter: &str,
    period: Period,
) -> Result<Statement, AnalyticsError> {
    series(
        lake,
        settings,
        sql::STATION_HOURS,
        ("device", device),
        parameter,
        period,
    )
    .await
}

async fn series(
    lake: &Lake,
    settings: &Settings,
    text: &str,
    (who, name): (&str, &str),
    parameter: &str,
    period: Period,
) -> Result<Statement, AnalyticsError> {
    let parameter = rankable(settings, parameter)?;
    let need = Need {
        parameter: Some(&parameter.key),
        periods: &[period],
        source: SourceChoice::Auto,
        observations_version: None,
        qc_version: None,
    };
    let pinned = Pinned::open(lake, settings, &need).await?;
    let values = [
        (who, Value::Text(name.to_owned())),
        ("parameter", Value::Text(parameter.key.clone())),
        ("first", Value::Day(period.first())),
        ("last", Value::Day(period.last())),
        ("decimals", Value::Integer(parameter.published_decimals.into())),
        ("published", sql::published_type(parameter.published_decimals)),
    ];
    state(&pinned, &sql::bind(text, &values)?).await
}
