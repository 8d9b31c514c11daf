//! `dustwatch-edge`: the agent at a monitor, and the tools that stand in for many of them.
//!
//! Here a process begins and ends: arguments, log, runtime, the subcommand, the exit status (0, 1 it failed, 2 wrong
//! usage or configuration). What a subcommand does stands in [`command`] and in the library.

mod command;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use dustwatch_edge::EdgeError;
use tracing_subscriber::EnvFilter;

use command::{Cli, LogFormat};

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log(cli.log_format);
    match run(cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            let usage = error.downcast_ref::<EdgeError>().is_some_and(EdgeError::is_usage);
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

/// Runs the subcommand; whether everything that it sent is confirmed.
fn run(cli: Cli) -> anyhow::Result<bool> {
    // Each thread costs memory; an agent's work is waiting.
    let runtime = match cli.is_agent() {
        true => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?,
        false => tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?,
    };
    let done = runtime.block_on(command::dispatch(cli))?;
    // A reader that waits for a slow disk or pipe must not keep the process.
    runtime.shutdown_background();
    Ok(done)
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}
