//! Listing rejections: what arrived and could not be taken.
//!
//! The question stands in `sql/rejected_list.sql`. What to do about each reason says `docs/rejected.md`.

use chrono::NaiveDate;
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind};
use dustwatch_observation::Reason;

use crate::query::rows;
use crate::session::blank;
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, QueryResult};

/// Which rejections are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RejectedFilter {
    /// Only those of this reason.
    pub reason: Option<Reason>,
    /// Only those whose topic names this device.
    pub device: Option<String>,
    /// Only those received in this period.
    pub period: Option<Period>,
    /// Also those that a replay has taken since.
    pub all: bool,
    /// Rows at the most.
    pub limit: u32,
}

/// Rejections, newest first.
///
/// # Errors
/// [`AnalyticsError::Lake`] when a table cannot be read.
pub async fn rejected_list(
    lake: &Lake,
    settings: &Settings,
    filter: &RejectedFilter,
) -> Result<QueryResult, AnalyticsError> {
    let text = |text: Option<&str>| Value::Text(text.unwrap_or_default().to_owned());
    let ever = (NaiveDate::default(), NaiveDate::from_ymd_opt(9999, 12, 31));
    let (first, last) = match filter.period {
        Some(period) => (period.first(), period.last()),
        None => (ever.0, ever.1.unwrap_or_default()),
    };
    let values = [
        ("reason", text(filter.reason.map(Reason::code))),
        ("device", text(filter.device.as_deref())),
        ("first", Value::Day(first)),
        ("last", Value::Day(last)),
        ("all", Value::Bool(filter.all)),
        ("limit", Value::Sql(filter.limit.to_string())),
    ];
    let context = blank(settings)?;
    for kind in [TableKind::Rejected, TableKind::Replays] {
        context.register_table(kind.name(), lake.read(kind, None).await?.provider)?;
    }
    rows(&context, &sql::bind(sql::REJECTED_LIST, &values)?).await
}
