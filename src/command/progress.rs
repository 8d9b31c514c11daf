//! `progress`: the annual mean against its target.

use anyhow::Context;
use dustwatch_analytics::{Period, Table, progress};
use dustwatch_config::Settings;
use dustwatch_lake::Lake;

use crate::cli::ProgressArgs;
use crate::output::print;

/// Prints the years up to the end of a period.
pub(crate) async fn run(settings: &Settings, args: ProgressArgs) -> anyhow::Result<()> {
    let until: Period = args
        .period
        .parse()
        .map_err(dustwatch_analytics::AnalyticsError::from)?;
    let years = progress(&Lake::new(settings)?, settings, &args.parameter, until, None)
        .await
        .context("progress")?;
    eprintln!("target: {} µg/m³", years.limit);
    print(&Table::from_result(&years.rows)?, args.printed.format)
}
