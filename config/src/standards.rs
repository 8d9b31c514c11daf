//! Limits and editions of the national standards, chosen by the date of the period.
//!
//! A period before 2026-03-01 is judged by GB 3095-2012, HJ 633-2012 and HJ 663-2013, after it by the 2026 editions
//! (GB 3095-2026 with transition limits to 2030-12-31).

use chrono::{Datelike, NaiveDate};

/// The edition of the ambient air standards that a period is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edition {
    /// GB 3095-2012 with its 2018 amendment, HJ 633-2012, HJ 663-2013.
    Y2012,
    /// GB 3095-2026 with transition limits, HJ 633-2026, HJ 663-2026.
    Y2026Transition,
    /// GB 3095-2026 with final limits, in force from 2031-01-01.
    Y2026,
}

impl Edition {
    /// The edition in force on a day.
    pub fn on(day: NaiveDate) -> Self {
        match (day.year(), day.month()) {
            (..2026, _) | (2026, ..3) => Edition::Y2012,
            (..2031, _) => Edition::Y2026Transition,
            _ => Edition::Y2026,
        }
    }

    /// The name as a document cites it.
    pub fn citation(self) -> &'static str {
        match self {
            Edition::Y2012 => "GB 3095-2012",
            Edition::Y2026Transition | Edition::Y2026 => "GB 3095-2026",
        }
    }

    /// Class 2 limits in µg/m³ of a parameter: (annual mean, 24-hour mean). GB 3095 tables 1 and 2.
    pub fn class2_limits(self, parameter: &str) -> Option<(u32, u32)> {
        match (self, parameter) {
            (_, "tsp") => Some((200, 300)),
            (Edition::Y2012, "pm25") => Some((35, 75)),
            (Edition::Y2012, "pm10") => Some((70, 150)),
            (Edition::Y2026Transition, "pm25") => Some((30, 60)),
            (Edition::Y2026Transition, "pm10") => Some((60, 120)),
            (Edition::Y2026, "pm25") => Some((25, 50)),
            (Edition::Y2026, "pm10") => Some((50, 100)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_edition_changes_with_march_2026() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(Edition::on(day("2026-02-28")), Edition::Y2012);
        assert_eq!(Edition::on(day("2026-03-01")), Edition::Y2026Transition);
        assert_eq!(Edition::on(day("2031-01-01")), Edition::Y2026);
        assert_eq!(
            Edition::on(day("2019-08-06")).class2_limits("pm25"),
            Some((35, 75))
        );
    }
}
