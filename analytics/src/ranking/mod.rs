//! Township rankings: who had the cleanest air in a period, and who the dirtiest.
//!
//! Place on the way: hourly means in, published figures and ranks out; notices and the command print them. The rules
//! stand in `sql/daily.sql`, `sql/township_daily.sql` and `sql/ranking.sql`. Invariants: ranks are given by published
//! values; who has too little valid data has no rank, and is listed all the same.

mod rank;

use std::fmt;
use std::str::FromStr;

use crate::{AnalyticsError, Period, Published};

pub use rank::rank;
pub(crate) use rank::{PERCENT_PLACES, Spans, figure, rankable, ranking_text, read_rows};

/// Which townships take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scope {
    /// Those of the district that the settings name.
    #[default]
    District,
    /// All that `townships.csv` lists.
    City,
}

/// In which order the rows are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// Lowest value first.
    #[default]
    Best,
    /// Highest value first.
    Worst,
}

/// Which hourly means a request wants to be answered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SourceChoice {
    /// The rollup; days that changed since it was made are computed from the observations.
    #[default]
    Auto,
    /// The rollup, as it is; an error when it was made from another version of the observations.
    Rollup,
    /// The observations, through the same SQL.
    Raw,
}

/// Which hourly means an answer was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The rollup `hourly`, made from exactly the observations' version.
    Rollup,
    /// The observations themselves.
    Raw,
    /// The rollup, but for days that changed since, which were computed from the observations.
    RollupAndRaw,
}

impl Source {
    /// The word in outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Rollup => "rollup",
            Source::Raw => "raw",
            Source::RollupAndRaw => "rollup+raw",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The table versions that an answer was made from; the same versions give the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provenance {
    /// Version of `observations`; `None` when the table has not been made.
    pub observations_version: Option<u64>,
    /// Version of `hourly`; `None` when the table was not read.
    pub hourly_version: Option<u64>,
    /// Version of `qc_flags` that values were left out by; `None` when the table has not been made.
    pub qc_version: Option<u64>,
    /// Which of the two the hourly means came from.
    pub source: Source,
}

/// Whether a township is ranked, or why it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// It has a value and a rank.
    Ranked,
    /// It has fewer valid days than the period needs.
    InsufficientData,
}

impl Status {
    /// The word in outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Ranked => "ranked",
            Status::InsufficientData => "insufficient_data",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is to be ranked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankRequest {
    /// `tsp`, `pm25`, `pm10` or `dustfall`.
    pub parameter: String,
    /// The period; of dustfall, whole months.
    pub period: Period,
    /// Which townships take part.
    pub scope: Scope,
    /// In which order the rows are listed.
    pub order: Order,
    /// Which hourly means are used.
    pub source: SourceChoice,
    /// The version of `observations` to read; the newest when absent. A notice made again names the one it printed.
    pub observations_version: Option<u64>,
    /// The version of `qc_flags` to leave values out by; the newest that goes with the observations when absent.
    pub qc_version: Option<u64>,
}

impl RankRequest {
    /// A ranking of the district's townships, best first, from the newest data.
    pub fn new(parameter: &str, period: Period) -> Self {
        Self {
            parameter: parameter.to_owned(),
            period,
            scope: Scope::default(),
            order: Order::default(),
            source: SourceChoice::default(),
            observations_version: None,
            qc_version: None,
        }
    }
}

/// One township's line in a ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct RankingRow {
    /// Rank by published value, lowest first; equal values share a rank (1, 2, 2, 4).
    pub rank: Option<u32>,
    /// Rank by published value, highest first.
    pub rank_worst: Option<u32>,
    /// Official code.
    pub township_code: String,
    /// Name as printed.
    pub township: String,
    /// The published mean of the period, in the ranking's unit.
    pub value: Option<Published>,
    /// The unrounded mean of the period.
    pub mean: Option<f64>,
    /// Distinct stations that contributed a valid day.
    pub stations: u32,
    /// Valid days of the township in the period.
    pub valid_days: u32,
    /// Published value of the period of the same kind just before (环比).
    pub previous_value: Option<Published>,
    /// Change against it in percent, one place; positive means it rose.
    pub change_percent: Option<Published>,
    /// Rank in the period just before.
    pub previous_rank: Option<u32>,
    /// Ranks gained since; positive means moved up.
    pub rank_change: Option<i32>,
    /// Published value of the same period last year (同比).
    pub last_year_value: Option<Published>,
    /// Change against it in percent, one place; positive means it rose.
    pub last_year_percent: Option<Published>,
    /// Published mean of all valid days from 1 January to the period's end (累计).
    pub cumulative_value: Option<Published>,
    /// Whether it is ranked, or why it is not.
    pub status: Status,
    /// Whether it is one of the last ones (`rules.last_n`, `rules.boundary`).
    pub last: bool,
    /// The valid hours that a day needed to count (`day_min_hours` of `parameters.toml`: the operational rule); `None` for
    /// dustfall, which has no days.
    pub day_min_hours: Option<u32>,
}

/// A ranking of townships.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// Key of the parameter, `pm25`.
    pub parameter: String,
    /// Unit of the values, `µg/m³`.
    pub unit: String,
    /// The period.
    pub period: Period,
    /// Which townships take part.
    pub scope: Scope,
    /// In which order the rows are listed.
    pub order: Order,
    /// The townships, in print order; those without enough data last.
    pub rows: Vec<RankingRow>,
    /// What it was made from.
    pub provenance: Provenance,
}

impl FromStr for Scope {
    type Err = AnalyticsError;

    fn from_str(text: &str) -> Result<Self, AnalyticsError> {
        match text {
            "district" => Ok(Scope::District),
            "city" => Ok(Scope::City),
            _ => Err(AnalyticsError::Request(format!(
                "scope {text:?} is neither district nor city"
            ))),
        }
    }
}

impl FromStr for Order {
    type Err = AnalyticsError;

    fn from_str(text: &str) -> Result<Self, AnalyticsError> {
        match text {
            "best" => Ok(Order::Best),
            "worst" => Ok(Order::Worst),
            _ => Err(AnalyticsError::Request(format!(
                "order {text:?} is neither best nor worst"
            ))),
        }
    }
}
