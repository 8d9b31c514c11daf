//! One file a subcommand.

mod alarming;
mod alarms;
mod aqi;
mod city_bulletin;
mod completeness;
mod compliance;
mod config;
mod demo;
mod dustfall;
mod enforcement;
mod hotspots;
mod import;
mod ingest;
mod inspect;
mod lake;
mod ledger;
mod notice;
mod noticing;
mod origin;
mod progress;
mod qc;
mod query;
mod rank;
mod rejected;
mod reload;
mod rollup;
mod serve;
mod sheet;
mod supervision;
mod up;

use dustwatch_analytics::AnalyticsError;
use dustwatch_analytics::notice::NoticeKind;
use dustwatch_config::{BrokerOverrides, ConfigError, Settings};
use dustwatch_dashboard::ServeError;
use dustwatch_edge::EdgeError;
use dustwatch_ingest::IngestError;
use dustwatch_lake::LakeError;

use crate::cli::{AlarmsCommand, Cli, Command, Common, NoticeCommand};
use origin::Origin;

/// Runs the subcommand.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    let common = cli.common;
    match cli.command {
        Command::Demo(args) => demo::run(args).await,
        Command::Ingest(args) => ingest::run(Origin::new(&common, args.into())).await,
        Command::Up(args) => up::run(Origin::new(&common, args.into())).await,
        Command::Serve(args) => serve::run(&settings(&common)?, args).await,
        Command::Rank(args) => rank::run(&settings(&common)?, args).await,
        Command::Supervision(args) => supervision::run(&settings(&common)?, args).await,
        Command::Progress(args) => progress::run(&settings(&common)?, args).await,
        Command::Dustfall(args) => dustfall::run(&settings(&common)?, args).await,
        Command::Compliance(args) => compliance::run(&settings(&common)?, args).await,
        Command::Aqi(args) => aqi::run(&settings(&common)?, args).await,
        Command::Notice(NoticeCommand::Weekly(args)) => {
            notice::run(&settings(&common)?, NoticeKind::Weekly, args).await
        }
        Command::Notice(NoticeCommand::Monthly(args)) => {
            notice::run(&settings(&common)?, NoticeKind::Monthly, args).await
        }
        Command::Notice(NoticeCommand::List(args)) => noticing::list(&settings(&common)?, args),
        Command::Notice(NoticeCommand::Template) => notice::print_template(),
        Command::Completeness(args) => completeness::run(&settings(&common)?, args).await,
        Command::CityBulletin(args) => city_bulletin::run(&settings(&common)?, args).await,
        Command::Enforcement(args) => enforcement::run(&settings(&common)?, args).await,
        Command::Ledger(args) => ledger::run(&settings(&common)?, args).await,
        Command::Import(args) => import::run(&settings(&common)?, args).await,
        Command::Rollup(args) => rollup::run(&settings(&common)?, args).await,
        Command::Qc(args) => qc::run(&settings(&common)?, args).await,
        Command::Alarms(AlarmsCommand::Watch(args)) => {
            let settings = Origin::new(&common, args.into()).load()?;
            alarms::watch(&settings).await
        }
        Command::Alarms(args) => alarms::run(&settings(&common)?, args).await,
        Command::Hotspots(args) => hotspots::run(&settings(&common)?, args).await,
        Command::Inspect(args) => inspect::run(&settings(&common)?, args).await,
        Command::Query(args) => query::run(&settings(&common)?, args).await,
        Command::Lake(args) => lake::run(&settings(&common)?, args).await,
        Command::Rejected(args) => rejected::run(&settings(&common)?, args).await,
        Command::Config(args) => config::run(&settings(&common)?, args),
    }
}

/// The settings of `--config`, with what the command line overrides.
fn settings(common: &Common) -> anyhow::Result<Settings> {
    Origin::new(common, BrokerOverrides::default()).load()
}

/// Wrong usage, with what would be right.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// 2 when usage or configuration is wrong, 1 otherwise.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    let is_usage = error.chain().any(|cause| {
        cause.is::<Usage>()
            || cause.is::<ConfigError>()
            || cause.downcast_ref().is_some_and(is_lake_usage)
            || matches!(
                cause.downcast_ref(),
                Some(IngestError::Broker(_) | IngestError::Tls(_))
            )
            || matches!(cause.downcast_ref(), Some(IngestError::Lake(lake)) if is_lake_usage(lake))
            || matches!(
                cause.downcast_ref(),
                Some(AnalyticsError::Request(_) | AnalyticsError::Period(_))
            )
            || matches!(cause.downcast_ref(), Some(AnalyticsError::Lake(lake)) if is_lake_usage(lake))
            || cause.downcast_ref().is_some_and(EdgeError::is_usage)
            || cause.downcast_ref().is_some_and(is_serve_usage)
    });
    if is_usage { 2 } else { 1 }
}

/// Whether a dashboard cannot be where it was asked to be.
fn is_serve_usage(error: &ServeError) -> bool {
    matches!(error, ServeError::Address(_) | ServeError::NotLoopback(_))
}

fn is_lake_usage(error: &LakeError) -> bool {
    matches!(error, LakeError::Address { .. } | LakeError::Layout { .. })
}
