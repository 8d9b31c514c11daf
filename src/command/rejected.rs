//! `rejected list|replay`: what arrived and could not be taken.

use anyhow::Context;
use dustwatch_analytics::{Cell, Period, RejectedFilter as Wanted, Table, rejected_list};
use dustwatch_config::Settings;
use dustwatch_ingest::{ReplayReport, ReplayRequest, replay_rejected};
use dustwatch_lake::Lake;
use dustwatch_observation::{Reason, SystemClock};

use super::Usage;
use crate::cli::{RejectedCommand, RejectedFilter};
use crate::output::{print, table};

/// Lists rejections, or tries them again.
pub(crate) async fn run(settings: &Settings, command: RejectedCommand) -> anyhow::Result<()> {
    match command {
        RejectedCommand::List {
            which,
            all,
            limit,
            printed,
        } => {
            let wanted = Wanted {
                all,
                limit,
                ..wanted(which)?
            };
            let found = rejected_list(&Lake::new(settings)?, settings, &wanted)
                .await
                .context("rejected")?;
            print(&Table::from_result(&found)?, printed.format)
        }
        RejectedCommand::Replay {
            which,
            dry_run,
            printed,
        } => {
            let wanted = wanted(which)?;
            let request = ReplayRequest {
                reason: wanted.reason,
                device: wanted.device,
                days: wanted.period.map(Period::day_numbers),
                dry_run,
            };
            let report = replay_rejected(settings, &request, &SystemClock)
                .await
                .context("replay")?;
            say(&report, dry_run);
            print(&counts(&report), printed.format)
        }
    }
}

fn wanted(which: RejectedFilter) -> anyhow::Result<Wanted> {
    let reason = which.reason.as_deref().map(reason).transpose()?;
    let period: Option<Period> = which
        .period
        .map(|text| text.parse())
        .transpose()
        .map_err(dustwatch_analytics::AnalyticsError::from)?;
    Ok(Wanted {
        reason,
        device: which.device,
        period,
        ..Wanted::default()
    })
}

fn reason(code: &str) -> Result<Reason, Usage> {
    Reason::from_code(code).ok_or_else(|| {
        let codes: Vec<&str> = Reason::ALL.iter().map(|r| r.code()).collect();
        Usage(format!("reason {code:?} is none of {}", codes.join(", ")))
    })
}

/// Says what a replay did, on standard error.
fn say(report: &ReplayReport, dry_run: bool) {
    let would = if dry_run { "would be " } else { "" };
    eprintln!(
        "{} observations {would}added, {} already there",
        report.added, report.duplicates
    );
    let cut: u64 = report.messages.values().map(|c| c.not_replayable).sum();
    if cut > 0 {
        eprintln!(
            "{cut} cannot be replayed: too large to be kept whole, only counted, or lines of a table that is to be imported again"
        );
    }
}

fn counts(report: &ReplayReport) -> Table {
    let mut out = table(&["reason", "taken", "still_rejected", "not_replayable"]);
    for (reason, counts) in &report.messages {
        out.rows.push(vec![
            Cell::Text(reason.code().to_owned()),
            Cell::Number(counts.taken.to_string()),
            Cell::Number(counts.still_rejected.to_string()),
            Cell::Number(counts.not_replayable.to_string()),
        ]);
    }
    out
}
