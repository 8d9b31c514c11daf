//! Promise: on real hourly tables every weekly and monthly figure of every station is the one that a slow and exact
//! computation, straight from the tables' text, gives: to the last printed digit.
//!
//! Four years of six stations (UCI) and two months of thirty-five (KDD Cup 2018), imported as they are, quirks and all.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use support::calendar::{Day, days, iso_week_of};
use support::csv::Table;
use support::fraction::Fraction;
use support::oracle::{COLUMNS, Line, Oracle};
use support::prsa;
use support::world::{Place, World};

/// Periods that are asked in one command.
const AT_ONCE: usize = 16;

/// Weeks and months that have any of the days from `first` to `last`.
fn weeks_and_months(first: Day, last: Day) -> Vec<String> {
    let mut periods = BTreeSet::new();
    for day in days(first, last) {
        let (year, month, _) = day.civil();
        periods.insert(format!("{year}-{month:02}"));
        let (year, week) = iso_week_of(day.plus(-day.weekday()));
        periods.insert(format!("{year}-W{week:02}"));
    }
    periods.into_iter().collect()
}

/// Compares the rankings of all periods with the oracle's, column by column.
fn check(world: &World, oracle: &Oracle, parameter: &str, periods: &[String]) {
    let mean = COLUMNS.iter().position(|name| *name == "mean").unwrap();
    let code = COLUMNS.iter().position(|name| *name == "township_code").unwrap();
    for some in periods.chunks(AT_ONCE) {
        let question = |period: &String| {
            format!("SELECT '{period}' AS period, * FROM ranking('{parameter}', '{period}', 'city')")
        };
        let questions: Vec<String> = some.iter().map(question).collect();
        let sql = format!("{} ORDER BY period, township_code", questions.join(" UNION ALL "));
        let answer = world.query(&sql);
        assert_eq!(answer.header[1..], COLUMNS);
        let mut rows = answer.rows.iter();
        for period in some {
            let mut expected: Vec<Line> = oracle.ranking(period, true, false);
            expected.sort_by(|a, b| a.cells[code].cmp(&b.cells[code]));
            for line in expected {
                let row = rows
                    .next()
                    .unwrap_or_else(|| panic!("{parameter} {period}: rows are missing"));
                let mut cells = row[1..].to_vec();
                let unrounded = std::mem::take(&mut cells[mean]);
                assert_eq!(
                    (row[0].as_str(), &cells),
                    (period.as_str(), &line.cells),
                    "{parameter} {period}"
                );
                match line.mean.map(Fraction::to_f64) {
                    Some(exact) => assert!(
                        (unrounded.parse::<f64>().unwrap() - exact).abs() < 1e-9,
                        "{period}"
                    ),
                    None => assert_eq!(unrounded, "", "{period}"),
                }
            }
        }
        assert_eq!(rows.next(), None);
    }
}

#[test]
fn four_years_of_six_stations() {
    let Some(folder) = prsa::folder() else { return };
    let place = prsa::place();
    let world = World::new(&place);
    let (files, tables): (Vec<_>, Vec<_>) = prsa::tables(&folder, &world, |_, _| true).into_iter().unzip();
    import(&world, &files, &world.write("mapping.toml", prsa::MAPPING));
    let all = weeks_and_months(Day::of(2013, 3, 1), Day::of(2017, 2, 28));
    // Every 24th week or month, a different season each; `make test-all` asks them all, which takes minutes.
    let step = if std::env::var_os("DUSTWATCH_TEST_ALL_PERIODS").is_some() {
        1
    } else {
        24
    };
    let periods: Vec<String> = all.into_iter().step_by(step).collect();
    for (parameter, column) in [("pm25", "PM2.5"), ("pm10", "PM10")] {
        let mut oracle = Oracle::new(&place);
        tables.iter().for_each(|table| oracle.read(table, column));
        check(&world, &oracle, parameter, &periods);
    }
}

#[test]
fn two_months_of_thirty_five_stations() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data/kdd2018/beijing_aq_20180101_20180228.csv.gz");
    if !file.is_file() {
        eprintln!(
            "skipped: the real data of ../shared are not here ({})",
            file.display()
        );
        return;
    }
    let text = prsa::unpacked(&file);
    let table = Table::parse(&text);
    let names: BTreeSet<&str> = table.column("stationId").into_iter().collect();
    let mut place = Place::new("110000");
    for (index, name) in names.iter().enumerate() {
        let code = format!("1100000{index:02}");
        place = place.township(&code, name).station(name, "township", &code, "1h");
    }
    let world = World::new(&place);
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/mappings/beijing-kdd2018.toml");
    import(&world, &[world.write("kdd.csv", &text)], &mapping);
    let periods = weeks_and_months(Day::of(2018, 1, 1), Day::of(2018, 2, 28));
    for (parameter, column) in [("pm25", "PM2.5"), ("pm10", "PM10")] {
        let mut oracle = Oracle::new(&place);
        let (station, time, value) = (
            table.position("stationId"),
            table.position("utc_time"),
            table.position(column),
        );
        for row in &table.rows {
            let (date, clock) = row[time].split_once(' ').unwrap();
            let hour = clock[..2].parse::<i64>().unwrap() + 8;
            let day = Day::parse(date).unwrap().plus(hour / 24);
            oracle.observe(
                &row[station],
                day,
                (hour % 24) as u32,
                0,
                Fraction::parse(&row[value]),
            );
        }
        check(&world, &oracle, parameter, &periods);
    }
}

#[track_caller]
fn import(world: &World, files: &[PathBuf], mapping: &Path) {
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let mapping = mapping.display().to_string();
    let mut arguments = vec!["import"];
    arguments.extend(files.iter().map(String::as_str));
    arguments.extend(["--mapping", &mapping]);
    world.dustwatch(&arguments).ok();
    world.dustwatch(&["rollup"]).ok();
}
