//! Periods: the spans that figures are published for, and how they are written.
//!
//! `2019-W32` (ISO week, Monday to Sunday), `2019-08-06`, `2019-08`, `2019-08-H1` (1st to 15th), `2019-08-H2`, `2019`,
//! `2019-08-01..2019-08-07`. Invariant: a period consists of whole local days, and prints as it is read.

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};
use chrono_tz::Tz;
use dustwatch_lake::LocalDays;
use dustwatch_observation::Time;

mod validity;

pub use validity::Validity;

/// Why a text is not a period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// None of the forms.
    #[error(
        "period {0:?} is none of 2019-W32, 2019-08-06, 2019-08, 2019-08-H1, 2019-08-H2, 2019, 2019-08-01..2019-08-07"
    )]
    Form(String),
    /// The form is right, but the calendar has no such period.
    #[error("period {text:?} does not exist: {reason}")]
    Calendar {
        /// The text as given.
        text: String,
        /// What the calendar says.
        reason: String,
    },
}

/// What sort of span a period is; periods of one kind follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeriodKind {
    /// One local day.
    Day,
    /// An ISO week, Monday to Sunday.
    Week,
    /// The 1st to the 15th, or the 16th to the end of a month.
    HalfMonth,
    /// A calendar month.
    Month,
    /// A calendar year.
    Year,
    /// Any other span of days.
    Range,
}

/// A span of whole local days that a figure is published for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    kind: PeriodKind,
    first: NaiveDate,
    last: NaiveDate,
}

impl Period {
    /// One local day.
    pub fn day(day: NaiveDate) -> Self {
        Self {
            kind: PeriodKind::Day,
            first: day,
            last: day,
        }
    }

    /// ISO week `week` of the ISO year `year`; `None` when the year has no such week.
    pub fn week(year: i32, week: u32) -> Option<Self> {
        let first = NaiveDate::from_isoywd_opt(year, week, Weekday::Mon)?;
        Some(Self {
            kind: PeriodKind::Week,
            first,
            last: first.checked_add_days(Days::new(6))?,
        })
    }

    /// The first (1st to 15th) or second half of a month; `None` when there is no such month.
    pub fn half_month(year: i32, month: u32, second: bool) -> Option<Self> {
        let whole = Self::month(year, month)?;
        let (first, last) = if second {
            (whole.first.with_day(16)?, whole.last)
        } else {
            (whole.first, whole.first.with_day(15)?)
        };
        Some(Self {
            kind: PeriodKind::HalfMonth,
            first,
            last,
        })
    }

    /// A calendar month; `None` when there is no such month.
    pub fn month(year: i32, month: u32) -> Option<Self> {
        let first = NaiveDate::from_ymd_opt(year, month, 1)?;
        let last = first.checked_add_months(Months::new(1))?.pred_opt()?;
        Some(Self {
            kind: PeriodKind::Month,
            first,
            last,
        })
    }

    /// A calendar year; `None` outside the calendar.
    pub fn year(year: i32) -> Option<Self> {
        let first = NaiveDate::from_ymd_opt(year, 1, 1)?;
        Some(Self {
            kind: PeriodKind::Year,
            first,
            last: NaiveDate::from_ymd_opt(year, 12, 31)?,
        })
    }

    /// The days from `first` to `last`, both included; `None` when `last` lies before `first`.
    pub fn range(first: NaiveDate, last: NaiveDate) -> Option<Self> {
        (first <= last).then_some(Self {
            kind: PeriodKind::Range,
            first,
            last,
        })
    }

    /// What sort of span it is.
    pub fn kind(self) -> PeriodKind {
        self.kind
    }

    /// The first local day.
    pub fn first(self) -> NaiveDate {
        self.first
    }

    /// The last local day, included.
    pub fn last(self) -> NaiveDate {
        self.last
    }

    /// Its local days, as days since 1970-01-01.
    pub fn day_numbers(self) -> RangeInclusive<i32> {
        day_number(self.first)..=day_number(self.last)
    }

    /// How many local days it has.
    pub fn days(self) -> u32 {
        // last is never before first, and the calendar has fewer days than an u32.
        u32::try_from((self.last - self.first).num_days() + 1).unwrap_or(u32::MAX)
    }

    /// The period of the same kind just before (环比); of a range, as many days just before it.
    pub fn previous(self) -> Self {
        let before = self.first.pred_opt().unwrap_or(self.first);
        match self.kind {
            PeriodKind::Day => Self::day(before),
            PeriodKind::HalfMonth => {
                Self::half_month(before.year(), before.month(), before.day() > 15).unwrap_or(self)
            }
            PeriodKind::Month => Self::month(before.year(), before.month()).unwrap_or(self),
            PeriodKind::Year => Self::year(before.year()).unwrap_or(self),
            PeriodKind::Week | PeriodKind::Range => {
                let first = self
                    .first
                    .checked_sub_days(Days::new(self.days().into()))
                    .unwrap_or(before);
                Self {
                    kind: self.kind,
                    first,
                    last: before,
                }
            }
        }
    }

    /// The same period a year earlier (同比): a week by its ISO number (week 53 by week 52 where the year before has
    /// no 53rd), everything else by its dates; 29 February by 28 February.
    pub fn last_year(self) -> Self {
        let earlier = |day: NaiveDate| day.checked_sub_months(Months::new(12)).unwrap_or(day);
        match self.kind {
            PeriodKind::Week => {
                let iso = self.first.iso_week();
                Self::week(iso.year() - 1, iso.week())
                    .or_else(|| Self::week(iso.year() - 1, 52))
                    .unwrap_or(self)
            }
            PeriodKind::HalfMonth => {
                Self::half_month(self.first.year() - 1, self.first.month(), self.first.day() > 15)
                    .unwrap_or(self)
            }
            PeriodKind::Month => Self::month(self.first.year() - 1, self.first.month()).unwrap_or(self),
            PeriodKind::Year => Self::year(self.first.year() - 1).unwrap_or(self),
            PeriodKind::Day | PeriodKind::Range => Self {
                kind: self.kind,
                first: earlier(self.first),
                last: earlier(self.last),
            },
        }
    }

    /// From 1 January to the end of this period (累计): the year is that of the last day.
    pub fn year_to_date(self) -> Self {
        let first = self.last.with_ordinal(1).unwrap_or(self.first);
        Self {
            kind: PeriodKind::Range,
            first,
            last: self.last,
        }
    }

    /// The instants of the period in a time zone, end exclusive; `None` outside the calendar.
    pub fn instants(self, timezone: Tz) -> Option<Range<Time>> {
        let days = LocalDays::new(timezone);
        let start = days.span_of(day_number(self.first))?.start;
        let end = days.span_of(day_number(self.last))?.end;
        Some(Time::from_micros(start)..Time::from_micros(end))
    }
}

/// A day as days since 1970-01-01, as the tables count them.
pub(crate) fn day_number(day: NaiveDate) -> i32 {
    day.num_days_from_ce() - NaiveDate::default().num_days_from_ce()
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.kind {
            PeriodKind::Day => self.first.format("%Y-%m-%d").to_string(),
            PeriodKind::Week => self.first.format("%G-W%V").to_string(),
            PeriodKind::HalfMonth if self.first.day() == 1 => self.first.format("%Y-%m-H1").to_string(),
            PeriodKind::HalfMonth => self.first.format("%Y-%m-H2").to_string(),
            PeriodKind::Month => self.first.format("%Y-%m").to_string(),
            PeriodKind::Year => self.first.format("%Y").to_string(),
            PeriodKind::Range => format!(
                "{}..{}",
                self.first.format("%Y-%m-%d"),
                self.last.format("%Y-%m-%d")
            ),
        };
        f.pad(&text)
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let form = || PeriodError::Form(text.chars().take(80).collect());
        let calendar = |reason: String| PeriodError::Calendar {
            text: text.to_owned(),
            reason,
        };
        if let Some((first, last)) = text.split_once("..") {
            let first = date(first)
                .ok_or_else(form)?
                .ok_or_else(|| calendar(format!("there is no day {first}")))?;
            let end = date(last)
                .ok_or_else(form)?
                .ok_or_else(|| calendar(format!("there is no day {last}")))?;
            return Self::range(first, end).ok_or_else(|| calendar(format!("{last} lies before {first}")));
        }
        let parts: Vec<&str> = text.split('-').collect();
        let year = parts
            .first()
            .and_then(|y| number(y, 4))
            .filter(|y| *y >= 1900)
            .ok_or_else(form)?;
        let year_number = i32::try_from(year).map_err(|_| form())?;
        match parts.as_slice() {
            [_] => Self::year(year_number).ok_or_else(form),
            [_, week] if week.starts_with('W') => {
                let week = number(&week[1..], 2).ok_or_else(form)?;
                Self::week(year_number, week)
                    .ok_or_else(|| calendar(format!("{year} has no ISO week {week}")))
            }
            [_, month] => {
                let month = number(month, 2).ok_or_else(form)?;
                Self::month(year_number, month).ok_or_else(|| calendar(format!("there is no month {month}")))
            }
            [_, month, half @ ("H1" | "H2")] => {
                let month = number(month, 2).ok_or_else(form)?;
                Self::half_month(year_number, month, *half == "H2")
                    .ok_or_else(|| calendar(format!("there is no month {month}")))
            }
            [_, _, _] => {
                let day = date(text)
                    .ok_or_else(form)?
                    .ok_or_else(|| calendar("there is no such day".to_owned()))?;
                Ok(Self::day(day))
            }
            _ => Err(form()),
        }
    }
}

/// The number that exactly `digits` digits write.
fn number(text: &str, digits: usize) -> Option<u32> {
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// `YYYY-MM-DD`: `None` when the text has another form, `Some(None)` when there is no such day.
fn date(text: &str) -> Option<Option<NaiveDate>> {
    let mut parts = text.split('-');
    let (year, month, day) = (
        number(parts.next()?, 4)?,
        number(parts.next()?, 2)?,
        number(parts.next()?, 2)?,
    );
    if parts.next().is_some() || year < 1900 {
        return None;
    }
    Some(
        i32::try_from(year)
            .ok()
            .and_then(|year| NaiveDate::from_ymd_opt(year, month, day)),
    )
}

#[cfg(test)]
mod tests;
