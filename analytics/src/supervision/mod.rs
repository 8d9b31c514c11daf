//! Supervision: who is called in for an interview (约谈), and who is proposed for accountability (问责).
//!
//! Place on the way: the months' values of PM2.5, TSP and dustfall come in, the townships that meet a rule of the
//! district's action plan (门政办发〔2019〕41号) go out, to the command and the monthly dispatch. The rules stand in
//! `sql/standings.sql`, `sql/streaks.sql`, `sql/triggers.sql` and `sql/supervision.sql`; how they are read is `[rules]` of
//! the settings. Invariants: only whole months count; every row names the months, values and settings that led to it.

mod decide;
mod gather;

use dustwatch_config::RuleSettings;

use crate::table::{Cell, Table};
use crate::{AnalyticsError, Period, PeriodKind, Provenance, Published};

pub use decide::supervise;
pub(crate) use gather::supervision_of;
pub use gather::{monthly_values, supervision};

/// Months before the one asked for that are looked at; a longer streak is told as beginning there.
pub(crate) const HISTORY_MONTHS: i64 = 36;

/// What one township had in one month of one parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct MonthlyValue {
    /// `pm25`, `tsp` or `dustfall`.
    pub parameter: String,
    /// The month.
    pub month: Period,
    /// Official code.
    pub township: String,
    /// The unrounded value; `None` where the month has too few valid data.
    pub mean: Option<f64>,
    /// The published value: µg/m³, or t/(km²·30 d) for dustfall.
    pub value: Option<Published>,
    /// What it rests on: valid days, or valid points for dustfall.
    pub basis: u32,
}

/// What a township that meets a rule has to expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is called in for an interview (约谈).
    Interview,
    /// It is proposed for accountability (问责): people decide.
    Accountability,
}

impl Outcome {
    /// The word in outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Interview => "interview",
            Outcome::Accountability => "accountability",
        }
    }

    /// The word in documents.
    pub fn chinese(self) -> &'static str {
        match self {
            Outcome::Interview => "约谈",
            Outcome::Accountability => "问责（建议）",
        }
    }
}

/// One of the months that led to a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthLed {
    /// `2019-08`
    pub month: String,
    /// The published value.
    pub value: Published,
    /// Rank, highest value first.
    pub rank_worst: u32,
    /// Valid days, or points, that the value rests on.
    pub basis: u32,
}

/// A township that meets a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupervisionRow {
    /// What it has to expect.
    pub outcome: Outcome,
    /// The rules that it meets, `R3a R3b`.
    pub rules: String,
    /// `pm25`, `tsp` or `dustfall`.
    pub parameter: String,
    /// Official code.
    pub township_code: String,
    /// Name as printed.
    pub township: String,
    /// The month's published value.
    pub value: Published,
    /// Rank, highest value first.
    pub rank_worst: u32,
    /// Published value of the month before, and the change against it in percent.
    pub previous: (Option<Published>, Option<Published>),
    /// Published value of the same month last year, and the change against it in percent.
    pub last_year: (Option<Published>, Option<Published>),
    /// The months that led to it, oldest first; the last is the month itself.
    pub months: Vec<MonthLed>,
    /// The last month before in which it met a rule of this parameter, within `rules.r3c_months`.
    pub met_before: Option<String>,
}

/// Who meets a rule in a month.
#[derive(Debug, Clone, PartialEq)]
pub struct Supervision {
    /// The month.
    pub month: Period,
    /// Proposals for accountability first, then interviews; by parameter, worst first.
    pub rows: Vec<SupervisionRow>,
    /// The settings that the rules were read by, `r2_k=2 …`.
    pub settings: String,
    /// What the values of PM2.5 and TSP were made from; `None` where they were handed over.
    pub provenance: Option<Provenance>,
    /// Version of the table `dustfall`; `None` where it has not been made, or values were handed over.
    pub dustfall_version: Option<u64>,
}

/// Columns of [`Supervision::table`].
const COLUMNS: [&str; 17] = [
    "outcome",
    "rules",
    "parameter",
    "township_code",
    "township",
    "value",
    "rank_worst",
    "months_in_row",
    "months",
    "values",
    "ranks_worst",
    "basis",
    "previous_value",
    "change_percent",
    "last_year_value",
    "last_year_percent",
    "met_before",
];

impl Supervision {
    /// The rows as cells; lists have blanks between their parts.
    pub fn table(&self) -> Table {
        Table {
            headers: COLUMNS.map(str::to_owned).to_vec(),
            rows: self.rows.iter().map(cells).collect(),
        }
    }
}

fn cells(row: &SupervisionRow) -> Vec<Cell> {
    let number = |value: Option<Published>| value.map_or(Cell::Missing, |v| Cell::Number(v.to_string()));
    let list = |of: &dyn Fn(&MonthLed) -> String| {
        let parts: Vec<String> = row.months.iter().map(of).collect();
        Cell::Text(parts.join(" "))
    };
    vec![
        Cell::Text(row.outcome.as_str().to_owned()),
        Cell::Text(row.rules.clone()),
        Cell::Text(row.parameter.clone()),
        Cell::Text(row.township_code.clone()),
        Cell::Text(row.township.clone()),
        Cell::Number(row.value.to_string()),
        Cell::Number(row.rank_worst.to_string()),
        Cell::Number(row.months.len().to_string()),
        list(&|m| m.month.clone()),
        list(&|m| m.value.to_string()),
        list(&|m| m.rank_worst.to_string()),
        list(&|m| m.basis.to_string()),
        number(row.previous.0),
        number(row.previous.1),
        number(row.last_year.0),
        number(row.last_year.1),
        row.met_before.clone().map_or(Cell::Missing, Cell::Text),
    ]
}

/// The settings that the rules are read by, as a row of a notice prints them.
fn settings_text(rules: &RuleSettings) -> String {
    format!(
        "last_n={} boundary={} r2_k={} r2_improved={} r3_basis={} r3_combine={} r3c_months={} streak_missing={}",
        rules.last_n,
        rules.boundary,
        rules.r2_k,
        rules.r2_improved,
        rules.r3_basis,
        rules.r3_combine,
        rules.r3c_months,
        rules.streak_missing
    )
}

/// Months are counted as year × 12 + month − 1.
///
/// # Errors
/// [`AnalyticsError::Request`] when the period is no month: only a month's final values have consequences.
pub(crate) fn month_number(period: Period) -> Result<i64, AnalyticsError> {
    use chrono::Datelike;
    if period.kind() != PeriodKind::Month {
        return Err(AnalyticsError::Request(format!(
            "{period} is not a month like 2019-08: the rules of supervision go by months"
        )));
    }
    let first = period.first();
    Ok(i64::from(first.year()) * 12 + i64::from(first.month0()))
}

/// The month of a number.
pub(crate) fn month_of(number: i64) -> Option<Period> {
    let year = i32::try_from(number.div_euclid(12)).ok()?;
    Period::month(year, u32::try_from(number.rem_euclid(12)).ok()? + 1)
}
