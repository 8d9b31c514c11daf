#![allow(clippy::unwrap_used)]
use dustwatch_config::StandardSettings;

use super::*;

fn period(text: &str) -> Period {
    text.parse().unwrap()
}

fn span(period: Period) -> (String, String, u32) {
    (
        period.first().to_string(),
        period.last().to_string(),
        period.days(),
    )
}

fn standards() -> StandardSettings {
    dustwatch_config::Settings::load(None).unwrap().standards
}

#[test]
fn every_form_prints_as_it_is_read() {
    for (text, first, last, days) in [
        ("2019-W32", "2019-08-05", "2019-08-11", 7),
        ("2019-W01", "2018-12-31", "2019-01-06", 7),
        ("2020-W53", "2020-12-28", "2021-01-03", 7),
        ("2019-08-06", "2019-08-06", "2019-08-06", 1),
        ("2019-08", "2019-08-01", "2019-08-31", 31),
        ("2020-02", "2020-02-01", "2020-02-29", 29),
        ("2019-08-H1", "2019-08-01", "2019-08-15", 15),
        ("2019-08-H2", "2019-08-16", "2019-08-31", 16),
        ("2019-02-H2", "2019-02-16", "2019-02-28", 13),
        ("2019", "2019-01-01", "2019-12-31", 365),
        ("2020", "2020-01-01", "2020-12-31", 366),
        ("2019-08-01..2019-08-07", "2019-08-01", "2019-08-07", 7),
        ("2019-08-01..2019-08-01", "2019-08-01", "2019-08-01", 1),
    ] {
        assert_eq!(
            span(period(text)),
            (first.to_owned(), last.to_owned(), days),
            "{text}"
        );
        assert_eq!(period(text).to_string(), text);
    }
}

#[test]
fn what_is_no_period_is_refused_with_a_reason() {
    for text in [
        "",
        "19",
        "2019-8",
        "2019-W5",
        "2019-W321",
        "2019-08-H3",
        "2019-08-6",
        "201９",
        "2019-08-01-02",
        "2019-08-01...2019-08-02",
        "2019/08",
        " 2019",
        "0019",
        "-2019",
        "2019-",
        "2019-W",
        "2019-08..2019-09",
    ] {
        assert!(
            matches!(text.parse::<Period>(), Err(PeriodError::Form(_))),
            "{text:?}"
        );
    }
    for (text, reason) in [
        ("2019-W53", "2019 has no ISO week 53"),
        ("2019-W00", "2019 has no ISO week 0"),
        ("2019-13", "there is no month 13"),
        ("2019-00-H1", "there is no month 0"),
        ("2019-02-29", "there is no such day"),
        ("2019-02-29..2019-03-01", "there is no day 2019-02-29"),
        ("2019-08-07..2019-08-01", "2019-08-01 lies before 2019-08-07"),
    ] {
        let error = text.parse::<Period>().unwrap_err().to_string();
        assert_eq!(error, format!("period {text:?} does not exist: {reason}"));
    }
}

#[test]
fn the_period_before_and_the_one_a_year_ago() {
    for (text, previous, last_year) in [
        ("2019-W32", "2019-W31", "2018-W32"),
        ("2019-W01", "2018-W52", "2018-W01"),
        ("2021-W01", "2020-W53", "2020-W01"),
        ("2020-W53", "2020-W52", "2019-W52"),
        ("2019-08-06", "2019-08-05", "2018-08-06"),
        ("2020-02-29", "2020-02-28", "2019-02-28"),
        ("2020-03-01", "2020-02-29", "2019-03-01"),
        ("2019-01", "2018-12", "2018-01"),
        ("2020-02", "2020-01", "2019-02"),
        ("2019-08-H2", "2019-08-H1", "2018-08-H2"),
        ("2019-01-H1", "2018-12-H2", "2018-01-H1"),
        ("2019", "2018", "2018"),
        (
            "2019-08-01..2019-08-10",
            "2019-07-22..2019-07-31",
            "2018-08-01..2018-08-10",
        ),
        (
            "2020-02-01..2020-02-29",
            "2020-01-03..2020-01-31",
            "2019-02-01..2019-02-28",
        ),
    ] {
        assert_eq!(period(text).previous().to_string(), previous, "before {text}");
        assert_eq!(
            period(text).last_year().to_string(),
            last_year,
            "a year before {text}"
        );
    }
}

#[test]
fn year_to_date_takes_the_year_of_the_last_day() {
    assert_eq!(
        period("2019-08").year_to_date().to_string(),
        "2019-01-01..2019-08-31"
    );
    assert_eq!(
        period("2020-W01").year_to_date().to_string(),
        "2020-01-01..2020-01-05"
    );
}

#[test]
fn valid_days_that_a_mean_needs() {
    for (text, days) in [
        ("2019-08-06", 1),
        ("2019-W32", 5),
        ("2019-08-H1", 11),
        ("2019-02-H2", 11),
        ("2019-08", 27),
        ("2019-02", 25),
        ("2020-02", 25),
        ("2019", 324),
        ("2019-08-01..2019-08-07", 6),
        ("2019-08-01..2019-08-04", 3),
        ("2019-08-01..2019-08-01", 1),
    ] {
        assert_eq!(period(text).min_valid_days(&standards()), days, "{text}");
    }
}

#[test]
fn a_local_day_begins_at_16_utc_the_day_before() {
    let instants = period("2019-08-06").instants(chrono_tz::Asia::Shanghai).unwrap();
    assert_eq!(instants.start.to_string(), "2019-08-05T16:00:00Z");
    assert_eq!(instants.end.to_string(), "2019-08-06T16:00:00Z");
}
