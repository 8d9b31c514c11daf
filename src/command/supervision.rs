//! `supervision`: who is called in, and who is proposed for accountability.

use anyhow::Context;
use dustwatch_analytics::{Period, supervision};
use dustwatch_config::Settings;
use dustwatch_lake::Lake;
use dustwatch_observation::{Clock, SystemClock};

use crate::cli::SupervisionArgs;
use crate::output::print;

/// Prints the list of a month, and by which settings it was made.
pub(crate) async fn run(settings: &Settings, args: SupervisionArgs) -> anyhow::Result<()> {
    let month: Period = args
        .period
        .parse()
        .map_err(dustwatch_analytics::AnalyticsError::from)?;
    let list = supervision(&Lake::new(settings)?, settings, month, None)
        .await
        .context("supervision")?;
    let is_over = month
        .instants(settings.district.timezone)
        .is_some_and(|span| span.end <= SystemClock.now());
    if !is_over {
        eprintln!("{month} is not over: only its final values have consequences");
    }
    eprintln!("rules: {}", list.settings);
    if let Some(version) = list.provenance.and_then(|p| p.observations_version) {
        eprintln!("from version {version} of the observations");
    }
    print(&list.table(), args.printed.format)
}
