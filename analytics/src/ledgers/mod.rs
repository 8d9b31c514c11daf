//! Ledgers (台账): the other tables that are reported every month, of kinds that TOML describes.
//!
//! Place on the way: a CSV comes in by [`import_ledger`] as its kind says ([`dustwatch_config::LedgerKind`]);
//! [`ledger_report`] ranks its subjects over a period, judges them by the limit, and compares with the period before and
//! with last year, for the command and the notices. The rules stand in `sql/ledger_report.sql`. Invariants: nothing here
//! knows a kind by name; a figure is rounded once, and ranks are given by published values.

mod import;
mod report;
mod rows;

use dustwatch_config::{LedgerKind, Settings};

use crate::{AnalyticsError, Cell, Period, Published, Table};

pub use import::import_ledger;
pub use report::ledger_report;

/// The kind of a key.
pub(crate) fn kind<'a>(settings: &'a Settings, key: &str) -> Result<&'a LedgerKind, AnalyticsError> {
    settings
        .ledgers
        .iter()
        .find(|kind| kind.key == key)
        .ok_or_else(|| {
            let known: Vec<&str> = settings.ledgers.iter().map(|kind| kind.key.as_str()).collect();
            AnalyticsError::Request(format!(
                "there is no kind {key:?}; there are {}",
                known.join(", ")
            ))
        })
}

/// Which figures of a ledger are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerReportRequest {
    /// Key of the kind.
    pub kind: String,
    /// Key of the item; the kind's ranked one when absent.
    pub item: Option<String>,
    /// The period; whole months for a ledger by month.
    pub period: Period,
}

/// Whether a value keeps its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LedgerVerdict {
    /// 达标.
    Compliant,
    /// 超标: above a limit that a value must not be above.
    Exceed,
    /// 未达标: below a level that a value must not be below.
    Below,
}

impl LedgerVerdict {
    /// The word in outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            LedgerVerdict::Compliant => "compliant",
            LedgerVerdict::Exceed => "exceed",
            LedgerVerdict::Below => "below",
        }
    }
}

/// How changes are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeUnit {
    /// In percent of the earlier value, one place.
    Percent,
    /// Of rates: in percentage points (百分点).
    Points,
    /// Of grades: in grades; positive means a later one.
    Grades,
}

impl ChangeUnit {
    /// The word in outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeUnit::Percent => "percent",
            ChangeUnit::Points => "points",
            ChangeUnit::Grades => "grades",
        }
    }
}

/// A published value: a number, of a grade its place, with the words that are printed for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerValue {
    /// The number.
    pub number: Published,
    /// The grade's label.
    pub label: Option<String>,
}

impl LedgerValue {
    fn cell(&self) -> Cell {
        match &self.label {
            Some(label) => Cell::Text(label.clone()),
            None => Cell::number(Some(self.number)),
        }
    }
}

/// One subject's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerReportRow {
    /// Rank by published value, best first; equal values share a rank (1, 2, 2, 4).
    pub rank: Option<u32>,
    /// Rank by published value, worst first.
    pub rank_worst: Option<u32>,
    /// The group that it is ranked in, if the kind has groups.
    pub group: Option<String>,
    /// A township's code, or the name of any other subject.
    pub subject: String,
    /// Its name as printed.
    pub name: String,
    /// The published value of the period.
    pub value: Option<LedgerValue>,
    /// Entries that it was made from.
    pub entries: u32,
    /// What it is judged by.
    pub limit: Option<LedgerValue>,
    /// Whether it keeps the limit.
    pub verdict: Option<LedgerVerdict>,
    /// Published value of the period of the same kind just before (环比).
    pub previous_value: Option<LedgerValue>,
    /// Change against it, in the report's unit of changes; positive means it rose.
    pub change: Option<Published>,
    /// Rank in the period just before.
    pub previous_rank: Option<u32>,
    /// Ranks gained since; positive means moved up.
    pub rank_change: Option<i64>,
    /// Published value of the same period last year (同比).
    pub last_year_value: Option<LedgerValue>,
    /// Change against it.
    pub last_year_change: Option<Published>,
}

/// A ledger's subjects over a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerReport {
    /// Key of the kind.
    pub kind: String,
    /// Its name as printed.
    pub kind_name: String,
    /// Key of the item.
    pub item: String,
    /// Its name as printed.
    pub item_name: String,
    /// Unit of the values; empty for grades.
    pub unit: String,
    /// How changes are told.
    pub change_unit: ChangeUnit,
    /// The period.
    pub period: Period,
    /// The subjects, best first; those without a value last.
    pub rows: Vec<LedgerReportRow>,
}

impl LedgerReport {
    /// The report as it is printed.
    pub fn table(&self) -> Table {
        let headers = [
            "rank",
            "rank_worst",
            "group",
            "subject",
            "name",
            "item",
            "value",
            "unit",
            "entries",
            "limit",
            "verdict",
            "previous_value",
            "change",
            "change_unit",
            "previous_rank",
            "rank_change",
            "last_year_value",
            "last_year_change",
            "status",
        ];
        let text = |text: &str| Cell::Text(text.to_owned());
        let value = |value: &Option<LedgerValue>| value.as_ref().map_or(Cell::Missing, LedgerValue::cell);
        let cells = |row: &LedgerReportRow| {
            vec![
                Cell::number(row.rank),
                Cell::number(row.rank_worst),
                row.group.as_deref().map_or(Cell::Missing, text),
                text(&row.subject),
                text(&row.name),
                text(&self.item),
                value(&row.value),
                text(&self.unit),
                Cell::number(Some(row.entries)),
                value(&row.limit),
                row.verdict
                    .map_or(Cell::Missing, |verdict| text(verdict.as_str())),
                value(&row.previous_value),
                Cell::number(row.change),
                text(self.change_unit.as_str()),
                Cell::number(row.previous_rank),
                Cell::number(row.rank_change),
                value(&row.last_year_value),
                Cell::number(row.last_year_change),
                text(if row.value.is_some() { "ranked" } else { "no_data" }),
            ]
        };
        Table {
            headers: headers.map(str::to_owned).to_vec(),
            rows: self.rows.iter().map(cells).collect(),
        }
    }
}
