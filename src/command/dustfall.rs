//! `dustfall import|report`: the laboratory's results in, the townships' months out.

use std::path::Path;

use anyhow::Context;
use dustwatch_analytics::dustfall::{DustfallImport, ImportKind, import, report};
use dustwatch_analytics::{AnalyticsError, Cell, Period, Refusal, Table};
use dustwatch_config::Settings;
use dustwatch_lake::Lake;
use dustwatch_observation::{Clock, SystemClock};

use crate::cli::{DustfallCommand, DustfallImportArgs, Printed};
use crate::output::{print, table};

/// Imports results, or reports a period.
pub(crate) async fn run(settings: &Settings, command: DustfallCommand) -> anyhow::Result<()> {
    match command {
        DustfallCommand::Import(args) => take(settings, args).await,
        DustfallCommand::Report { period, printed } => tell(settings, &period, printed).await,
    }
}

/// Imports the files and lists the lines that were refused, flagged or noted. A file that cannot be taken at all is
/// listed too, the others are taken, and the command fails.
async fn take(settings: &Settings, args: DustfallImportArgs) -> anyhow::Result<()> {
    let lake = Lake::new(settings)?;
    let kind = if args.automatic {
        ImportKind::Automatic
    } else {
        ImportKind::Laboratory
    };
    let mut out = table(&["file", "line", "outcome", "reason", "detail"]);
    let mut failed = 0;
    for file in &args.files {
        match import(&lake, settings, file, kind, SystemClock.now()).await {
            Ok(imported) => list(&mut out, file, &imported),
            Err(AnalyticsError::Sheet { file, message }) => {
                failed += 1;
                eprintln!("{file}: refused: {message}");
                let cells = [file.as_str(), "1", "file refused", "bad_file", message.as_str()];
                out.rows
                    .push(cells.map(|cell| Cell::Text(cell.to_owned())).to_vec());
            }
            Err(error) => return Err(error).with_context(|| file.display().to_string()),
        }
    }
    print(&out, args.printed.format)?;
    match failed {
        0 => Ok(()),
        failed => anyhow::bail!("{failed} of {} files could not be taken", args.files.len()),
    }
}

fn list(out: &mut Table, file: &Path, imported: &DustfallImport) {
    eprintln!(
        "{}: {}, {} noted",
        file.display(),
        imported.report,
        imported.noted.len()
    );
    let mut rows: Vec<(&Refusal, &str)> = Vec::new();
    rows.extend(imported.report.refused.iter().map(|row| (row, "refused")));
    rows.extend(imported.report.flagged.iter().map(|row| (row, "flagged")));
    rows.extend(imported.noted.iter().map(|row| (row, "noted")));
    rows.sort_by_key(|(row, _)| row.line);
    for (row, outcome) in rows {
        out.rows.push(vec![
            Cell::Text(file.display().to_string()),
            Cell::Number(row.line.to_string()),
            Cell::Text(outcome.to_owned()),
            Cell::Text(row.reason.to_owned()),
            Cell::Text(row.detail.clone()),
        ]);
    }
}

/// Prints the report of a period.
async fn tell(settings: &Settings, period: &str, printed: Printed) -> anyhow::Result<()> {
    let period: Period = period.parse().map_err(AnalyticsError::from)?;
    let said = report(&Lake::new(settings)?, settings, period, None)
        .await
        .context("dustfall")?;
    if let Some(version) = said.dustfall_version {
        eprintln!(
            "from version {version} of dustfall, in {}",
            dustwatch_analytics::dustfall::UNIT
        );
    }
    print(&Table::from_dustfall(&said), printed.format)
}
