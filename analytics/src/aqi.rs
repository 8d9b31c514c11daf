//! Days by class of air quality: how many of a period were 优, 良 and so on, and which was the worst.
//!
//! Place on the way: hourly means of PM2.5 and PM10 in, three rows a unit out (each alone, and both). The rules stand in
//! `sql/aqi_daily.sql`, `sql/aqi_days.sql` and [`iaqi`](crate::functions::iaqi). Invariant: the AQI of a day is known
//! only when both are.

use std::str::FromStr;

use dustwatch_config::Settings;
use dustwatch_lake::Lake;

use crate::compliance::{Statement, state};
use crate::pinned::{Need, Pinned};
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, SourceChoice};

/// Whose days are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AqiBy {
    /// The district's.
    #[default]
    District,
    /// Those of each of its townships.
    Township,
}

impl AqiBy {
    fn level(self) -> &'static str {
        match self {
            AqiBy::District => "district",
            AqiBy::Township => "township",
        }
    }
}

impl FromStr for AqiBy {
    type Err = AnalyticsError;

    fn from_str(text: &str) -> Result<Self, AnalyticsError> {
        let known = [AqiBy::District, AqiBy::Township];
        let found = known.into_iter().find(|by| by.level() == text);
        found.ok_or_else(|| AnalyticsError::Request(format!("{text:?} is neither district nor township")))
    }
}

/// Which days are to be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AqiRequest {
    /// The period.
    pub period: Period,
    /// Whose days.
    pub by: AqiBy,
    /// Which hourly means are used.
    pub source: SourceChoice,
    /// The version of `observations` to read; the newest when absent.
    pub observations_version: Option<u64>,
}

impl AqiRequest {
    /// The district's days by the newest data.
    pub fn new(period: Period) -> Self {
        Self {
            period,
            by: AqiBy::default(),
            source: SourceChoice::default(),
            observations_version: None,
        }
    }
}

/// Counts the days of a period by class, in the columns of `sql/aqi_days.sql`.
///
/// # Errors
/// As [`rank`](crate::rank).
pub async fn aqi_days(
    lake: &Lake,
    settings: &Settings,
    request: &AqiRequest,
) -> Result<Statement, AnalyticsError> {
    let need = Need {
        parameter: None,
        periods: &[request.period],
        source: request.source,
        observations_version: request.observations_version,
        qc_version: None,
    };
    let pinned = Pinned::open(lake, settings, &need).await?;
    state(&pinned, &aqi_text(settings, request)?).await
}

/// The question of `aqi_days.sql` for a request.
pub(crate) fn aqi_text(settings: &Settings, request: &AqiRequest) -> Result<String, AnalyticsError> {
    let period = request.period;
    let mut values = period.validity(&settings.standards).values().to_vec();
    values.extend([
        ("level", Value::Text(request.by.level().to_owned())),
        ("district", Value::Text(settings.district.code.to_string())),
        ("district_name", Value::Text(settings.district.name.clone())),
        ("first", Value::Day(period.first())),
        ("last", Value::Day(period.last())),
    ]);
    sql::bind(sql::AQI_DAYS, &values)
}
