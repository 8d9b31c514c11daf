//! `inspect`: draws the double-random inspection list.

use anyhow::Context;
use dustwatch_analytics::{AnalyticsError, InspectRequest, inspect, inspection_table, read_teams};
use dustwatch_config::Settings;
use dustwatch_lake::Lake;

use crate::cli::InspectArgs;
use crate::output::print;

/// Prints the list.
pub(crate) async fn run(settings: &Settings, args: InspectArgs) -> anyhow::Result<()> {
    let teams = read_teams(settings, &args.teams)?;
    let request = InspectRequest {
        period: args.period.parse().map_err(AnalyticsError::from)?,
        parameter: args.parameter,
        sites: args.sites,
        seed: args.seed,
    };
    let list = inspect(&Lake::new(settings)?, settings, &request, &teams)
        .await
        .context("inspect")?;
    eprintln!(
        "{} sites for {} teams, drawn for {} with seed {}",
        list.len(),
        teams.len(),
        request.period,
        request.seed
    );
    print(&inspection_table(settings, &list), args.printed.format)
}
