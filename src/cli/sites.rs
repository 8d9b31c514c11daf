//! The part of the command line that is about sites: alarms, hot spots, inspections.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{BrokerArgs, Printed, Read};

#[derive(Debug, Subcommand)]
pub(crate) enum AlarmsCommand {
    /// Bring the alarms up to date: days that changed, and their neighbours. Nobody is told.
    Run {
        /// Only the days of this period, changed or not: 2019-W32, 2019-08-06, 2019-08 and so on.
        #[arg(long, conflicts_with = "rebuild")]
        period: Option<String>,
        /// Every day, changed or not.
        #[arg(long)]
        rebuild: bool,
    },
    /// List alarms, newest first.
    List {
        #[command(flatten)]
        which: AlarmsWhich,
        /// Rows at the most.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        printed: Printed,
    },
    /// Show the rules in force.
    Rules {
        #[command(flatten)]
        printed: Printed,
    },
    /// Keep the alarms up to date and tell them, until stopped, beside ingesters that run alone; `up` does it by itself.
    Watch(BrokerArgs),
}

/// Which alarms.
#[derive(Debug, Args)]
pub(crate) struct AlarmsWhich {
    /// Only those that began in this period.
    #[arg(long)]
    pub(crate) period: Option<String>,
    /// Only those of this device.
    #[arg(long)]
    pub(crate) device: Option<String>,
    /// Only those of this rule.
    #[arg(long)]
    pub(crate) rule: Option<String>,
    /// Only those in this township, by code or name.
    #[arg(long)]
    pub(crate) township: Option<String>,
    /// Only those of this level.
    #[arg(long, value_parser = ["alarm", "severe"])]
    pub(crate) level: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct HotspotsArgs {
    /// 2019-W32, 2019-08-06, 2019-08, 2019-08-H1, 2019 or 2019-08-01..2019-08-07.
    #[arg(long)]
    pub(crate) period: String,
    /// tsp, pm25 or pm10.
    #[arg(long, default_value = "tsp")]
    pub(crate) parameter: String,
    #[command(flatten)]
    pub(crate) read: Read,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The period whose hot spots and alarms count.
    #[arg(long)]
    pub(crate) period: String,
    /// How many sites are drawn.
    #[arg(long)]
    pub(crate) sites: usize,
    /// CSV of the teams: team, and avoid for townships that a team is kept away from.
    #[arg(long, value_name = "FILE")]
    pub(crate) teams: PathBuf,
    /// The draw's seed, which goes on record: the same one gives the same list.
    #[arg(long)]
    pub(crate) seed: u64,
    /// The parameter of hot spots.
    #[arg(long, default_value = "tsp")]
    pub(crate) parameter: String,
    #[command(flatten)]
    pub(crate) printed: Printed,
}
