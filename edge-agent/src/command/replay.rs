//! `dustwatch-edge replay`.

use std::path::PathBuf;
use std::sync::Arc;

use dustwatch_edge::replay::{ReplayOptions, run_replay};
use dustwatch_edge::{EdgeError, Progress, Shutdown};

use super::bar::with_bar;
use super::tool::{ToolArgs, conclude};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Tables, plain or gzip.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How their columns are to be read.
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    /// Seconds of the table in a second (3600: an hour a second; rows are put in order of time first), or max.
    #[arg(long, value_name = "N|max", default_value = "max")]
    speed: String,
    #[command(flatten)]
    tool: ToolArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<bool> {
    let settings = args.tool.settings()?;
    let options = ReplayOptions {
        publisher: args.tool.publisher("replay", &settings)?,
        files: args.files,
        mapping: dustwatch_config::mapping(&args.mapping).map_err(|e| EdgeError::Usage(e.to_string()))?,
        offset_seconds: settings.district.offset_seconds(),
        parameters: settings.parameters,
        speed: args.speed.parse()?,
        batch: args.tool.batch,
    };
    let progress = Arc::new(Progress::default());
    let work = run_replay(options, Arc::clone(&progress), Shutdown::on_signals());
    Ok(conclude(&with_bar(&progress, work).await?))
}
