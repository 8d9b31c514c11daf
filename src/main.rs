//! The command `dustwatch`: parse, telemetry, dispatch.
//!
//! A subcommand is a file in `command/`. The table that a command prints goes to standard output, everything else to
//! standard error. Exit status: 0, 1 when it failed, 2 for wrong usage or configuration.

mod cli;
mod command;
mod notify;
mod output;
mod telemetry;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// How long threads may take to end when everything is said and done.
const LAST_THREADS: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    telemetry::start(cli.common.log_format);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("dustwatch: cannot start: {error}");
            return ExitCode::from(1);
        }
    };
    let ended = runtime.block_on(command::run(cli));
    // A thread that waits for a full disk is not waited for.
    runtime.shutdown_timeout(LAST_THREADS);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dustwatch: {error:#}");
            ExitCode::from(command::exit_code(&error))
        }
    }
}
