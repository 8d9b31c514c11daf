//! `lake history|compact|vacuum|verify`.

use anyhow::Context;
use dustwatch_analytics::Cell;
use dustwatch_config::Settings;
use dustwatch_lake::{CompactWhen, Lake, LocalDays, TableKind};
use dustwatch_observation::{Clock, SystemClock, Time};

use super::Usage;
use crate::cli::{LakeCommand, Printed};
use crate::output::{print, table};

/// Looks after the tables.
pub(crate) async fn run(settings: &Settings, command: LakeCommand) -> anyhow::Result<()> {
    let lake = Lake::new(settings)?;
    match command {
        LakeCommand::History {
            table,
            limit,
            printed,
        } => history(&lake, &table, limit, &printed).await,
        LakeCommand::Compact { all } => compact(&lake, settings, all).await,
        LakeCommand::Vacuum { keep_days } => {
            let keep_days = keep_days.unwrap_or(settings.lake.keep_versions_days);
            vacuum(&lake, keep_days).await
        }
        LakeCommand::Verify { printed } => verify(&lake, &printed).await,
    }
}

async fn compact(lake: &Lake, settings: &Settings, all: bool) -> anyhow::Result<()> {
    let today = LocalDays::new(settings.district.timezone)
        .day_of(SystemClock.now())
        .context("the clock stands outside of all calendars")?;
    let when = CompactWhen {
        today,
        open_day_files: if all {
            1
        } else {
            settings.lake.open_day_files as usize
        },
    };
    for kind in [TableKind::Observations, TableKind::Rejected] {
        let done = lake
            .compact(kind, when)
            .await
            .with_context(|| format!("compacting {}", kind.name()))?;
        eprintln!(
            "{}: {} days, {} files of {} bytes became {} of {} bytes",
            kind.name(),
            done.days,
            done.files_before,
            done.bytes_before,
            done.files_after,
            done.bytes_after
        );
    }
    Ok(())
}

async fn vacuum(lake: &Lake, keep_days: u32) -> anyhow::Result<()> {
    for kind in TableKind::ALL {
        let done = lake
            .vacuum(kind, keep_days)
            .await
            .with_context(|| format!("deleting old files of {}", kind.name()))?;
        eprintln!(
            "{}: {} files and {} log entries deleted",
            kind.name(),
            done.files,
            done.log_entries
        );
    }
    Ok(())
}

async fn verify(lake: &Lake, printed: &Printed) -> anyhow::Result<()> {
    let mut out = table(&["table", "files", "rows", "bytes", "damaged"]);
    let mut damaged = 0;
    for kind in TableKind::ALL {
        let report = lake
            .verify(kind)
            .await
            .with_context(|| format!("verifying {}", kind.name()))?;
        for damage in &report.damages {
            eprintln!("{}: {damage}", kind.name());
        }
        damaged += report.damages.len();
        out.rows.push(vec![
            Cell::Text(kind.name().to_owned()),
            Cell::Number(report.files.to_string()),
            Cell::Number(report.rows.to_string()),
            Cell::Number(report.bytes.to_string()),
            Cell::Number(report.damages.len().to_string()),
        ]);
    }
    print(&out, printed.format)?;
    anyhow::ensure!(damaged == 0, "{damaged} files are damaged");
    Ok(())
}

async fn history(lake: &Lake, name: &str, limit: usize, printed: &Printed) -> anyhow::Result<()> {
    let kind = TableKind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| {
            let names: Vec<&str> = TableKind::ALL.iter().map(|kind| kind.name()).collect();
            Usage(format!("table {name:?} is none of {}", names.join(", ")))
        })?;
    let history = lake.history(kind, limit).await.context("reading the history")?;
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
