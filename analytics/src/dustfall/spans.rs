//! The spans of whole months that a figure is made from and compared with.
//!
//! Invariant: dustfall is a figure of months, so every span consists of whole ones.

use chrono::{Datelike, Days, Months, NaiveDate};
use dustwatch_config::Settings;

use crate::{AnalyticsError, Period, PeriodKind};

/// The whole months from one to another, each by its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    first: NaiveDate,
    last: NaiveDate,
}

impl Span {
    fn months(self) -> u32 {
        let number = |day: NaiveDate| day.year() * 12 + day.month0() as i32;
        // last is never before first.
        (number(self.last) - number(self.first)).unsigned_abs() + 1
    }

    fn back(self, months: u32) -> Self {
        let earlier = |day: NaiveDate| day.checked_sub_months(Months::new(months)).unwrap_or(day);
        Self {
            first: earlier(self.first),
            last: earlier(self.last),
        }
    }

    /// The span as a row of `$$spans`.
    fn row(self, asked: usize, role: &str, min_months: u32) -> String {
        let month = |day: NaiveDate| day.format("%Y-%m");
        format!(
            "({asked}, '{role}', '{}', '{}', {min_months})",
            month(self.first),
            month(self.last)
        )
    }
}

/// The span of a period.
fn span(period: Period) -> Result<Span, AnalyticsError> {
    let ends_month = |day: NaiveDate| {
        day.checked_add_days(Days::new(1))
            .is_none_or(|next| next.day() == 1)
    };
    if period.first().day() != 1 || !ends_month(period.last()) {
        return Err(AnalyticsError::Request(format!(
            "dustfall is a figure of whole months: {period} is none, a year or a range of them"
        )));
    }
    Ok(Span {
        first: period.first(),
        last: period.last().with_day(1).unwrap_or(period.first()),
    })
}

/// Each month of a period of whole months.
pub(super) fn months_of(period: Period) -> Result<Vec<Period>, AnalyticsError> {
    let span = span(period)?;
    let months = (0..span.months()).filter_map(|n| span.first.checked_add_months(Months::new(n)));
    Ok(months
        .filter_map(|day| Period::month(day.year(), day.month()))
        .collect())
}

/// The months with a value that a period needs: one of one, a setting of a year, a share of any other range.
fn min_months(settings: &Settings, period: Period, months: u32) -> u32 {
    match (period.kind(), months) {
        (PeriodKind::Year, _) => settings.dustfall.year_min_months,
        (_, 12) => settings.dustfall.year_min_months,
        (_, months) => (months * u32::from(settings.standards.range_min_percent)).div_ceil(100),
    }
}

/// The rows of `$$spans`: of each period asked for itself, the months before, last year, and from January on.
pub(super) fn rows(settings: &Settings, periods: &[Period]) -> Result<String, AnalyticsError> {
    let mut rows = Vec::with_capacity(periods.len() * 4);
    for (asked, period) in periods.iter().enumerate() {
        let current = span(*period)?;
        let needed = min_months(settings, *period, current.months());
        let cumulative = Span {
            first: current.last.with_month(1).unwrap_or(current.first),
            last: current.last,
        };
        rows.push(current.row(asked, "current", needed));
        rows.push(current.back(current.months()).row(asked, "previous", needed));
        rows.push(current.back(12).row(asked, "last_year", needed));
        rows.push(cumulative.row(asked, "cumulative", 1));
    }
    Ok(rows.join(", "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn spans_are_whole_months_and_go_back_by_months() {
        let settings = Settings::load(None).unwrap();
        let rows = |text: &str| rows(&settings, &[text.parse().unwrap()]);
        assert_eq!(
            rows("2019-03").unwrap(),
            "(0, 'current', '2019-03', '2019-03', 1), (0, 'previous', '2019-02', '2019-02', 1), \
             (0, 'last_year', '2018-03', '2018-03', 1), (0, 'cumulative', '2019-01', '2019-03', 1)"
        );
        assert_eq!(
            rows("2019-02-01..2019-06-30").unwrap(),
            "(0, 'current', '2019-02', '2019-06', 4), (0, 'previous', '2018-09', '2019-01', 4), \
             (0, 'last_year', '2018-02', '2018-06', 4), (0, 'cumulative', '2019-01', '2019-06', 1)"
        );
        assert!(
            rows("2019")
                .unwrap()
                .starts_with("(0, 'current', '2019-01', '2019-12', 12)")
        );
        for text in ["2019-W32", "2019-08-06", "2019-08-H1", "2019-08-01..2019-09-29"] {
            assert!(matches!(rows(text), Err(AnalyticsError::Request(_))), "{text}");
        }
        let months = months_of("2018-11-01..2019-02-28".parse().unwrap()).unwrap();
        let months: Vec<String> = months.iter().map(Period::to_string).collect();
        assert_eq!(months, ["2018-11", "2018-12", "2019-01", "2019-02"]);
    }
}
