//! Alarms: sites whose dust or noise is above what the rules in force allow.
//!
//! Place on the way: observations in, the table `alarms` out. The rules are configuration (`config/alarms/*.toml`, the SQL
//! tables `alarm_rules` and `alarm_rule_kinds`); `sql/alarm_windows.sql`, `alarm_exceedances.sql` and `alarms_made.sql` say
//! what becomes of them. What has just come and what came years ago go the same way: local days that commits touched since
//! the last run are evaluated anew and replaced in one commit that carries what they were made from.
//!
//! Invariants: alarms are a function of the observations, the stations and the rules; running again gives the same ones,
//! and so does any way of cutting history into runs. Whoever has to be told learns it from the difference between two
//! versions of the table, so that a process that dies in between tells nothing twice and forgets nothing.

mod evaluate;
mod news;
mod run;
mod sheet;
mod sites;
mod tables;

use datafusion::prelude::SessionContext;
use dustwatch_lake::TableVersion;

use crate::sql;
use crate::{AnalyticsError, session};

pub use news::{AlarmEvent, AlarmState, alarm_news};
pub use run::{AlarmReport, AlarmRequest, alarms_run};
pub use sheet::{AlarmFilter, alarms_list};
pub use sites::SiteAlarms;
pub(crate) use sites::site_alarms;
pub(crate) use tables::tables;

/// Registers `alarms_rows` and `alarms` in a session that has the configuration's tables.
pub(crate) async fn register(context: &SessionContext, table: TableVersion) -> Result<(), AnalyticsError> {
    context.register_table("alarms_rows", table.provider)?;
    session::view(context, "alarms", &sql::bind(sql::ALARMS, &[])?).await
}
