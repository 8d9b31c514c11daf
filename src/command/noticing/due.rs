//! Which notices are due, and for how long one is news. Pure.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime};
use dustwatch_analytics::Period;
use dustwatch_config::DueSettings;

/// Day of the month on which the last month's dispatch is due.
const MONTHLY_DAY: u32 = 3;

/// For how many days after its issue a notice is still sent to a receiver that has not got it.
const NEWS_DAYS: u64 = 7;

/// The last week that is over, from Monday on at the hour; the last month, from the third of the next on at the hour.
/// Older ones that were missed are not made up for: their time has passed, and `notice` makes them when somebody asks.
pub(super) fn periods(due: &DueSettings, now: NaiveDateTime) -> Vec<Period> {
    let today = now.date();
    // Before the hour it is still yesterday, as far as notices go.
    let begun = now.time() >= chrono::NaiveTime::from_hms_opt(due.hour, 0, 0).unwrap_or_default();
    let day = if begun { Some(today) } else { today.pred_opt() };
    let mut periods = Vec::new();
    let wants = |kind: &str| due.kinds.iter().any(|wanted| wanted == kind);
    if wants("weekly")
        && let Some(last) = day.and_then(|day| day.checked_sub_days(Days::new(7)))
    {
        let week = last.iso_week();
        periods.extend(Period::week(week.year(), week.week()));
    }
    if wants("monthly")
        && let Some(day) = day.filter(|day| day.day() >= MONTHLY_DAY)
        && let Some(month) = Period::month(day.year(), day.month())
    {
        periods.push(month.previous());
    }
    periods
}

/// Whether a notice that was issued on a day is still sent.
pub(super) fn is_news(issued_on: NaiveDate, today: NaiveDate) -> bool {
    issued_on
        .checked_add_days(Days::new(NEWS_DAYS))
        .is_some_and(|last| today <= last)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str, hour: u32) -> Vec<String> {
        let due = DueSettings {
            out: "notices".into(),
            kinds: vec!["weekly".to_owned(), "monthly".to_owned()],
            hour,
            formats: Vec::new(),
            deliver: Vec::new(),
        };
        periods(&due, text.parse().unwrap())
            .iter()
            .map(Period::to_string)
            .collect()
    }

    #[test]
    fn a_week_is_due_on_monday_at_the_hour_and_a_month_on_the_third() {
        // 2019-08-12 is a Monday.
        assert_eq!(at("2019-08-12T08:59:59", 9), ["2019-W31", "2019-07"]);
        assert_eq!(at("2019-08-12T09:00:00", 9), ["2019-W32", "2019-07"]);
        assert_eq!(at("2019-08-18T23:59:59", 9), ["2019-W32", "2019-07"]);
        assert_eq!(at("2019-09-03T08:00:00", 9), ["2019-W35"]);
        assert_eq!(at("2019-09-03T09:00:00", 9), ["2019-W35", "2019-08"]);
        assert_eq!(at("2020-01-03T00:00:00", 0), ["2019-W52", "2019-12"]);
    }

    #[test]
    fn a_notice_is_news_for_a_week() {
        let day = |text: &str| text.parse().unwrap();
        assert!(is_news(day("2019-08-12"), day("2019-08-19")));
        assert!(!is_news(day("2019-08-12"), day("2019-08-20")));
    }
}
