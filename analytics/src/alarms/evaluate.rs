//! Evaluating local days: their windows and so much of the neighbouring days as rules reach over midnight.
//!
//! Invariant: what is said of a day does not depend on how many days are evaluated at once.

use std::collections::BTreeSet;

use datafusion::arrow::array::RecordBatch;
use dustwatch_config::{AlarmRule, Settings};
use dustwatch_lake::{LocalDays, TableVersion, alarms_schema, flag_column};

use dustwatch_observation::Time;

use crate::AnalyticsError;
use crate::rollup::split;
use crate::session::{Session, parameter_columns, view};
use crate::sql::{self, Value, identifier};

const MINUTE: i64 = 60_000_000;

/// Evaluates days of one version of the observations.
pub(super) struct Evaluator<'a> {
    settings: &'a Settings,
    session: Session,
    /// Parameters that the table has columns for.
    known: Vec<String>,
    /// Microseconds of the neighbouring days that matter.
    reach: i64,
    /// Windows that end later, in microseconds, are not over.
    until: i64,
}

impl<'a> Evaluator<'a> {
    pub(super) async fn new(
        settings: &'a Settings,
        observations: &TableVersion,
        until: Option<Time>,
    ) -> Result<Self, AnalyticsError> {
        Ok(Self {
            settings,
            session: Session::with(settings, observations, None).await?,
            known: parameter_columns(settings, observations.provider.as_ref()),
            reach: reach(settings),
            until: until.map_or(i64::MAX, Time::as_micros),
        })
    }

    /// The alarms of consecutive local days (days since 1970), a batch a day in the columns of the table.
    pub(super) async fn evaluate(&self, days: &[i32]) -> Result<Vec<(i32, RecordBatch)>, AnalyticsError> {
        let mut of_days = Vec::with_capacity(days.len());
        let rows = match self.readings(days)? {
            None => Vec::new(),
            Some(readings) => {
                let context = self.session.context();
                for name in ["alarm_readings", "alarm_windows", "alarm_exceedances"] {
                    context.deregister_table(name)?;
                }
                view(context, "alarm_readings", &readings).await?;
                let until = Value::Sql(self.until.to_string());
                let windows = sql::bind(sql::ALARM_WINDOWS, &[("until", until)])?;
                view(context, "alarm_windows", &windows).await?;
                view(
                    context,
                    "alarm_exceedances",
                    &sql::bind(sql::ALARM_EXCEEDANCES, &[])?,
                )
                .await?;
                let days = Value::Sql(sql::days(days));
                self.session
                    .collect(&sql::bind(sql::ALARMS_MADE, &[("days", days)])?)
                    .await?
            }
        };
        split(&rows, days, &alarms_schema(), &mut of_days)?;
        Ok(of_days)
    }

    /// The question for the readings that rules ask about; `None` when there are none.
    fn readings(&self, days: &[i32]) -> Result<Option<String>, AnalyticsError> {
        let (Some(first), Some(last)) = (days.first(), days.last()) else {
            return Ok(None);
        };
        let local = LocalDays::new(self.settings.district.timezone);
        let span = |day: i32| {
            local
                .span_of(day)
                .ok_or_else(|| AnalyticsError::Defect(format!("day {day} is no day")))
        };
        let around: Vec<i32> = (first - 1..=last + 1).collect();
        let parameters: BTreeSet<&String> = self
            .settings
            .alarm
            .rules()
            .map(|(_, rule)| &rule.parameter)
            .collect();
        let mut branches = Vec::new();
        for key in parameters.into_iter().filter(|key| self.known.contains(key)) {
            let values = [
                ("parameter", Value::Text(key.clone())),
                ("value", Value::Sql(identifier(key))),
                ("flag", Value::Sql(identifier(&flag_column(key)))),
                ("humidity", Value::Sql(self.humidity())),
                ("days", Value::Sql(sql::days(&around))),
                ("from", Value::Sql((span(*first)?.start - self.reach).to_string())),
                ("to", Value::Sql((span(*last)?.end + self.reach).to_string())),
            ];
            branches.push(sql::bind(sql::ALARM_READINGS, &values)?);
        }
        Ok((!branches.is_empty()).then(|| branches.join("UNION ALL\n")))
    }

    /// Humidity where the device called it normal, as SQL; null where there is no such column.
    fn humidity(&self) -> String {
        if !self.known.iter().any(|key| key == "humidity") {
            return "CAST(NULL AS DECIMAL(18, 6))".to_owned();
        }
        let (value, flag) = (identifier("humidity"), identifier(&flag_column("humidity")));
        format!("CASE WHEN coalesce({flag}, 'N') = 'N' THEN CAST({value} AS DECIMAL(18, 6)) END")
    }
}

/// How far rules look over midnight: the windows in a row that one needs, or the whole day whose exceedances are counted.
fn reach(settings: &Settings) -> i64 {
    let of = |rule: &AlarmRule| match rule.allowed_a_day {
        0 => i64::from(rule.minutes * rule.intervals) * MINUTE,
        _ => 24 * 60 * MINUTE,
    };
    settings
        .alarm
        .rules()
        .map(|(_, rule)| of(rule))
        .max()
        .unwrap_or(0)
}

/// The alarms of some local days that a version of the table has, as [`Evaluator::evaluate`] gives them.
pub(super) async fn stored(
    settings: &Settings,
    alarms: &TableVersion,
    days: &[i32],
) -> Result<Vec<(i32, RecordBatch)>, AnalyticsError> {
    let context = crate::session::blank(settings)?;
    context.register_table("alarms_rows", alarms.provider.clone())?;
    let months: BTreeSet<String> = days.iter().map(|day| month(*day)).collect();
    let months: Vec<String> = months.into_iter().map(|month| format!("'{month}'")).collect();
    let values = [
        ("days", Value::Sql(sql::days(days))),
        ("months", Value::Sql(months.join(", "))),
    ];
    let rows = context
        .sql(&sql::bind(sql::ALARMS_SORTED, &values)?)
        .await?
        .collect()
        .await?;
    let mut out = Vec::with_capacity(days.len());
    split(&rows, days, &alarms_schema(), &mut out)?;
    Ok(out)
}

fn month(day: i32) -> String {
    let day = chrono::NaiveDate::default() + chrono::Duration::days(day.into());
    day.format("%Y-%m").to_string()
}
