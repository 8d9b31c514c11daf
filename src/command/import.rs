//! `import`: history, without a broker.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use dustwatch_config::Settings;
use dustwatch_ingest::import;
use dustwatch_observation::SystemClock;
use indicatif::{ProgressBar, ProgressStyle};

use super::Usage;
use crate::cli::ImportArgs;

/// Imports the files and says what became of their lines.
pub(crate) async fn run(settings: &Settings, args: ImportArgs) -> anyhow::Result<()> {
    let mapping = dustwatch_config::mapping(&args.mapping)?;
    mapping
        .check(&settings.parameters)
        .map_err(|e| Usage(format!("{}: {e}", args.mapping.display())))?;
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {msg}")?);
    let mut progress = |file: &Path, lines: u64| {
        bar.set_message(format!("{} {lines} lines", file.display()));
        bar.tick();
    };
    let report = import(
        settings,
        &args.files,
        &mapping,
        Arc::new(SystemClock),
        &mut progress,
    )
    .await
    .context("import")?;
    bar.finish_and_clear();
    eprintln!(
        "{} lines: {} observations added, {} already there, {} corrections, {} lines rejected",
        report.lines, report.added, report.duplicates, report.corrections, report.rejected
    );
    Ok(())
}
