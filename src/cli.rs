//! The command line, as `dustwatch --help` shows it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use dustwatch_config::BrokerOverrides;

use crate::output::Format;
use crate::telemetry::LogFormat;

mod handed_in;
mod judged;
mod notice;
mod qc;
mod sites;

pub(crate) use handed_in::{CityBulletinCommand, EnforcementCommand, LedgerCommand};
pub(crate) use judged::{AqiArgs, ComplianceArgs, ProgressArgs, SupervisionArgs};
pub(crate) use notice::{NoticeArgs, NoticeCommand, NoticeFormat, NoticeListArgs};
pub(crate) use qc::{QcCommand, QcWhich};
pub(crate) use sites::{AlarmsCommand, AlarmsWhich, HotspotsArgs, InspectArgs};

/// Environmental monitoring for a district: monitors in over MQTT, a Delta table, rankings and official notices out.
#[derive(Debug, Parser)]
#[command(name = "dustwatch", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every subcommand takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Settings file; without one, the built-in Mentougou district and ./data.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The lake: a folder or a URI like s3://bucket/prefix; wins over the settings.
    #[arg(long, global = true, value_name = "URI")]
    pub(crate) lake: Option<String>,
    /// How log lines look.
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// How a table is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Printed {
    /// How the table is printed.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole way on a simulated district: broker, 64 monitors, 15 days, rankings, the weekly notice.
    Demo(DemoArgs),
    /// Take observations from a broker into the lake, until stopped.
    Ingest(IngestArgs),
    /// Run broker (if embedded), ingester and rollups in one process, until stopped.
    Up(BrokerArgs),
    /// Serve the dashboard over a lake that others write, until stopped.
    Serve(ServeArgs),
    /// Rank the townships by a parameter over a period.
    Rank(RankArgs),
    /// Say who is called in for an interview, and who is proposed for accountability (约谈、问责).
    Supervision(SupervisionArgs),
    /// Hold the district's annual means against the target, and say what the rest of the year may be.
    Progress(ProgressArgs),
    /// Dustfall: a laboratory's results in, the townships' months out.
    #[command(subcommand)]
    Dustfall(DustfallCommand),
    /// Judge a period by the limits of GB 3095: the district and its townships.
    Compliance(ComplianceArgs),
    /// Count the days of each class of air quality (HJ 633), and name the worst.
    Aqi(AqiArgs),
    /// Make an official notice.
    #[command(subcommand)]
    Notice(NoticeCommand),
    /// Say what was expected of each monitor, what came, and where the rest was lost.
    Completeness(CompletenessArgs),
    /// The city's lists of its worst townships (后30位).
    #[command(subcommand)]
    CityBulletin(CityBulletinCommand),
    /// What departments inspected, punished and closed.
    #[command(subcommand)]
    Enforcement(EnforcementCommand),
    /// The other tables of every month: road dust, water sections, catering fume, complaints, and kinds of your own.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Import tables that other people made, without a broker.
    Import(ImportArgs),
    /// Bring the hourly means up to date.
    Rollup(RollupArgs),
    /// Control the quality of the observations: flags beside what the devices said.
    #[command(subcommand)]
    Qc(QcCommand),
    /// Alarms of sites: who is above what the rules allow.
    #[command(subcommand)]
    Alarms(AlarmsCommand),
    /// Rank sites and grid cells by how far they stand out from their surroundings.
    Hotspots(HotspotsArgs),
    /// Draw the double-random inspection list (双随机): sites weighted by hot spot and alarms, teams at random.
    Inspect(InspectArgs),
    /// Ask the tables in SQL, read-only.
    Query(QueryArgs),
    /// Look after the tables.
    #[command(subcommand)]
    Lake(LakeCommand),
    /// What arrived and could not be taken.
    #[command(subcommand)]
    Rejected(RejectedCommand),
    /// Check or show the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// End after the notice instead of staying up with live data.
    #[arg(long)]
    pub(crate) exit: bool,
    /// Folder of the demonstration; emptied at the start.
    #[arg(long, value_name = "DIR", default_value = "data/demo")]
    pub(crate) dir: PathBuf,
    /// Seed of the simulated network.
    #[arg(long, default_value_t = 110_109)]
    pub(crate) seed: u64,
    /// Days to simulate, 15 or more for a whole week and the one before.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(8..=400))]
    pub(crate) days: u32,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address of this machine to listen on, 127.0.0.1:8080; wins over the settings.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BrokerArgs {
    /// Broker as mqtt://HOST:PORT or mqtts://HOST:PORT; wins over the settings.
    #[arg(long, value_name = "URL")]
    pub(crate) broker: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    #[command(flatten)]
    pub(crate) broker: BrokerArgs,
    /// Share the work with the other ingesters of this MQTT 5 shared subscription.
    #[arg(long, value_name = "GROUP", conflicts_with = "shard")]
    pub(crate) share: Option<String>,
    /// Take only the i-th of n parts of the devices, where the broker has no shared subscriptions.
    #[arg(long, value_name = "i/n")]
    pub(crate) shard: Option<String>,
}

impl From<BrokerArgs> for BrokerOverrides {
    fn from(args: BrokerArgs) -> Self {
        Self {
            url: args.broker,
            ..Self::default()
        }
    }
}

impl From<IngestArgs> for BrokerOverrides {
    fn from(args: IngestArgs) -> Self {
        Self {
            share: args.share,
            shard: args.shard,
            ..args.broker.into()
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RankArgs {
    /// tsp, pm25, pm10 or dustfall.
    #[arg(long)]
    pub(crate) parameter: String,
    /// 2019-W32, 2019-08-06, 2019-08, 2019-08-H1, 2019 or 2019-08-01..2019-08-07.
    #[arg(long)]
    pub(crate) period: String,
    /// Whose townships: the district's, or all of townships.csv.
    #[arg(long, default_value = "district", value_parser = ["district", "city"])]
    pub(crate) scope: String,
    /// Lowest value first, or highest.
    #[arg(long, default_value = "best", value_parser = ["best", "worst"])]
    pub(crate) order: String,
    #[command(flatten)]
    pub(crate) read: Read,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

/// What a figure is made from.
#[derive(Debug, Args)]
pub(crate) struct Read {
    /// From the rollup, from raw observations, or from whichever is right.
    #[arg(long, default_value = "auto", value_parser = ["auto", "rollup", "raw"])]
    pub(crate) source: String,
    /// As the figure was at this version of the observations; the newest when left out.
    #[arg(long, value_name = "VERSION")]
    pub(crate) as_of: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DustfallCommand {
    /// Import results by HJ 1221; lists the lines that were refused or flagged.
    Import(DustfallImportArgs),
    /// District, townships and points of a period: value, rank, changes, verdict.
    Report {
        /// A month 2019-08, a year 2019 or whole months 2019-01-01..2019-06-30.
        #[arg(long)]
        period: String,
        #[command(flatten)]
        printed: Printed,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DustfallImportArgs {
    /// CSV files with a header: weighings in g, or results in t/(km²·30 d); see docs/dustfall.md.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The files are of automatic monitors: mn, time, gain_g, tare_g.
    #[arg(long)]
    pub(crate) automatic: bool,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, Args)]
pub(crate) struct CompletenessArgs {
    /// 2019-W32, 2019-08-06, 2019-08, 2019-08-H1, 2019 or 2019-08-01..2019-08-07.
    #[arg(long)]
    pub(crate) period: String,
    /// Only this device.
    #[arg(long)]
    pub(crate) device: Option<String>,
    /// Valid is an observation of which this parameter is; of any parameter when left out.
    #[arg(long)]
    pub(crate) parameter: Option<String>,
    /// A row a device and day, or a row a township and day.
    #[arg(long, default_value = "device", value_parser = ["device", "township"])]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Tables, plain or gzip.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// What their columns mean.
    #[arg(long, value_name = "M.toml")]
    pub(crate) mapping: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RollupArgs {
    /// Make everything anew from the observations.
    #[arg(long)]
    pub(crate) rebuild: bool,
}

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// A SELECT over the tables, views and functions of docs/sql.md: hourly, daily, ranking('tsp', '2019-W32') …
    pub(crate) sql: String,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LakeCommand {
    /// Make the many small files of each day one sorted file.
    Compact {
        /// Compact the running day too.
        #[arg(long)]
        all: bool,
    },
    /// Delete files and log entries that no version of the last days reads.
    Vacuum {
        /// Days for which versions stay readable, 0 for the newest alone; default: the setting lake.keep_versions_days.
        #[arg(long, value_name = "DAYS")]
        keep_days: Option<u32>,
    },
    /// Check every file of the tables against the log: there, of the right size, readable, with the right rows.
    Verify {
        #[command(flatten)]
        printed: Printed,
    },
    /// List the commits of a table, newest first.
    History {
        /// observations, rejected, hourly or qc_flags.
        #[arg(long, default_value = "observations")]
        table: String,
        /// Commits at the most.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        printed: Printed,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RejectedCommand {
    /// List rejections, newest first: those of which something is still left out.
    List {
        #[command(flatten)]
        which: RejectedFilter,
        /// Also those that a replay has taken since.
        #[arg(long)]
        all: bool,
        /// Rows at the most.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        printed: Printed,
    },
    /// Try rejected messages again, with the registry and settings of now.
    Replay {
        #[command(flatten)]
        which: RejectedFilter,
        /// Only say what would become of them.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        printed: Printed,
    },
}

/// Which rejections.
#[derive(Debug, Args)]
pub(crate) struct RejectedFilter {
    /// Only this reason.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Only those whose topic names this device.
    #[arg(long)]
    pub(crate) device: Option<String>,
    /// Only those received in this period.
    #[arg(long)]
    pub(crate) period: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read the settings and say whether they can be used.
    Check,
    /// Print the settings that are in force, defaults included, without secrets.
    Show {
        #[command(flatten)]
        printed: Printed,
    },
}
