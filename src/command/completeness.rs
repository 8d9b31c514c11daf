//! `completeness`: what was expected of each monitor, what came, and where the rest was lost.

use anyhow::Context;
use dustwatch_analytics::{LedgerBy, LedgerRequest, Period, Table, ledger};
use dustwatch_config::Settings;
use dustwatch_lake::Lake;
use dustwatch_observation::{Clock, SystemClock};

use super::Usage;
use crate::cli::CompletenessArgs;
use crate::output::print;

/// Prints the completeness ledger of a period.
pub(crate) async fn run(settings: &Settings, args: CompletenessArgs) -> anyhow::Result<()> {
    let period: Period = args
        .period
        .parse()
        .map_err(dustwatch_analytics::AnalyticsError::from)?;
    if let Some(device) = &args.device
        && !settings.registry.knows(device)
    {
        return Err(Usage(format!("device {device:?} is not in stations.csv")).into());
    }
    let request = LedgerRequest {
        period,
        device: args.device,
        parameter: args.parameter,
        by: match args.by.as_str() {
            "township" => LedgerBy::Township,
            _ => LedgerBy::Device,
        },
        observations_version: None,
        now: SystemClock.now(),
    };
    let sheet = ledger(&Lake::new(settings)?, settings, &request)
        .await
        .context("completeness")?;
    if let Some(version) = sheet.observations_version {
        eprintln!("from version {version} of the observations");
    }
    print(&Table::from_result(&sheet.rows)?, args.printed.format)
}
