//! Days of the Gregorian calendar as numbers, by integer arithmetic only.

/// A day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Day(pub(crate) i64);

impl Day {
    pub(crate) fn of(year: i64, month: i64, day: i64) -> Self {
        // Years that begin in March put the leap day at their end.
        let y = if month <= 2 { year - 1 } else { year };
        let era = y.div_euclid(400);
        let year_of_era = y.rem_euclid(400);
        let month_from_march = (month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self(era * 146_097 + day_of_era - 719_468)
    }

    /// Year, month, day.
    pub(crate) fn civil(self) -> (i64, i64, i64) {
        let days = self.0 + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12 + 1;
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        (year, month, day)
    }

    pub(crate) fn plus(self, days: i64) -> Self {
        Self(self.0 + days)
    }

    /// 0 is Monday.
    pub(crate) fn weekday(self) -> i64 {
        (self.0 + 3).rem_euclid(7)
    }

    /// `2016-03-07`
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-').map(|p| p.parse::<i64>().ok());
        let day = Self::of(parts.next()??, parts.next()??, parts.next()??);
        (parts.next().is_none() && day.to_string() == text).then_some(day)
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// Days from `first` to `last`, both included.
pub(crate) fn days(first: Day, last: Day) -> impl Iterator<Item = Day> {
    (first.0..=last.0).map(Day)
}

pub(crate) fn month_length(year: i64, month: i64) -> i64 {
    let next = if month == 12 {
        Day::of(year + 1, 1, 1)
    } else {
        Day::of(year, month + 1, 1)
    };
    next.0 - Day::of(year, month, 1).0
}

/// Monday of an ISO week; `None` when the year has no such week.
pub(crate) fn iso_week(year: i64, week: i64) -> Option<Day> {
    let fourth = Day::of(year, 1, 4);
    let monday = fourth.plus(-fourth.weekday() + (week - 1) * 7);
    // A week belongs to the year that has its Thursday.
    (week >= 1 && monday.plus(3).civil().0 == year).then_some(monday)
}

/// ISO year and week of a Monday.
pub(crate) fn iso_week_of(monday: Day) -> (i64, i64) {
    let year = monday.plus(3).civil().0;
    let first = iso_week(year, 1).expect("every year has a first week");
    (year, (monday.0 - first.0) / 7 + 1)
}
