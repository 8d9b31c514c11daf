//! `hotspots`: sites and grid cells that stand out from their surroundings.

use anyhow::Context;
use dustwatch_analytics::{AnalyticsError, HotspotRequest, hotspots};
use dustwatch_config::Settings;
use dustwatch_lake::Lake;

use super::compliance::print_statement;
use super::rank::source;
use crate::cli::HotspotsArgs;

/// Prints the places.
pub(crate) async fn run(settings: &Settings, args: HotspotsArgs) -> anyhow::Result<()> {
    let request = HotspotRequest {
        parameter: args.parameter,
        period: args.period.parse().map_err(AnalyticsError::from)?,
        source: source(&args.read),
        observations_version: args.read.as_of,
    };
    let statement = hotspots(&Lake::new(settings)?, settings, &request)
        .await
        .context("hotspots")?;
    print_statement(&statement, args.printed)
}
