//! The oracle that rankings are compared with computes the worked numbers of the standards and of published notices.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use support::calendar::{Day, iso_week, iso_week_of, month_length};
use support::csv::Table;
use support::fraction::{Fraction, print};
use support::oracle::{Oracle, percent, ranks};
use support::span::Span;
use support::world::Place;

fn rounded(text: &str, places: u32) -> String {
    print(Fraction::parse(text).unwrap().round_half_even(places), places)
}

#[test]
fn rounds_half_to_even_and_once() {
    for (exact, places, published) in [
        ("48.5", 0, "48"),
        ("49.5", 0, "50"),
        ("48.50001", 0, "49"),
        ("15.4546", 0, "15"),
        ("-2.5", 0, "-2"),
        ("6.45", 1, "6.4"),
        ("6.55", 1, "6.6"),
        ("12.25", 1, "12.2"),
        ("12.35", 1, "12.4"),
        ("0.125", 2, "0.12"),
        ("0.135", 2, "0.14"),
        ("-0.04", 1, "0.0"),
        ("2.675", 2, "2.68"),
    ] {
        assert_eq!(rounded(exact, places), published, "{exact}");
    }
    assert_eq!(print(-4, 1), "-0.4");
}

#[test]
fn changes_in_percent_are_those_of_the_bulletins() {
    for (now, base, change) in [
        (51, 58, "-12.1"),
        (42, 46, "-8.7"),
        (78, 84, "-7.1"),
        (6, 8, "-25.0"),
        (46, 53, "-13.2"),
        (28, 30, "-6.7"),
        (50, 50, "0.0"),
    ] {
        assert_eq!(
            percent(Some(now), Some(base)).as_deref(),
            Some(change),
            "{now} against {base}"
        );
    }
    assert_eq!(percent(Some(5), Some(0)), None);
    assert_eq!(percent(Some(5), None), None);
    assert_eq!(percent(None, Some(5)), None);
}

#[test]
fn ranks_ties_as_the_bulletins_do() {
    let values: Vec<Option<i128>> = [38, 39, 40, 41, 42, 44, 45, 45, 47, 48, 48, 48, 48, 48, 49, 49, 50]
        .map(Some)
        .into();
    let published = [1, 2, 3, 4, 5, 6, 7, 7, 9, 10, 10, 10, 10, 10, 15, 15, 17];
    assert_eq!(ranks(&values, false), published.map(Some));
    assert_eq!(
        ranks(&[Some(3), None, Some(5), Some(5)], true),
        [Some(3), None, Some(1), Some(1)]
    );
}

#[test]
fn ranks_a_published_notice_as_it_was_published() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/notices/fengtai_202309_pm25_township.csv");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!(
            "skipped: the real data of ../shared are not here ({})",
            file.display()
        );
        return;
    };
    let table = Table::parse(&text);
    let numbers = |column: usize| -> Vec<i128> {
        table
            .rows
            .iter()
            .map(|row| row[column].parse().unwrap())
            .collect()
    };
    let numeric: Vec<usize> = (0..table.header.len())
        .filter(|&c| table.rows.iter().all(|row| row[c].parse::<i128>().is_ok()))
        .collect();
    let fits = |value: usize, rank: usize| {
        let values: Vec<Option<i128>> = numbers(value).into_iter().map(Some).collect();
        let printed: Vec<Option<usize>> = numbers(rank)
            .into_iter()
            .map(|r| usize::try_from(r).ok())
            .collect();
        ranks(&values, true) == printed
    };
    let found = numeric
        .iter()
        .any(|&value| numeric.iter().any(|&rank| value != rank && fits(value, rank)));
    assert!(
        found,
        "no column of {:?} is the worst-first rank of another",
        table.header
    );
}

#[test]
fn knows_the_calendar() {
    assert_eq!(Day::of(1970, 1, 1), Day(0));
    assert_eq!(Day::of(2016, 3, 7).weekday(), 0);
    assert_eq!(Day::of(2000, 2, 29).civil(), (2000, 2, 29));
    assert_eq!(
        (
            month_length(2016, 2),
            month_length(2100, 2),
            month_length(2015, 12)
        ),
        (29, 28, 31)
    );
    for number in -200_000..200_000 {
        let (year, month, day) = Day(number).civil();
        assert_eq!(Day::of(year, month, day), Day(number));
    }
    assert_eq!(Day::parse("2016-02-30"), None);
    assert_eq!(iso_week(2016, 10), Some(Day::of(2016, 3, 7)));
    assert_eq!(iso_week(2015, 53), Some(Day::of(2015, 12, 28)));
    assert_eq!(iso_week(2016, 53), None);
    assert_eq!(iso_week_of(Day::of(2015, 12, 28)), (2015, 53));
}

#[test]
fn knows_the_neighbours_of_a_period_and_what_makes_it_valid() {
    for (period, previous, last_year, days) in [
        ("2016-W10", "2016-02-29..2016-03-06", "2015-03-02..2015-03-08", 5),
        ("2015-W53", "2015-12-21..2015-12-27", "2014-12-22..2014-12-28", 5),
        ("2016-02", "2016-01-01..2016-01-31", "2015-02-01..2015-02-28", 25),
        ("2016-03", "2016-02-01..2016-02-29", "2015-03-01..2015-03-31", 27),
        (
            "2016-03-H1",
            "2016-02-16..2016-02-29",
            "2015-03-01..2015-03-15",
            11,
        ),
        (
            "2016-02-H2",
            "2016-02-01..2016-02-15",
            "2015-02-16..2015-02-28",
            11,
        ),
        ("2016", "2015-01-01..2015-12-31", "2015-01-01..2015-12-31", 324),
        (
            "2016-02-29",
            "2016-02-28..2016-02-28",
            "2015-02-28..2015-02-28",
            1,
        ),
        (
            "2016-03-01..2016-03-07",
            "2016-02-23..2016-02-29",
            "2015-03-01..2015-03-07",
            6,
        ),
    ] {
        let span = Span::parse(period);
        let ends = |span: Span| format!("{}..{}", span.first, span.last);
        assert_eq!(ends(span.previous()), previous, "before {period}");
        assert_eq!(ends(span.last_year()), last_year, "a year before {period}");
        assert_eq!(span.min_valid_days(), days, "{period}");
    }
}

/// A place with one township and two stations.
fn two_stations(interval: &str) -> Oracle {
    let place = Place::new("110109")
        .township("110109001", "甲街道")
        .station("a", "township", "110109001", interval)
        .station("b", "township", "110109001", interval);
    Oracle::new(&place)
}

fn cell(oracle: &Oracle, period: &str, column: &str) -> String {
    let at = support::oracle::COLUMNS
        .iter()
        .position(|name| *name == column)
        .unwrap();
    oracle.ranking(period, false, false)[0].cells[at].clone()
}

#[test]
fn averages_stations_within_a_day_before_days() {
    let mut oracle = two_stations("1h");
    let monday = Day::of(2016, 3, 7);
    for (device, day, value) in [("a", 0, 40), ("a", 1, 50), ("a", 2, 60), ("b", 0, 80)] {
        for hour in 0..24 {
            oracle.observe(device, monday.plus(day), hour, 0, Some(Fraction::whole(value)));
        }
    }
    let line = &oracle.ranking("2016-03-07..2016-03-09", false, false)[0];
    assert_eq!(line.mean, Some(Fraction::new(170, 3)), "56.7, and not 65");
    assert_eq!(cell(&oracle, "2016-03-07..2016-03-09", "value"), "57");
    assert_eq!(cell(&oracle, "2016-03-07..2016-03-09", "stations"), "2");
    assert_eq!(cell(&oracle, "2016-W10", "status"), "insufficient_data");
    assert_eq!(cell(&oracle, "2016-W10", "value"), "");
    assert_eq!(cell(&oracle, "2016-W10", "valid_days"), "3");
}

#[test]
fn a_day_needs_twenty_hours_and_an_hour_three_quarters() {
    let mut oracle = two_stations("1m");
    let day = Day::of(2016, 3, 7);
    for hour in 0..20 {
        for minute in 0..45 {
            oracle.observe("a", day, hour, minute, Some(Fraction::whole(10)));
        }
    }
    assert_eq!(cell(&oracle, "2016-03-07", "value"), "10");
    oracle.observe("a", day, 19, 0, None);
    assert_eq!(cell(&oracle, "2016-03-07", "status"), "insufficient_data");
}
