//! `ledger kinds|import|report`: the other tables of every month, of kinds that TOML describes.

use anyhow::Context;
use dustwatch_analytics::{
    AnalyticsError, Cell, LedgerReportRequest, Period, Table, import_ledger, ledger_report,
};
use dustwatch_config::Settings;
use dustwatch_config::ledgers::{Better, Combine, ItemKind, LedgerItem, LedgerKind, Limit};
use dustwatch_lake::Lake;
use dustwatch_observation::{Clock, SystemClock};

use super::sheet::tell;
use crate::cli::LedgerCommand;
use crate::output::{print, table};

/// Lists the kinds, imports a table of one, or prints its report.
pub(crate) async fn run(settings: &Settings, command: LedgerCommand) -> anyhow::Result<()> {
    match command {
        LedgerCommand::Kinds { printed } => print(&kinds(settings), printed.format),
        LedgerCommand::Import { kind, file, printed } => {
            let lake = Lake::new(settings)?;
            let report = import_ledger(&lake, settings, &kind, &file, SystemClock.now())
                .await
                .context("ledger import")?;
            tell(&file, &report, printed.format)
        }
        LedgerCommand::Report {
            kind,
            period,
            item,
            printed,
        } => {
            let request = LedgerReportRequest {
                kind,
                item,
                period: period.parse::<Period>().map_err(AnalyticsError::from)?,
            };
            let report = ledger_report(&Lake::new(settings)?, settings, &request)
                .await
                .context("ledger report")?;
            eprintln!("{} {}, {}", report.kind_name, report.item_name, report.period);
            print(&report.table(), printed.format)
        }
    }
}

/// A row a kind and item.
fn kinds(settings: &Settings) -> Table {
    let mut out = table(&[
        "kind",
        "name",
        "subject",
        "date",
        "point",
        "item",
        "item_name",
        "type",
        "unit",
        "decimals",
        "better",
        "limit",
        "combine",
        "ranked",
    ]);
    for kind in settings.ledgers.iter() {
        out.rows.extend(kind.items.iter().map(|item| cells(kind, item)));
    }
    out
}

fn cells(kind: &LedgerKind, item: &LedgerItem) -> Vec<Cell> {
    let text = |text: &str| Cell::Text(text.to_owned());
    let only_ranked = |word: &str| {
        if item.is_ranked() {
            text(word)
        } else {
            Cell::Missing
        }
    };
    vec![
        text(&kind.key),
        text(&kind.name),
        text(&kind.subject.name),
        text(&kind.date.name),
        kind.point
            .as_ref()
            .map_or(Cell::Missing, |point| text(&point.name)),
        text(item.key()),
        text(&item.name),
        text(match item.kind {
            ItemKind::Number { .. } => "number",
            ItemKind::Count => "count",
            ItemKind::Grade { .. } => "grade",
            ItemKind::Text => "text",
            ItemKind::Ratio { .. } => "ratio",
        }),
        text(&item.unit),
        if item.is_ranked() {
            Cell::Number(item.decimals.to_string())
        } else {
            Cell::Missing
        },
        only_ranked(match item.better {
            Better::Lower => "lower",
            Better::Higher => "higher",
        }),
        limit(item),
        match (&item.kind, item.combine) {
            (ItemKind::Ratio { of, to }, _) => Cell::Text(format!("{of} / {to}")),
            (_, Combine::Mean) => only_ranked("mean"),
            (_, Combine::Sum) => only_ranked("sum"),
            (_, Combine::Last) => only_ranked("last"),
            (_, Combine::Worst) => only_ranked("worst"),
        },
        Cell::Bool(kind.ranked == item.key()),
    ]
}

fn limit(item: &LedgerItem) -> Cell {
    match &item.limit {
        Limit::None => Cell::Missing,
        Limit::Item(other) => Cell::Text(other.clone()),
        Limit::Value(limit) => match item.label(limit.mantissa()) {
            Some(label) => Cell::Text(label.to_owned()),
            None => Cell::Number(limit.to_string()),
        },
    }
}
