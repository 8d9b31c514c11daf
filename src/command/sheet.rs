//! What became of a file that was handed in: the lines that were refused or flagged as a table, the counts on standard
//! error.

use std::path::Path;

use dustwatch_analytics::{Cell, Refusal, SheetReport};

use crate::output::{Format, print, table};

/// Prints the lines that were not simply taken, and says how many there are of each.
///
/// # Errors
/// When no line of the file could be taken, after printing why.
pub(crate) fn tell(file: &Path, report: &SheetReport, format: Format) -> anyhow::Result<()> {
    eprintln!("{}: {report}", file.display());
    let mut lines = table(&["line", "outcome", "reason", "detail"]);
    let flagged = report.flagged.iter().map(|remark| (remark, "flagged"));
    let refused = report.refused.iter().map(|refusal| (refusal, "refused"));
    let mut all: Vec<(&Refusal, &str)> = flagged.chain(refused).collect();
    all.sort_by_key(|(refusal, _)| refusal.line);
    for (refusal, outcome) in all {
        lines.rows.push(vec![
            Cell::Number(refusal.line.to_string()),
            Cell::Text(outcome.to_owned()),
            Cell::Text(refusal.reason.to_owned()),
            Cell::Text(refusal.detail.clone()),
        ]);
    }
    print(&lines, format)?;
    if report.lines > 0 && report.refused.len() as u64 == report.lines {
        anyhow::bail!("{}: no line could be taken", file.display());
    }
    Ok(())
}
