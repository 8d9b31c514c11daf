//! The part of the command line that is about quality control.

use clap::{Args, Subcommand};

use super::Printed;

#[derive(Debug, Subcommand)]
pub(crate) enum QcCommand {
    /// Bring the flags up to date: days that changed, and their neighbours.
    Run {
        /// Only the days of this period, changed or not: 2019-W32, 2019-08-06, 2019-08 and so on.
        #[arg(long, conflicts_with = "rebuild")]
        period: Option<String>,
        /// Every day, changed or not: needed after stations changed.
        #[arg(long)]
        rebuild: bool,
    },
    /// How many values came on each day, and how many of them are valid, suspect and invalid, by test.
    Summary {
        /// 2019-W32, 2019-08-06, 2019-08, 2019-08-H1, 2019 or 2019-08-01..2019-08-07.
        #[arg(long)]
        period: String,
        /// A row a device and day, or a row a township and day.
        #[arg(long, default_value = "device", value_parser = ["device", "township"])]
        by: String,
        #[command(flatten)]
        printed: Printed,
    },
    /// List flags, newest first.
    List {
        #[command(flatten)]
        which: QcWhich,
        /// Rows at the most.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        printed: Printed,
    },
}

/// Which flags.
#[derive(Debug, Args)]
pub(crate) struct QcWhich {
    /// Only those of this period.
    #[arg(long)]
    pub(crate) period: Option<String>,
    /// Only those of this device.
    #[arg(long)]
    pub(crate) device: Option<String>,
    /// Only those of this parameter.
    #[arg(long)]
    pub(crate) parameter: Option<String>,
    /// Only those of this test, q1 to q11.
    #[arg(long)]
    pub(crate) test: Option<String>,
    /// Only those of this level.
    #[arg(long, value_parser = ["invalid", "suspect", "note"])]
    pub(crate) level: Option<String>,
}
