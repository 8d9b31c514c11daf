//! `aqi`: how many days of a period were of each class of air quality, and which was the worst.

use anyhow::Context;
use dustwatch_analytics::{AqiRequest, Period, aqi_days};
use dustwatch_config::Settings;
use dustwatch_lake::Lake;

use super::compliance::print_statement;
use super::rank::source;
use crate::cli::AqiArgs;

/// Prints the days by class.
pub(crate) async fn run(settings: &Settings, args: AqiArgs) -> anyhow::Result<()> {
    let period: Period = args
        .period
        .parse()
        .map_err(dustwatch_analytics::AnalyticsError::from)?;
    let mut request = AqiRequest::new(period);
    request.by = args.by.parse()?;
    request.source = source(&args.read);
    request.observations_version = args.read.as_of;
    let statement = aqi_days(&Lake::new(settings)?, settings, &request)
        .await
        .context("aqi")?;
    print_statement(&statement, args.printed)
}
