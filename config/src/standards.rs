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
    /// All editions, in the order in which they came into force.
    pub const ALL: [Edition; 3] = [Edition::Y2012, Edition::Y2026Transition, Edition::Y2026];

    /// The edition in force on a day.
    pub fn on(day: NaiveDate) -> Self {
        match (day.year(), day.month()) {
            (..2026, _) | (2026, ..3) => Edition::Y2012,
            (..2031, _) => Edition::Y2026Transition,
            _ => Edition::Y2026,
        }
    }

    /// The first day that it judges; `None` for the first edition, which judges all days before the next.
    pub fn first_day(self) -> Option<NaiveDate> {
        match self {
            Edition::Y2012 => None,
            Edition::Y2026Transition => NaiveDate::from_ymd_opt(2026, 3, 1),
            Edition::Y2026 => NaiveDate::from_ymd_opt(2031, 1, 1),
        }
    }

    /// The last day that it judges; `None` for the newest edition.
    pub fn last_day(self) -> Option<NaiveDate> {
        let next = Self::ALL.into_iter().skip_while(|e| *e != self).nth(1)?;
        next.first_day()?.pred_opt()
    }

    /// The name in tables, which tells transition from final limits.
    pub fn name(self) -> &'static str {
        match self {
            Edition::Y2012 => "GB 3095-2012",
            Edition::Y2026Transition => "GB 3095-2026 transition",
            Edition::Y2026 => "GB 3095-2026",
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
    fn every_day_is_judged_by_the_edition_whose_days_it_is_among() {
        for edition in Edition::ALL {
            let days = edition.first_day().into_iter().chain(edition.last_day());
            for day in days {
                assert_eq!(Edition::on(day), edition, "{day}");
            }
            if let (Some(last), Some(at)) = (
                edition.last_day(),
                Edition::ALL.iter().position(|e| *e == edition),
            ) {
                assert_eq!(last.succ_opt(), Edition::ALL[at + 1].first_day());
            }
        }
    }

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
