//! The part of the command line that is about tables that people hand in.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Printed;

#[derive(Debug, Subcommand)]
pub(crate) enum CityBulletinCommand {
    /// Import the city's list of a half-month or month; prints the lines that were refused or flagged.
    Import(BulletinImportArgs),
    /// Print the lists that were imported, newest first.
    List {
        /// Only lists that lie in this period.
        #[arg(long)]
        period: Option<String>,
        /// Only lists of this parameter: tsp or pm25.
        #[arg(long)]
        parameter: Option<String>,
        #[command(flatten)]
        printed: Printed,
    },
    /// Say which of the district's townships are on the lists that lie in a period (R1), and which come close (R1w).
    Check {
        /// 2024-10, 2024-10-H1, 2024-W41, 2024 or 2024-10-01..2024-12-31.
        #[arg(long)]
        period: String,
        #[command(flatten)]
        printed: Printed,
    },
}

#[derive(Debug, Args)]
pub(crate) struct BulletinImportArgs {
    /// The list as CSV, see docs/handed-in-files.md.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// tsp or pm25.
    #[arg(long)]
    pub(crate) parameter: String,
    /// The half-month or month that it is of: 2024-10-H1, 2024-10.
    #[arg(long)]
    pub(crate) period: String,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnforcementCommand {
    /// Import a department's counts; prints the lines that were refused.
    Import {
        /// The counts as CSV, see docs/handed-in-files.md.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        printed: Printed,
    },
    /// Count a period and compare it with the one before.
    Report {
        /// 2019-W32, 2019-08-06, 2019-08, 2019-08-H1, 2019 or 2019-08-01..2019-08-07.
        #[arg(long)]
        period: String,
        /// A row an action, a department, a township, or an ISO week (in the period that has its Thursday).
        #[arg(long, default_value = "action", value_parser = ["action", "department", "township", "week"])]
        by: String,
        #[command(flatten)]
        printed: Printed,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// List the kinds of ledgers, their columns and rules.
    Kinds {
        #[command(flatten)]
        printed: Printed,
    },
    /// Import a table of a kind; prints the lines that were refused.
    Import {
        /// Its kind: one of `dustwatch ledger kinds`.
        #[arg(long)]
        kind: String,
        /// The table as CSV, see docs/handed-in-files.md.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        printed: Printed,
    },
    /// Rank the subjects of a kind over a period, judge them by the limit, compare with the period before and last year.
    Report {
        /// Its kind: one of `dustwatch ledger kinds`.
        #[arg(long)]
        kind: String,
        /// 2019-08, 2019, 2019-07-01..2019-09-30; for kinds by day 2019-W32, 2019-08-06 and 2019-08-H1 too.
        #[arg(long)]
        period: String,
        /// The item to rank by; the kind's own when left out.
        #[arg(long)]
        item: Option<String>,
        #[command(flatten)]
        printed: Printed,
    },
}
