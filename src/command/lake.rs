//! `lake history`.

use anyhow::Context;
use dustwatch_analytics::Cell;
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind};
use dustwatch_observation::Time;

use super::Usage;
use crate::cli::LakeCommand;
use crate::output::{print, table};

/// Lists the commits of a table.
pub(crate) async fn run(settings: &Settings, command: LakeCommand) -> anyhow::Result<()> {
    let LakeCommand::History {
        table: name,
        limit,
        printed,
    } = command;
    let kind = TableKind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| {
            let names: Vec<&str> = TableKind::ALL.iter().map(|kind| kind.name()).collect();
            Usage(format!("table {name:?} is none of {}", names.join(", ")))
        })?;
    let history = Lake::new(settings)?
        .history(kind, limit)
        .await
        .context("reading the history")?;
    let mut out = table(&[
        "version",
        "time",
        "operation",
        "files_added",
        "files_removed",
        "rows_added",
        "transactions",
    ]);
    for entry in history {
        let transactions: Vec<String> = entry
            .transactions
            .iter()
            .map(|(id, version)| format!("{id}={version}"))
            .collect();
        out.rows.push(vec![
            Cell::Number(entry.version.to_string()),
            entry
                .timestamp_ms
                .map_or(Cell::Missing, |ms| Cell::Text(Time::from_millis(ms).to_string())),
            Cell::Text(entry.operation),
            Cell::Number(entry.files_added.to_string()),
            Cell::Number(entry.files_removed.to_string()),
            Cell::Number(entry.rows_added.to_string()),
            Cell::Text(transactions.join(" ")),
        ]);
    }
    print(&out, printed.format)
}
