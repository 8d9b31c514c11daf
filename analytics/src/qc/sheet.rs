//! What quality control found, for people: a summary by day, and the flags themselves.
//!
//! The questions stand in `sql/qc_summary.sql` and `sql/qc_list.sql`.

use chrono::NaiveDate;
use dustwatch_config::{QC_TESTS, Settings};
use dustwatch_lake::{Lake, TableKind};

use crate::query::rows;
use crate::session::{Session, blank};
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, QueryResult};

/// What a row of the summary stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QcBy {
    /// A device and local day.
    #[default]
    Device,
    /// A township and local day.
    Township,
}

/// Which flags are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QcFilter {
    /// Only those of this period.
    pub period: Option<Period>,
    /// Only those of this device.
    pub device: Option<String>,
    /// Only those of this parameter.
    pub parameter: Option<String>,
    /// Only those of this test, `q4`.
    pub test: Option<String>,
    /// Only those of this level: `invalid`, `suspect`, `note`.
    pub level: Option<String>,
    /// Rows at the most.
    pub limit: u32,
}

/// How many values came on each day of a period, and what quality control found about them.
///
/// # Errors
/// [`AnalyticsError::Lake`] when a table cannot be read.
pub async fn qc_summary(
    lake: &Lake,
    settings: &Settings,
    period: Period,
    by: QcBy,
) -> Result<QueryResult, AnalyticsError> {
    let each = |text: fn(&str) -> String| Value::Sql(QC_TESTS.map(text).join(", "));
    let (who, group, order) = match by {
        QcBy::Device => ("device, kind", ", device, kind", "device ASC NULLS LAST"),
        QcBy::Township => ("count(DISTINCT device) AS devices", "", "township ASC NULLS LAST"),
    };
    let values = [
        ("first", Value::Day(period.first())),
        ("last", Value::Day(period.last())),
        (
            "counts",
            each(|test| format!("sum(CASE WHEN test = '{test}' THEN 1 ELSE 0 END) AS {test}")),
        ),
        ("raised", each(|test| format!("coalesce(f.{test}, 0) AS {test}"))),
        ("sums", each(|test| format!("sum({test}) AS {test}"))),
        ("who", Value::Sql(who.to_owned())),
        ("by", Value::Sql(group.to_owned())),
        ("order", Value::Sql(order.to_owned())),
    ];
    let session = Session::open(lake, settings).await?;
    rows(session.context(), &sql::bind(sql::QC_SUMMARY, &values)?).await
}

/// Flags, newest first.
///
/// # Errors
/// [`AnalyticsError::Lake`] when a table cannot be read.
pub async fn qc_list(
    lake: &Lake,
    settings: &Settings,
    filter: &QcFilter,
) -> Result<QueryResult, AnalyticsError> {
    let text = |text: &Option<String>| Value::Text(text.clone().unwrap_or_default());
    let (first, last) = match filter.period {
        Some(period) => (period.first(), period.last()),
        None => (
            NaiveDate::default(),
            NaiveDate::from_ymd_opt(9999, 12, 31).unwrap_or_default(),
        ),
    };
    let values = [
        ("first", Value::Day(first)),
        ("last", Value::Day(last)),
        ("device", text(&filter.device)),
        ("parameter", text(&filter.parameter)),
        ("test", text(&filter.test)),
        ("level", text(&filter.level)),
        ("limit", Value::Sql(filter.limit.to_string())),
    ];
    let context = blank(settings)?;
    context.register_table(
        TableKind::Qc.name(),
        lake.read(TableKind::Qc, None).await?.provider,
    )?;
    rows(&context, &sql::bind(sql::QC_LIST, &values)?).await
}
