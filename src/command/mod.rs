//! One file a subcommand.

mod completeness;
mod config;
mod demo;
mod import;
mod ingest;
mod lake;
mod notice;
mod qc;
mod query;
mod rank;
mod rejected;
mod reload;
mod rollup;
mod up;

use anyhow::Context;
use dustwatch_analytics::AnalyticsError;
use dustwatch_config::{BrokerOverrides, ConfigError, Settings};
use dustwatch_edge::EdgeError;
use dustwatch_ingest::IngestError;
use dustwatch_lake::LakeError;

use crate::cli::{Cli, Command, Common, NoticeCommand};

/// Runs the subcommand.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    let common = cli.common;
    match cli.command {
        Command::Demo(args) => demo::run(args).await,
        Command::Ingest(args) => ingest::run(settings_with(&common, args.into())?).await,
        Command::Up(args) => up::run(settings_with(&common, args.into())?).await,
        Command::Rank(args) => rank::run(&settings(&common)?, args).await,
        Command::Notice(NoticeCommand::Weekly(args)) => notice::run(&settings(&common)?, args).await,
        Command::Completeness(args) => completeness::run(&settings(&common)?, args).await,
        Command::Import(args) => import::run(&settings(&common)?, args).await,
        Command::Rollup(args) => rollup::run(&settings(&common)?, args).await,
        Command::Qc(args) => qc::run(&settings(&common)?, args).await,
        Command::Query(args) => query::run(&settings(&common)?, args).await,
        Command::Lake(args) => lake::run(&settings(&common)?, args).await,
        Command::Rejected(args) => rejected::run(&settings(&common)?, args).await,
        Command::Config(args) => config::run(&settings(&common)?, args),
    }
}

/// The settings of `--config`, with what the command line overrides.
fn settings(common: &Common) -> anyhow::Result<Settings> {
    settings_with(common, BrokerOverrides::default())
}

/// The same, with what the command line says about the broker.
fn settings_with(common: &Common, broker: BrokerOverrides) -> anyhow::Result<Settings> {
    let mut settings = Settings::load_with(common.config.as_deref(), broker).context("configuration")?;
    if let Some(uri) = &common.lake {
        settings.lake.uri.clone_from(uri);
    }
    Ok(settings)
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
    });
    if is_usage { 2 } else { 1 }
}

fn is_lake_usage(error: &LakeError) -> bool {
    matches!(error, LakeError::Address { .. } | LakeError::Layout { .. })
}
