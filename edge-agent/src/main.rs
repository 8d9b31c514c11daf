//! `dustwatch-edge`: the agent at a monitor, and the tools that stand in for many of them.
//!
//! Here a process begins and ends: arguments, log, runtime, the subcommand, the exit status (0, 1 it failed, 2 wrong
//! usage or configuration). What a subcommand does stands in [`command`] and in the library.

mod command;
mod log;

use std::process::ExitCode;

use clap::Parser;
use dustwatch_edge::{EdgeError, Trouble};

use command::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let trouble = log::start(cli.log_format);
    match run(cli, trouble) {
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
fn run(cli: Cli, trouble: Trouble) -> anyhow::Result<bool> {
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
    let done = runtime.block_on(command::dispatch(cli, trouble))?;
    // A reader that waits for a slow disk or pipe must not keep the process.
    runtime.shutdown_background();
    Ok(done)
}
