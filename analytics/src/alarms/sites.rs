//! How often limits were exceeded, site by site, for notices. The question stands in `sql/alarm_sites.sql`.

use dustwatch_config::Settings;
use dustwatch_lake::TableVersion;

use super::register;
use crate::query::rows;
use crate::session::blank;
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, columns};

/// The alarms of one monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteAlarms {
    /// The monitor.
    pub device: String,
    /// Its name; its identifier when the registry has none.
    pub name: String,
    /// Name of its township.
    pub township: Option<String>,
    /// Alarms that began in the period.
    pub alarms: u32,
    /// Those of them that were severe.
    pub severe: u32,
    /// Alarms that began in the period of the same kind before.
    pub previous: u32,
    /// Minutes above the limit, by all rules together.
    pub minutes: u32,
}

/// Monitors with an alarm in a period or in the one before, most alarms first.
///
/// # Errors
/// [`AnalyticsError::Engine`] when the table cannot be read.
pub(crate) async fn site_alarms(
    settings: &Settings,
    table: TableVersion,
    period: Period,
) -> Result<Vec<SiteAlarms>, AnalyticsError> {
    let before = period.previous();
    let values = [
        ("first", Value::Day(period.first())),
        ("last", Value::Day(period.last())),
        ("previous_first", Value::Day(before.first())),
        ("previous_last", Value::Day(before.last())),
    ];
    let context = blank(settings)?;
    register(&context, table).await?;
    let found = rows(&context, &sql::bind(sql::ALARM_SITES, &values)?).await?;
    let mut sites = Vec::new();
    for batch in &found.batches {
        let (devices, names) = (columns::texts(batch, "device")?, columns::texts(batch, "name")?);
        let townships = columns::texts(batch, "township")?;
        for row in 0..batch.num_rows() {
            let count = |name: &str| -> Result<u32, AnalyticsError> {
                Ok(columns::count(&columns::integers(batch, name)?, row)?.unwrap_or(0))
            };
            sites.push(SiteAlarms {
                device: devices.value(row).to_owned(),
                name: names.value(row).to_owned(),
                township: columns::text(&townships, row).map(str::to_owned),
                alarms: count("alarms")?,
                severe: count("severe")?,
                previous: count("previous")?,
                minutes: count("minutes")?,
            });
        }
    }
    Ok(sites)
}
