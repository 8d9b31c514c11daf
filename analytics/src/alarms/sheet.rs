//! Alarms for people. The question stands in `sql/alarms_list.sql`.

use chrono::NaiveDate;
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind};

use super::register;
use crate::query::rows;
use crate::session::blank;
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, QueryResult};

/// Which alarms are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlarmFilter {
    /// Only those that began in this period.
    pub period: Option<Period>,
    /// Only those of this device.
    pub device: Option<String>,
    /// Only those of this rule.
    pub rule: Option<String>,
    /// Only those of this level: `alarm`, `severe`.
    pub level: Option<String>,
    /// Only those in this township, by code or name.
    pub township: Option<String>,
    /// Rows at the most.
    pub limit: u32,
}

/// Alarms, newest first.
///
/// # Errors
/// [`AnalyticsError::Lake`] when the table cannot be read.
pub async fn alarms_list(
    lake: &Lake,
    settings: &Settings,
    filter: &AlarmFilter,
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
        ("rule", text(&filter.rule)),
        ("level", text(&filter.level)),
        ("township", text(&filter.township)),
        ("limit", Value::Sql(filter.limit.to_string())),
    ];
    let context = blank(settings)?;
    register(&context, lake.read(TableKind::Alarms, None).await?).await?;
    rows(&context, &sql::bind(sql::ALARMS_LIST, &values)?).await
}
