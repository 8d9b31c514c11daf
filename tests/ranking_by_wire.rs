//! Promise: what monitors said over the wire is ranked as a slow and exact computation ranks it, in every column.
//!
//! Real broker, real ingester, real agent; then `rollup` and `rank`, compared with the oracle row by row.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::PathBuf;

use support::mosquitto::{Memory, Mosquitto};
use support::oracle::{Oracle, compare};
use support::random::Random;
use support::world::{Place, World, confirmed};
use support::{made_up, prsa};

/// A question for `rank`: parameter, period, scope, order.
type Question<'a> = (&'a str, &'a str, &'a str, &'a str);

/// A parameter's figures.
struct Known {
    pm25: Oracle,
    pm10: Oracle,
}

impl Known {
    fn of(place: &Place, tables: &[String]) -> Self {
        let mut known = Self {
            pm25: Oracle::new(place),
            pm10: Oracle::new(place),
        };
        tables.iter().for_each(|table| known.read(table));
        known
    }

    fn read(&mut self, table: &str) {
        self.pm25.read(table, "PM2.5");
        self.pm10.read(table, "PM10");
    }
}

/// The rows of a table, its header not among them.
fn rows(tables: &[String]) -> u64 {
    tables.iter().map(|table| table.lines().count() as u64 - 1).sum()
}

/// Publishes tables as if their stations were devices and waits until all of it is confirmed.
#[track_caller]
fn replay(world: &World, files: &[PathBuf], district: &str, expected: u64) {
    let mapping = world.write("mapping.toml", prsa::MAPPING);
    let options = ["--speed", "max", "--batch", "60", "--district", district];
    let said = world.spawn_replay(files, &mapping, &options).wait().ok();
    assert_eq!(confirmed(&said), expected, "{said}");
}

#[track_caller]
fn rank(world: &World, (parameter, period, scope, order): Question<'_>, source: &str) -> String {
    let question = [
        "rank",
        "--parameter",
        parameter,
        "--period",
        period,
        "--scope",
        scope,
        "--order",
        order,
    ];
    world
        .dustwatch(&[&question[..], &["--source", source, "--format", "csv"]].concat())
        .ok()
}

/// Compares a ranking with the oracle's.
#[track_caller]
fn check(world: &World, known: &Known, question: Question<'_>, source: &str) {
    let (parameter, period, scope, order) = question;
    let oracle = if parameter == "pm25" {
        &known.pm25
    } else {
        &known.pm10
    };
    let expected = oracle.ranking(period, scope == "city", order == "worst");
    let what = format!("{parameter} {period} {scope} {order} from {source}");
    compare(&what, &rank(world, question, source), &expected);
}

#[test]
fn real_stations_are_ranked_exactly() {
    let Some(folder) = prsa::folder() else { return };
    let place = prsa::place();
    let world = World::new(&place);
    let kept = |year, month| (year == 2015 && month <= 4) || (year == 2016 && month <= 3);
    let (files, tables): (Vec<_>, Vec<_>) = prsa::tables(&folder, &world, kept).into_iter().unzip();
    let known = Known::of(&place, &tables);

    let _broker = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    replay(&world, &files, "110000", rows(&tables));
    ingest.terminate().ok();
    world.dustwatch(&["rollup"]).ok();

    for question in [
        ("pm25", "2016-W10", "district", "best"),
        ("pm25", "2016-W10", "district", "worst"),
        ("pm10", "2016-W10", "district", "best"),
        ("pm25", "2016-02", "district", "best"),
        ("pm25", "2016-03-H1", "district", "best"),
        ("pm25", "2016-03-01..2016-03-07", "city", "best"),
    ] {
        check(&world, &known, question, "rollup");
    }
    for period in ["2016-W10", "2016-02"] {
        let question = ("pm25", period, "district", "best");
        assert_eq!(
            rank(&world, question, "raw"),
            rank(&world, question, "rollup"),
            "{period}"
        );
    }
}

/// Ties, means of exactly .5, too few days, a township without a station, one of another district, a construction site.
#[test]
fn made_up_stations_are_ranked_exactly() {
    let (world, known) = made_up_world(Random::printed());
    for question in [
        ("pm25", "2016-W08", "district", "best"),
        ("pm25", "2016-W09", "district", "best"),
        ("pm25", "2016-W10", "district", "best"),
        ("pm25", "2016-W10", "city", "worst"),
        ("pm25", "2016-W11", "district", "worst"),
        ("pm25", "2016-W12", "district", "best"),
        ("pm25", "2016-02", "city", "best"),
        ("pm25", "2016-03-H1", "district", "best"),
        ("pm25", "2016-02-H2", "district", "best"),
        ("pm25", "2016-03-01..2016-03-07", "district", "best"),
        ("pm25", "2016-03-09", "city", "best"),
        ("pm25", "2016", "district", "best"),
        ("pm10", "2016-W10", "city", "best"),
        ("pm10", "2016-03", "district", "worst"),
    ] {
        check(&world, &known, question, "rollup");
    }
    for question in [
        ("pm25", "2016-W10", "city", "best"),
        ("pm10", "2016-03", "district", "best"),
    ] {
        assert_eq!(
            rank(&world, question, "raw"),
            rank(&world, question, "rollup"),
            "{question:?}"
        );
        assert_eq!(
            rank(&world, question, "auto"),
            rank(&world, question, "rollup"),
            "{question:?}"
        );
    }
}

/// A correction after the rollup changes the figures at once, and a rollup made anew has the same rows.
#[test]
fn late_corrections_reach_the_ranking() {
    let (world, mut known) = made_up_world(Random::printed());
    let question = ("pm25", "2016-W10", "district", "best");
    let before = rank(&world, question, "auto");

    let corrections = made_up::corrections();
    let file = world.write("corrections.csv", &corrections);
    let _broker = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    replay(
        &world,
        &[file],
        "110109",
        rows(std::slice::from_ref(&corrections)),
    );
    ingest.terminate().ok();
    // Their PM10 is missing, and a correction replaces the whole observation.
    known.read(&corrections);

    assert_ne!(
        rank(&world, question, "auto"),
        before,
        "the correction changes the figure"
    );
    check(&world, &known, question, "auto");
    check(&world, &known, question, "raw");
    let stale = world.dustwatch(&[
        "rank",
        "--parameter",
        "pm25",
        "--period",
        "2016-W10",
        "--source",
        "rollup",
    ]);
    assert!(matches!(stale.code, Some(1 | 2)), "{stale}");
    assert_eq!(stale.stdout, "", "no figures of a rollup that is out of date");

    world.dustwatch(&["rollup"]).ok();
    check(&world, &known, question, "rollup");
    check(&world, &known, ("pm10", "2016-W10", "district", "best"), "rollup");
    let all =
        "SELECT device, hour, parameter, mean, min, max, n, expected, valid FROM hourly ORDER BY 1, 2, 3";
    let by_day = world.query(all);
    world.dustwatch(&["rollup", "--rebuild"]).ok();
    assert_eq!(
        world.query(all),
        by_day,
        "a rollup from scratch has the same rows"
    );
    check(&world, &known, question, "rollup");
}

/// The made-up place after its stations have spoken and the hours are rolled up.
fn made_up_world(mut random: Random) -> (World, Known) {
    let place = made_up::place();
    let world = World::new(&place);
    let (mut own, mut others) = (Vec::new(), Vec::new());
    let mut tables = Vec::new();
    for (station, table) in made_up::tables(&mut random) {
        let file = world.write(&format!("{station}.csv"), &table);
        let side = if station == made_up::D1 {
            &mut others
        } else {
            &mut own
        };
        side.push(file);
        tables.push(table);
    }
    let known = Known::of(&place, &tables);

    let _broker = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    let of_one = rows(&tables[..1]);
    replay(&world, &own, "110109", of_one * own.len() as u64);
    replay(&world, &others, "110102", of_one);
    ingest.terminate().ok();
    world.dustwatch(&["rollup"]).ok();
    (world, known)
}
