//! The command line: one file a subcommand.

mod agent;
mod bar;
mod broker;
mod replay;
mod simulate;
mod tool;

use clap::{Parser, Subcommand, ValueEnum};
use dustwatch_edge::Trouble;

/// The agent at a dust monitor, and tools that stand in for many of them.
#[derive(Debug, Parser)]
#[command(name = "dustwatch-edge", version, propagate_version = true)]
pub(crate) struct Cli {
    /// How the log on standard error is written.
    #[arg(long, value_enum, default_value = "text", global = true)]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the sensors, keep every observation until it is confirmed, and publish it.
    Run(agent::AgentArgs),
    /// Try settings, spool, sources and broker once.
    Check(agent::CheckArgs),
    /// Publish real tables as if their stations were devices; ends when everything is confirmed.
    Replay(replay::Args),
    /// Publish the observations of an invented network; ends when everything is confirmed.
    Simulate(simulate::Args),
}

impl Cli {
    /// Whether it runs for months on a gateway that has little memory, rather than for minutes on a machine with some.
    pub(crate) fn is_agent(&self) -> bool {
        matches!(self.command, Command::Run(_) | Command::Check(_))
    }
}

/// Runs the subcommand; whether everything that it sent is confirmed.
pub(crate) async fn dispatch(cli: Cli, trouble: Trouble) -> anyhow::Result<bool> {
    match cli.command {
        Command::Run(args) => agent::run(args, trouble).await,
        Command::Check(args) => agent::run_check(args).await,
        Command::Replay(args) => replay::run(args).await,
        Command::Simulate(args) => simulate::run(args).await,
    }
}
