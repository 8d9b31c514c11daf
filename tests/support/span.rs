//! Periods as the oracle reads them: spans of whole days, their neighbours, and the valid days that they need.

use super::calendar::{Day, iso_week, iso_week_of, month_length};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Day,
    Week,
    HalfMonth,
    Month,
    Year,
    Range,
}

/// A span of whole local days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) kind: Kind,
    pub(crate) first: Day,
    pub(crate) last: Day,
}

impl Span {
    /// `2016-W10`, `2016-03-07`, `2016-03`, `2016-03-H1`, `2016`, `2016-03-01..2016-03-07`
    pub(crate) fn parse(text: &str) -> Self {
        if let Some((first, last)) = text.split_once("..") {
            let day = |text| Day::parse(text).expect("a test names a day");
            return Self {
                kind: Kind::Range,
                first: day(first),
                last: day(last),
            };
        }
        let parts: Vec<&str> = text.split('-').collect();
        let number = |text: &str| text.parse::<i64>().expect("a test names a period");
        match parts.as_slice() {
            [year] => Self::year(number(year)),
            [year, week] if week.starts_with('W') => {
                Self::week(number(year), number(&week[1..])).expect("a test names a week")
            }
            [year, month] => Self::month(number(year), number(month)),
            [year, month, half @ ("H1" | "H2")] => Self::half(number(year), number(month), *half == "H2"),
            _ => {
                let day = Day::parse(text).expect("a test names a day");
                Self {
                    kind: Kind::Day,
                    first: day,
                    last: day,
                }
            }
        }
    }

    fn year(year: i64) -> Self {
        Self {
            kind: Kind::Year,
            first: Day::of(year, 1, 1),
            last: Day::of(year, 12, 31),
        }
    }

    fn month(year: i64, month: i64) -> Self {
        let first = Day::of(year, month, 1);
        Self {
            kind: Kind::Month,
            first,
            last: first.plus(month_length(year, month) - 1),
        }
    }

    fn half(year: i64, month: i64, second: bool) -> Self {
        let whole = Self::month(year, month);
        let (first, last) = if second {
            (whole.first.plus(15), whole.last)
        } else {
            (whole.first, whole.first.plus(14))
        };
        Self {
            kind: Kind::HalfMonth,
            first,
            last,
        }
    }

    fn week(year: i64, week: i64) -> Option<Self> {
        let first = iso_week(year, week)?;
        Some(Self {
            kind: Kind::Week,
            first,
            last: first.plus(6),
        })
    }

    pub(crate) fn length(self) -> i64 {
        self.last.0 - self.first.0 + 1
    }

    pub(crate) fn min_valid_days(self) -> usize {
        let days = match self.kind {
            Kind::Day => 1,
            Kind::Week => 5,
            Kind::HalfMonth => 11,
            Kind::Month if self.first.civil().1 == 2 => 25,
            Kind::Month => 27,
            Kind::Year => 324,
            Kind::Range => (self.length() * 3 + 3) / 4,
        };
        usize::try_from(days).expect("a period has days")
    }

    pub(crate) fn previous(self) -> Self {
        let (year, month, day) = self.first.plus(-1).civil();
        match self.kind {
            Kind::Month => Self::month(year, month),
            Kind::Year => Self::year(year),
            Kind::HalfMonth => Self::half(year, month, day > 15),
            Kind::Day | Kind::Week | Kind::Range => Self {
                kind: self.kind,
                first: self.first.plus(-self.length()),
                last: self.first.plus(-1),
            },
        }
    }

    pub(crate) fn last_year(self) -> Self {
        let (year, month, day) = self.first.civil();
        match self.kind {
            Kind::Month => Self::month(year - 1, month),
            Kind::Year => Self::year(year - 1),
            Kind::HalfMonth => Self::half(year - 1, month, day > 15),
            Kind::Week => {
                let (year, week) = iso_week_of(self.first);
                let same = Self::week(year - 1, week).or_else(|| Self::week(year - 1, 52));
                same.expect("every year has 52 weeks")
            }
            Kind::Day | Kind::Range => Self {
                kind: self.kind,
                first: a_year_before(self.first),
                last: a_year_before(self.last),
            },
        }
    }
}

/// The same date; 28 February for the 29th.
fn a_year_before(day: Day) -> Day {
    let (year, month, day) = day.civil();
    Day::of(year - 1, month, day.min(month_length(year - 1, month)))
}
