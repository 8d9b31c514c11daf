//! `alarms run|list|rules|watch`: sites above what the rules allow.

use anyhow::Context;
use dustwatch_analytics::{
    AlarmFilter, AlarmReport, AlarmRequest, AnalyticsError, Period, Table, alarms_list, alarms_run, query,
};
use dustwatch_config::Settings;
use dustwatch_edge::Shutdown;
use dustwatch_lake::Lake;
use dustwatch_observation::{Clock, SystemClock};

use super::alarming::keep_alarming;
use super::rollup::bar_of_days;
use crate::cli::{AlarmsCommand, AlarmsWhich};
use crate::output::print;

/// The rules in force, as `alarms rules` shows them.
const RULES: &str = "SELECT region, rule, level, parameter, minutes, mean, compare, \"limit\", background, intervals, \
                     allowed_a_day, humidity_max, source, verified FROM alarm_rules ORDER BY region, rule";

/// Evaluates, shows or tells alarms.
pub(crate) async fn run(settings: &Settings, command: AlarmsCommand) -> anyhow::Result<()> {
    let lake = Lake::new(settings)?;
    match command {
        AlarmsCommand::Run { period, rebuild } => {
            let period = period.as_deref().map(parsed).transpose()?;
            let (bar, mut progress) = bar_of_days("")?;
            let request = AlarmRequest {
                period,
                rebuild,
                until: Some(SystemClock.now()),
            };
            let report = alarms_run(&lake, settings, request, &mut progress)
                .await
                .context("alarms")?;
            bar.finish_and_clear();
            say(&report);
            Ok(())
        }
        AlarmsCommand::List {
            which,
            limit,
            printed,
        } => {
            let found = alarms_list(&lake, settings, &filter(which, limit)?)
                .await
                .context("alarms")?;
            print(&Table::from_result(&found)?, printed.format)
        }
        AlarmsCommand::Rules { printed } => {
            let found = query(&lake, settings, RULES).await.context("alarms")?;
            print(&Table::from_result(&found)?, printed.format)
        }
        AlarmsCommand::Watch(_) => watch(settings).await,
    }
}

/// Keeps alarms up to date and tells them, until a signal.
pub(crate) async fn watch(settings: &Settings) -> anyhow::Result<()> {
    let (_, registry) = tokio::sync::watch::channel(settings.registry.clone());
    keep_alarming(settings.clone(), registry, Shutdown::on_signals()).await;
    Ok(())
}

fn parsed(text: &str) -> Result<Period, AnalyticsError> {
    text.parse().map_err(AnalyticsError::from)
}

fn filter(which: AlarmsWhich, limit: u32) -> anyhow::Result<AlarmFilter> {
    Ok(AlarmFilter {
        period: which.period.as_deref().map(parsed).transpose()?,
        device: which.device,
        rule: which.rule,
        level: which.level,
        township: which.township,
        limit,
    })
}

/// Says what a run did, on standard error.
fn say(report: &AlarmReport) {
    let Some(version) = report.version else {
        eprintln!("alarms: there are no observations yet");
        return;
    };
    let source = match report.source_version {
        Some(source) => format!("from version {source} of the observations"),
        None => "of some days only: run without --period for all".to_owned(),
    };
    eprintln!(
        "alarms: {} days evaluated, {} alarms, {} days changed; version {version}, {source}",
        report.days, report.alarms, report.changed_days
    );
}
