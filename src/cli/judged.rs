//! The part of the command line that holds figures against standards and the action plan.

use clap::Args;

use super::{Printed, Read};

#[derive(Debug, Args)]
pub(crate) struct ComplianceArgs {
    /// tsp, pm25 or pm10.
    #[arg(long)]
    pub(crate) parameter: String,
    /// 2019, 2019-08, 2019-W32 and so on; annual limits judge years only.
    #[arg(long)]
    pub(crate) period: String,
    /// The district and its townships, or all of townships.csv.
    #[arg(long, default_value = "district", value_parser = ["district", "city"])]
    pub(crate) scope: String,
    #[command(flatten)]
    pub(crate) read: Read,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, Args)]
pub(crate) struct AqiArgs {
    /// 2019-W32, 2019-08-06, 2019-08, 2019-08-H1, 2019 or 2019-08-01..2019-08-07.
    #[arg(long)]
    pub(crate) period: String,
    /// The district's days, or those of each of its townships.
    #[arg(long, default_value = "district", value_parser = ["district", "township"])]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) read: Read,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, Args)]
pub(crate) struct SupervisionArgs {
    /// The month: 2019-08.
    #[arg(long)]
    pub(crate) period: String,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, Args)]
pub(crate) struct ProgressArgs {
    /// Up to the end of this period: 2019, 2019-08, 2019-W32.
    #[arg(long)]
    pub(crate) period: String,
    /// pm25, the plan's; or tsp, pm10.
    #[arg(long, default_value = "pm25")]
    pub(crate) parameter: String,
    #[command(flatten)]
    pub(crate) printed: Printed,
}
