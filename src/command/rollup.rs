//! `rollup`: brings the hourly means up to date.

use anyhow::Context;
use dustwatch_analytics::{RollupProgress, RollupReport, rebuild, roll_up};
use dustwatch_config::Settings;
use dustwatch_lake::Lake;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::RollupArgs;

/// Rolls up what changed, or everything, and says how much.
pub(crate) async fn run(settings: &Settings, args: RollupArgs) -> anyhow::Result<()> {
    let lake = Lake::new(settings)?;
    let (bar, mut progress) = bar_of_days("")?;
    let report = match args.rebuild {
        true => rebuild(&lake, settings, &mut progress).await,
        false => roll_up(&lake, settings, &mut progress).await,
    };
    let report = report.context("rollup")?;
    bar.finish_and_clear();
    say(&report);
    Ok(())
}

/// A bar of days, and what moves it.
pub(crate) fn bar_of_days(
    title: &str,
) -> anyhow::Result<(ProgressBar, impl FnMut(RollupProgress) + Send + use<>)> {
    let style = ProgressStyle::with_template(&format!("{title}{{bar:40}} {{pos}}/{{len}} days"))?;
    let bar = ProgressBar::new(0).with_style(style);
    let moved = bar.clone();
    let progress = move |step: RollupProgress| {
        moved.set_length(step.total as u64);
        moved.set_position(step.done as u64);
    };
    Ok((bar, progress))
}

/// Says what a rollup did, on standard error.
pub(crate) fn say(report: &RollupReport) {
    match (report.version, report.source_version) {
        (Some(version), Some(source)) => eprintln!(
            "hourly means: {} days, {} rows; version {version}, from version {source} of the observations",
            report.days, report.rows
        ),
        _ => eprintln!("hourly means: there are no observations yet"),
    }
}
