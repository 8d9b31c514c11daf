//! `[rules]`: how the rules of the district's action plan are read (门政办发〔2019〕41号).
//!
//! Where the plan's text leaves room, each reading is a key here with its recommended default.

use crate::ConfigError;
use crate::raw::RawRules;

/// `[rules]`: who is warned, called in and proposed for accountability.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSettings {
    /// R1: length of the city's list of the worst townships (30).
    pub r1_n: u32,
    /// R1w: warn when this close to the list, in µg/m³ (5).
    pub r1_warn_delta: f64,
    /// R2: consecutive months among the last ones before an interview (2).
    pub r2_k: u32,
    /// R2: what counts as improvement: `yoy` (against last year, else last month and rank), `mom`, `rank`, `ratio`
    /// (against the district's mean, when the season decides most).
    pub r2_improved: String,
    /// R3a: dustfall compared with last year (`yoy`) or last month (`mom`).
    pub r3_basis: String,
    /// R3: whether either condition suffices (`or`) or both are needed (`and`).
    pub r3_combine: String,
    /// R3c: months after an interview in which a second trigger proposes accountability (2).
    pub r3c_months: u32,
    /// R4: dustfall limit in t/(km²·30 d) (6.5).
    pub r4_limit: f64,
    /// R4: judged by the mean of the year's months (`year_mean`) or by each `month`.
    pub r4_period: String,
    /// R5: limit of the annual PM2.5 mean in µg/m³ (48).
    pub r5_limit: u32,
    /// R5: decreases from year to year that the plan asks for (3).
    pub r5_decreases: u32,
    /// How many at the end of a ranking are its last ones (3).
    pub last_n: u32,
    /// Ties at the boundary of the last ones: `include_ties` or `truncate_raw`.
    pub boundary: String,
    /// Limits compared with the `rounded` or the `full` value.
    pub limit_compare: String,
    /// Whether a missing month is skipped (`skip`) or ends a streak (`break`).
    pub streak_missing: String,
}

impl RuleSettings {
    pub(crate) fn resolve(
        raw: &RawRules,
        error: &dyn Fn(&str, String) -> ConfigError,
    ) -> Result<Self, ConfigError> {
        let word = |key: &str, value: &Option<String>, words: &[&str]| match value.as_deref() {
            None => Ok(words[0].to_owned()),
            Some(word) if words.contains(&word) => Ok(word.to_owned()),
            Some(word) => Err(error(key, format!("{word:?} is none of {}", words.join(", ")))),
        };
        let count = |key: &str, value: Option<u32>, default: u32| match value.unwrap_or(default) {
            0 => Err(error(key, "must be at least 1".to_owned())),
            value => Ok(value),
        };
        let amount = |key: &str, value: Option<f64>, default: f64| match value.unwrap_or(default) {
            value if value.is_finite() && value >= 0.0 => Ok(value),
            _ => Err(error(key, "must be a number of at least 0".to_owned())),
        };
        Ok(Self {
            r1_n: count("r1_n", raw.r1_n, 30)?,
            r1_warn_delta: amount("r1_warn_delta", raw.r1_warn_delta, 5.0)?,
            r2_k: count("r2_k", raw.r2_k, 2)?,
            r2_improved: word("r2_improved", &raw.r2_improved, &["yoy", "mom", "rank", "ratio"])?,
            r3_basis: word("r3_basis", &raw.r3_basis, &["yoy", "mom"])?,
            r3_combine: word("r3_combine", &raw.r3_combine, &["or", "and"])?,
            r3c_months: count("r3c_months", raw.r3c_months, 2)?,
            r4_limit: amount("r4_limit", raw.r4_limit, 6.5)?,
            r4_period: word("r4_period", &raw.r4_period, &["year_mean", "month"])?,
            r5_limit: count("r5_limit", raw.r5_limit, 48)?,
            r5_decreases: count("r5_decreases", raw.r5_decreases, 3)?,
            last_n: count("last_n", raw.last_n, 3)?,
            boundary: word("boundary", &raw.boundary, &["include_ties", "truncate_raw"])?,
            limit_compare: word("limit_compare", &raw.limit_compare, &["rounded", "full"])?,
            streak_missing: word("streak_missing", &raw.streak_missing, &["skip", "break"])?,
        })
    }
}
