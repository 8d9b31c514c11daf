//! What the rules R1 and R1w say, in types for notices and as a table for the command.

use dustwatch_observation::Time;

use crate::{Cell, Period, Provenance, Published, Table};

/// Which lists are to be checked.
#[derive(Debug, Clone, Copy)]
pub struct CheckRequest {
    /// Every list whose days lie in this period is checked for R1; R1w is told of the last half-month of it that has
    /// begun.
    pub period: Period,
    /// The instant of the question: half-months run up to the day before.
    pub now: Time,
}

/// A list that was checked for R1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedBulletin {
    /// Its period, `2024-10-H1`.
    pub period: String,
    /// `tsp` or `pm25`.
    pub parameter: String,
    /// Townships on it.
    pub listed: u32,
    /// Those of the district, worst first; none when R1 is kept.
    pub violations: Vec<Violation>,
}

/// R1: a township of the district on a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its code; `None` when the list's name of it is not in `townships.csv`.
    pub township_code: Option<String>,
    /// Its name as the list writes it.
    pub township: String,
    /// Its rank by the highest value.
    pub rank_from_worst: u32,
    /// Its value in µg/m³, if the city told it.
    pub value: Option<Published>,
}

/// What R1w says of a township.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WarningVerdict {
    /// Its value is as high as the bound, or closer to it than the setting allows.
    Warning,
    /// It is not.
    Clear,
    /// It has too few valid days.
    InsufficientData,
    /// No list of TSP was published before the half-month.
    NoList,
    /// The last list tells no value of a township on it.
    NoBound,
}

impl WarningVerdict {
    /// Every verdict with its word.
    const WORDS: [(Self, &'static str); 5] = [
        (Self::Warning, "warning"),
        (Self::Clear, "clear"),
        (Self::InsufficientData, "insufficient_data"),
        (Self::NoList, "no_list"),
        (Self::NoBound, "no_bound"),
    ];

    /// The word in outputs.
    pub fn as_str(self) -> &'static str {
        let word = Self::WORDS.iter().find(|(verdict, _)| *verdict == self);
        word.map_or("", |(_, word)| word)
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        let verdict = Self::WORDS.iter().find(|(_, w)| *w == word);
        verdict.map(|(verdict, _)| *verdict)
    }
}

/// R1w: how close the district's townships come to the list.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyWarning {
    /// The half-month, or as much of it as is over.
    pub span: Period,
    /// The last list of TSP before the half-month.
    pub bulletin: Option<String>,
    /// Its bound in µg/m³.
    pub bound: Option<Published>,
    /// How close is too close, in µg/m³ (`rules.r1_warn_delta`).
    pub delta: f64,
    /// The townships, the highest value first.
    pub rows: Vec<EarlyWarningRow>,
    /// What the own values were made from.
    pub provenance: Provenance,
}

/// R1w: one township.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlyWarningRow {
    /// Its code.
    pub township_code: String,
    /// Its name.
    pub township: String,
    /// Its published TSP mean of the span in µg/m³.
    pub value: Option<Published>,
    /// What the rule says.
    pub verdict: WarningVerdict,
}

/// What the rules say of a period.
#[derive(Debug, Clone, PartialEq)]
pub struct BulletinCheck {
    /// R1: the lists that lie in the period, oldest first.
    pub bulletins: Vec<CheckedBulletin>,
    /// R1w; `None` when no day of the period is over.
    pub early_warning: Option<EarlyWarning>,
}

impl BulletinCheck {
    /// The check as it is printed: a row a violation or a list that is kept free, and a row a township for R1w.
    pub fn table(&self) -> Table {
        let headers = [
            "rule",
            "period",
            "parameter",
            "township_code",
            "township",
            "rank_from_worst",
            "value",
            "bulletin",
            "bound",
            "verdict",
        ];
        let text = |text: &str| Cell::Text(text.to_owned());
        let optional = |value: Option<&String>| value.map_or(Cell::Missing, |v| Cell::Text(v.clone()));
        let mut rows = Vec::new();
        for list in &self.bulletins {
            let start = || vec![text("R1"), text(&list.period), text(&list.parameter)];
            let end = |verdict: &str| [text(&list.period), Cell::Missing, text(verdict)];
            for hit in &list.violations {
                let mut row = start();
                row.extend([
                    optional(hit.township_code.as_ref()),
                    text(&hit.township),
                    Cell::number(Some(hit.rank_from_worst)),
                    Cell::number(hit.value),
                ]);
                row.extend(end("violation"));
                rows.push(row);
            }
            if list.violations.is_empty() {
                let mut row = start();
                row.extend([Cell::Missing, Cell::Missing, Cell::Missing, Cell::Missing]);
                row.extend(end("compliant"));
                rows.push(row);
            }
        }
        if let Some(warning) = &self.early_warning {
            rows.extend(warning.rows.iter().map(|row| {
                vec![
                    text("R1w"),
                    text(&warning.span.to_string()),
                    text("tsp"),
                    text(&row.township_code),
                    text(&row.township),
                    Cell::Missing,
                    Cell::number(row.value),
                    optional(warning.bulletin.as_ref()),
                    Cell::number(warning.bound),
                    text(row.verdict.as_str()),
                ]
            }));
        }
        Table {
            headers: headers.map(str::to_owned).to_vec(),
            rows,
        }
    }
}
