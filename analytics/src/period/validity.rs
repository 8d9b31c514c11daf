//! How many valid days a mean over a period needs.
//!
//! GB 3095 table 4 has rules for months and years; for the other periods the settings have recommended numbers. A year
//! needs its days, and enough of them in each month.

use chrono::Datelike;
use dustwatch_config::StandardSettings;

use super::{Period, PeriodKind};
use crate::sql::Value;

/// The valid days that a mean over a period needs, as the rules in SQL are given them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// In the whole period.
    pub days: u32,
    /// Months that need `month_days` each: 12 for a year, 0 for anything else.
    pub months: u32,
    /// In each of these months.
    pub month_days: u32,
    /// In February, if it is one of them.
    pub february_days: u32,
}

impl Period {
    /// The valid days that a mean over this period needs: GB 3095 table 4 for months and years, the settings'
    /// recommended numbers for the others, one for a day.
    pub fn min_valid_days(self, standards: &StandardSettings) -> u32 {
        match self.kind {
            PeriodKind::Day => 1,
            PeriodKind::Week => standards.week_min_days.into(),
            PeriodKind::HalfMonth => standards.half_month_min_days.into(),
            PeriodKind::Month if self.first.month() == 2 => standards.february_min_days.into(),
            PeriodKind::Month => standards.month_min_days.into(),
            PeriodKind::Year => standards.year_min_days.into(),
            PeriodKind::Range => (self.days() * u32::from(standards.range_min_percent)).div_ceil(100),
        }
    }

    /// What the ranking asks of every parameter.
    pub fn validity(self, standards: &StandardSettings) -> Validity {
        Validity {
            days: self.min_valid_days(standards),
            months: if self.kind == PeriodKind::Year { 12 } else { 0 },
            month_days: standards.month_min_days.into(),
            february_days: standards.february_min_days.into(),
        }
    }

    /// What a statement of compliance asks: as the ranking, but for months and years of TSP, of which GB 3095 table 4
    /// wants 5 days in each month and 60 in the year.
    pub fn compliance_validity(self, standards: &StandardSettings, parameter: &str) -> Validity {
        let of_all = self.validity(standards);
        if parameter != "tsp" {
            return of_all;
        }
        let month_days = standards.tsp_month_min_days.into();
        Validity {
            days: match self.kind {
                PeriodKind::Month => month_days,
                PeriodKind::Year => standards.tsp_year_min_days.into(),
                _ => of_all.days,
            },
            month_days,
            february_days: month_days,
            ..of_all
        }
    }
}

impl Validity {
    /// The values that the rules name.
    pub(crate) fn values(self) -> [(&'static str, Value); 4] {
        let whole = |number: u32| Value::Integer(number.into());
        [
            ("min_days", whole(self.days)),
            ("min_months", whole(self.months)),
            ("month_min_days", whole(self.month_days)),
            ("february_min_days", whole(self.february_days)),
        ]
    }
}
