//! `enforcement import|report`: what departments inspected, punished and closed.

use anyhow::Context;
use dustwatch_analytics::{
    AnalyticsError, EnforcementRequest, Period, enforcement_report, import_enforcement,
};
use dustwatch_config::Settings;
use dustwatch_lake::Lake;
use dustwatch_observation::{Clock, SystemClock};

use super::sheet::tell;
use crate::cli::EnforcementCommand;
use crate::output::print;

/// Imports counts, or prints those of a period.
pub(crate) async fn run(settings: &Settings, command: EnforcementCommand) -> anyhow::Result<()> {
    let lake = Lake::new(settings)?;
    match command {
        EnforcementCommand::Import { file, printed } => {
            let report = import_enforcement(&lake, settings, &file, SystemClock.now())
                .await
                .context("enforcement import")?;
            tell(&file, &report, printed.format)
        }
        EnforcementCommand::Report { period, by, printed } => {
            let request = EnforcementRequest {
                period: period.parse::<Period>().map_err(AnalyticsError::from)?,
                by: by.parse()?,
            };
            let report = enforcement_report(&lake, settings, &request)
                .await
                .context("enforcement report")?;
            print(&report.table(), printed.format)
        }
    }
}
