//! `notice list`: the issues in a folder, and whether they were delivered.

use std::path::PathBuf;

use dustwatch_analytics::Cell;
use dustwatch_config::Settings;

use super::deliveries::Deliveries;
use crate::cli::NoticeListArgs;
use crate::command::notice::issues;
use crate::output::{print, table};

/// Endings of documents; the register, which every issue has, is none of them.
const DOCUMENTS: [&str; 4] = ["docx", "pdf", "html", "md"];

/// Prints a row an issue and way, or one without a way where it was sent nowhere.
pub(crate) fn list(settings: &Settings, args: NoticeListArgs) -> anyhow::Result<()> {
    let due = settings.notice.due.as_ref().map(|due| due.out.clone());
    let folder = args.out.or(due).unwrap_or_else(|| PathBuf::from("notices"));
    let deliveries = Deliveries::load(&folder)?;
    let mut out = table(&[
        "notice",
        "kind",
        "period",
        "revision",
        "issued_on",
        "formats",
        "way",
        "delivered",
        "tries",
        "at",
        "error",
    ]);
    for (stem, register) in issues(&folder)? {
        let provenance = &register.provenance;
        let there = DOCUMENTS
            .iter()
            .filter(|ending| folder.join(format!("{stem}.{ending}")).exists());
        let issue = vec![
            Cell::Text(stem.clone()),
            Cell::Text(provenance.kind.clone()),
            Cell::Text(provenance.period.clone()),
            provenance
                .revision
                .map_or(Cell::Missing, |number| Cell::Number(number.to_string())),
            Cell::Text(register.issued_on.to_string()),
            Cell::Text(there.copied().collect::<Vec<_>>().join(" ")),
        ];
        let before = out.rows.len();
        for (way, state) in deliveries.of(&stem) {
            let mut row = issue.clone();
            row.extend([
                Cell::Text(way.clone()),
                Cell::Bool(state.delivered),
                Cell::Number(state.tries.to_string()),
                Cell::Text(state.at.clone()),
                state.error.clone().map_or(Cell::Missing, Cell::Text),
            ]);
            out.rows.push(row);
        }
        if out.rows.len() == before {
            let mut row = issue;
            row.extend(std::iter::repeat_n(Cell::Missing, 5));
            out.rows.push(row);
        }
    }
    print(&out, args.printed.format)
}
