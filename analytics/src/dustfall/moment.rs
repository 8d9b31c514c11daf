//! Dates and times as laboratories and monitors write them.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use dustwatch_observation::Time;

/// Dates with a time of day, in the district's time zone; the last is HJ 212's.
const TIMES: [&str; 7] = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y%m%d%H%M%S",
];

/// Dates, which stand for the beginning of the local day.
const DATES: [&str; 2] = ["%Y-%m-%d", "%Y/%m/%d"];

/// The earliest year that is believed: a year of two digits is none.
const FIRST_YEAR: i32 = 1990;

/// What a cell should look like, for messages.
pub(super) const LOOKS: &str =
    "a time like 2019-08-30 09:20, a date like 2019-08-30, or a time with an offset";

/// An instant, and whether only its day was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) time: Time,
    pub(super) is_day: bool,
}

/// The instant that a text names, in a time zone unless it has an offset.
pub(super) fn parse(text: &str, timezone: Tz) -> Option<Moment> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(Moment {
            time: instant.to_utc().into(),
            is_day: false,
        });
    }
    let timed = TIMES
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let dated = || {
        DATES
            .iter()
            .find_map(|format| NaiveDate::parse_from_str(text, format).ok())
    };
    let (local, is_day) = match timed {
        Some(local) => (local, false),
        None => (dated()?.and_time(NaiveTime::MIN), true),
    };
    let instant = local
        .and_local_timezone(timezone)
        .earliest()
        .filter(|_| local.year() >= FIRST_YEAR)?;
    Some(Moment {
        time: instant.to_utc().into(),
        is_day,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn local_times_instants_and_dates_are_read_and_nothing_else() {
        let parse = |text: &str| {
            let moment = parse(text, chrono_tz::Asia::Shanghai)?;
            Some((moment.time.to_chrono()?.to_rfc3339(), moment.is_day))
        };
        let instant = "2019-08-30T01:20:00+00:00".to_owned();
        for text in [
            "2019-08-30 09:20",
            "2019/8/30 9:20",
            "2019-08-30T09:20:00",
            "20190830092000",
            "2019-08-30T01:20:00Z",
            "2019-08-30T09:20:00+08:00",
        ] {
            assert_eq!(parse(text), Some((instant.clone(), false)), "{text}");
        }
        for text in ["2019-08-30", "2019/8/30"] {
            assert_eq!(
                parse(text),
                Some(("2019-08-29T16:00:00+00:00".to_owned(), true)),
                "{text}"
            );
        }
        for text in [
            "19-08-30",
            "19/8/30",
            "2019-02-30",
            "30.08.2019",
            "2019-08",
            "43707",
            "",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
