//! What there is to tell: the difference between two versions of the table `alarms`.
//!
//! Place on the way: last. A process that tells alarms remembers the version that it has told, and no more; whatever
//! happened to it meanwhile, the difference from there to now is what remains to be told.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::TimestampMicrosecondType;
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind, TableVersion};
use dustwatch_observation::Time;
use serde::Serialize;

use crate::session::blank;
use crate::sql::{self, Value};
use crate::{AnalyticsError, columns};

/// What became of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AlarmState {
    /// It is new.
    Raised,
    /// It is no more: late or corrected observations, or other rules, say otherwise.
    Withdrawn,
}

/// An alarm that somebody is told of. `device`, `rule` and `started_at` identify it, should it come twice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlarmEvent {
    /// What became of it.
    pub state: AlarmState,
    /// The site's monitor.
    pub device: String,
    /// Key of the parameter.
    pub parameter: String,
    /// Key of the rule.
    pub rule: String,
    /// `alarm` or `severe`.
    pub level: String,
    /// Start of its first window, RFC 3339 with the district's offset.
    pub started_at: String,
    /// End of its last window so far.
    pub ended_at: String,
    /// Highest mean of a window, in the parameter's unit.
    pub peak: f64,
    /// Mean of the windows' means.
    pub mean: f64,
    /// What the highest had to stay at or below.
    pub threshold: f64,
}

/// What changed between two versions of the table among the alarms that began at `since` or later, in the order in which
/// they began. Without an old version everything since then is new.
///
/// # Errors
/// [`AnalyticsError::Lake`] when a version cannot be read, because it has been deleted for one.
pub async fn alarm_news(
    lake: &Lake,
    settings: &Settings,
    old: Option<u64>,
    new: u64,
    since: Time,
) -> Result<Vec<AlarmEvent>, AnalyticsError> {
    let before = match old {
        Some(version) => read(lake, settings, version, since).await?,
        None => BTreeMap::new(),
    };
    let now = read(lake, settings, new, since).await?;
    let raised = now.iter().filter(|(key, _)| !before.contains_key(*key));
    let withdrawn = before.iter().filter(|(key, _)| !now.contains_key(*key));
    let mut events: Vec<(&Key, AlarmEvent)> = raised
        .map(|(key, event)| (key, event.clone()))
        .chain(withdrawn.map(|(key, event)| {
            let state = AlarmState::Withdrawn;
            (
                key,
                AlarmEvent {
                    state,
                    ..event.clone()
                },
            )
        }))
        .collect();
    events.sort_by(|a, b| a.0.cmp(b.0));
    Ok(events.into_iter().map(|(_, event)| event).collect())
}

/// When it began, microseconds, and whose it is.
type Key = (i64, String, String);

async fn read(
    lake: &Lake,
    settings: &Settings,
    version: u64,
    since: Time,
) -> Result<BTreeMap<Key, AlarmEvent>, AnalyticsError> {
    let table: TableVersion = lake.read(TableKind::Alarms, Some(version)).await?;
    let context = blank(settings)?;
    context.register_table("alarms_rows", table.provider)?;
    let values = [("since", Value::Sql(since.as_micros().to_string()))];
    let batches = context
        .sql(&sql::bind(sql::ALARM_NEWS, &values)?)
        .await?
        .collect()
        .await?;
    let mut out = BTreeMap::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let (key, event) = event(settings, batch, row)?;
            out.insert(key, event);
        }
    }
    Ok(out)
}

fn event(settings: &Settings, batch: &RecordBatch, row: usize) -> Result<(Key, AlarmEvent), AnalyticsError> {
    let text = |name: &str| Ok::<_, AnalyticsError>(columns::texts(batch, name)?.value(row).to_owned());
    let number = |name: &str| Ok::<_, AnalyticsError>(columns::doubles(batch, name)?.value(row));
    let micros = |name: &str| {
        let column = columns::any(batch, name)?;
        column
            .as_primitive_opt::<TimestampMicrosecondType>()
            .filter(|column| column.is_valid(row))
            .map(|column| column.value(row))
            .ok_or_else(|| AnalyticsError::Defect(format!("{name} of an alarm is no time")))
    };
    let started = micros("started_at")?;
    let event = AlarmEvent {
        state: AlarmState::Raised,
        device: text("device")?,
        parameter: text("parameter")?,
        rule: text("rule")?,
        level: text("level")?,
        started_at: local(settings, started),
        ended_at: local(settings, micros("ended_at")?),
        peak: number("peak")?,
        mean: number("mean")?,
        threshold: number("threshold")?,
    };
    Ok(((started, event.device.clone(), event.rule.clone()), event))
}

/// An instant with the district's offset, to the second.
fn local(settings: &Settings, micros: i64) -> String {
    Time::from_micros(micros)
        .to_chrono()
        .map_or_else(String::new, |time| {
            time.with_timezone(&settings.district.timezone)
                .to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
        })
}
