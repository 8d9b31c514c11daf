//! `rank`: who had the cleanest air in a period, and who the dirtiest.

use anyhow::Context;
use dustwatch_analytics::{Period, RankRequest, SourceChoice, Table, rank};
use dustwatch_config::Settings;
use dustwatch_lake::Lake;

use crate::cli::{RankArgs, Read};
use crate::output::print;

/// Prints a ranking.
pub(crate) async fn run(settings: &Settings, args: RankArgs) -> anyhow::Result<()> {
    let period: Period = args
        .period
        .parse()
        .map_err(dustwatch_analytics::AnalyticsError::from)?;
    let mut request = RankRequest::new(&args.parameter, period);
    request.scope = args.scope.parse()?;
    request.order = args.order.parse()?;
    request.source = source(&args.read);
    request.observations_version = args.read.as_of;
    let lake = Lake::new(settings)?;
    let ranking = rank(&lake, settings, &request).await.context("ranking")?;
    print(&Table::from_ranking(&ranking), args.printed.format)
}

/// Which hourly means were asked for.
pub(super) fn source(read: &Read) -> SourceChoice {
    match read.source.as_str() {
        "rollup" => SourceChoice::Rollup,
        "raw" => SourceChoice::Raw,
        _ => SourceChoice::Auto,
    }
}
