//! Promise: quality control of real stations finds what an independent reading of their tables finds, keeps what was said,
//! and figures are those of the tables without what it excluded.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use support::csv::Table;
use support::oracle::{Oracle, compare};
use support::prsa;
use support::world::{Place, World};

const MONTH: &str = "2014-02";

/// Tenths of a value; `None` when it is missing.
fn tenths(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if text == "NA" {
        return None;
    }
    assert!(fraction.trim_end_matches('0').len() <= 1, "a finer value: {text}");
    let digit: i64 = fraction[..1].parse().unwrap();
    Some(whole.parse::<i64>().unwrap() * 10 + digit)
}

/// A table's text with what contradicts the order of sizes made missing, and how many of its rows do.
fn without_contradictions(text: &str) -> (String, usize) {
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let at = |name: &str| {
        let quoted = format!("\"{name}\"");
        header.iter().position(|h| *h == name || *h == quoted).unwrap()
    };
    let (pm25, pm10) = (at("PM2.5"), at("PM10"));
    let mut count = 0;
    let lines = text.split_inclusive('\n').enumerate().map(|(number, line)| {
        let mut cells: Vec<&str> = line.split(',').collect();
        if number > 0
            && let (Some(part), Some(whole)) = (tenths(cells[pm25]), tenths(cells[pm10]))
            && part * 10 > whole * 11 + 500
        {
            count += 1;
            cells[pm25] = "NA";
            cells[pm10] = "NA";
        }
        cells.join(",")
    });
    (lines.collect(), count)
}

/// Imports tables and runs quality control.
fn control(world: &World, files: &[PathBuf], mapping: &Path) {
    let mapping = mapping.display().to_string();
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let mut import = vec!["import", "--mapping", &mapping];
    import.extend(files.iter().map(String::as_str));
    world.dustwatch(&import).ok();
    world.dustwatch(&["qc", "run"]).ok();
}

fn rank(world: &World, parameter: &str) -> String {
    world
        .dustwatch(&[
            "rank",
            "--parameter",
            parameter,
            "--period",
            MONTH,
            "--format",
            "csv",
        ])
        .ok()
}

#[test]
fn the_size_order_of_real_stations_is_what_their_tables_say() {
    let Some(folder) = prsa::folder() else {
        return;
    };
    let place = prsa::place();
    let kept = |year, month| year == 2014 && (1..=3).contains(&month);
    let world = World::new(&place);
    let settings = std::fs::read_to_string(world.path("dustwatch.toml")).unwrap();
    world.write("dustwatch.toml", &format!("{settings}\n[qc]\ntests = [\"q4\"]\n"));
    let (files, tables): (Vec<_>, Vec<_>) = prsa::tables(&folder, &world, kept).into_iter().unzip();
    control(&world, &files, &world.write("mapping.toml", prsa::MAPPING));

    let mut clean = [Oracle::new(&place), Oracle::new(&place)];
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for (station, text) in prsa::STATIONS.iter().zip(&tables) {
        let (text, count) = without_contradictions(text);
        expected.insert((*station).to_owned(), count);
        clean[0].read(&text, "PM2.5");
        clean[1].read(&text, "PM10");
    }
    assert!(expected.values().sum::<usize>() > 0);
    for parameter in ["pm25", "pm10"] {
        let found = world.query(&format!(
            "SELECT device, count(*) AS n FROM qc_flags WHERE test = 'q4' AND level = 'suspect' \
             AND parameter = '{parameter}' GROUP BY device"
        ));
        let counts = found.column("n").into_iter().map(|n| n.parse().unwrap());
        let names = found.column("device").into_iter().map(str::to_owned);
        let found: BTreeMap<String, usize> = names.zip(counts).collect();
        let some: BTreeMap<String, usize> = expected
            .iter()
            .filter(|(_, n)| **n > 0)
            .map(|(name, n)| (name.clone(), *n))
            .collect();
        assert_eq!(found, some);
    }

    world.dustwatch(&["rollup"]).ok();
    compare(
        "PM2.5",
        &rank(&world, "pm25"),
        &clean[0].ranking(MONTH, false, false),
    );
    compare(
        "PM10",
        &rank(&world, "pm10"),
        &clean[1].ranking(MONTH, false, false),
    );
    check_summary(&world, &expected);
}

/// Every row of the summary adds up; together they have what was flagged.
fn check_summary(world: &World, expected: &BTreeMap<String, usize>) {
    for by in ["device", "township"] {
        let sheet = ["qc", "summary", "--period", "2014-01-01..2014-03-31", "--by", by];
        let sheet = Table::parse(&world.dustwatch(&[&sheet[..], &["--format", "csv"]].concat()).ok());
        let numbers = |column: &str| -> Vec<usize> {
            sheet
                .column(column)
                .into_iter()
                .map(|n| n.parse().unwrap())
                .collect()
        };
        let parts = ["valid", "suspect", "invalid", "flagged"].map(numbers);
        for (row, all) in numbers("values").into_iter().enumerate() {
            assert_eq!(parts.iter().map(|part| part[row]).sum::<usize>(), all);
        }
        let pairs: usize = expected.values().sum();
        assert_eq!(
            parts[1].iter().sum::<usize>(),
            2 * pairs,
            "both values of each pair"
        );
        assert_eq!(numbers("q4").into_iter().sum::<usize>(), 2 * pairs);
        assert_eq!(parts[2].iter().sum::<usize>(), 0);
    }
}

#[test]
fn low_cost_sensors_come_in_by_the_shipped_mapping_and_are_told_when_late() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/sensor_community");
    let file = folder.join("sds011_sensor_7789_201902.csv.gz");
    if !file.is_file() {
        eprintln!(
            "skipped: the real data of ../shared are not here ({})",
            file.display()
        );
        return;
    }
    let place =
        Place::new("110109")
            .township("110109001", "甲街道")
            .station("sc-7789", "site", "110109001", "150s");
    let world = World::new(&place);
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/mappings/sensor-community-dust.toml");
    control(&world, &[file], &mapping);
    let late = world.query(
        "SELECT (SELECT count(*) FROM qc_flags WHERE test = 'q8' AND level = 'note' AND parameter = '*') AS hours, \
         (SELECT count(DISTINCT date_trunc('hour', observed_at)) FROM observations) AS all_hours",
    );
    assert_eq!(
        late.column("hours"),
        late.column("all_hours"),
        "history is backfill, hour by hour"
    );
    let order = world.query(
        "SELECT (SELECT count(*) FROM observations WHERE pm25 * 10 > pm10 * 11 + 50) AS expected, \
         (SELECT count(*) FROM qc_flags WHERE test = 'q4' AND parameter = 'pm25') AS found",
    );
    assert_eq!(order.column("found"), order.column("expected"));
    let listed = ["qc", "list", "--test", "q8", "--limit", "5", "--format", "csv"];
    assert_eq!(Table::parse(&world.dustwatch(&listed).ok()).rows.len(), 5);
}

#[test]
fn wrong_usage_is_told() {
    let world = World::new(&Place::new("110109").township("110109001", "甲街道"));
    for (arguments, told) in [
        (&["qc", "list", "--test", "q10"][..], "no column tells averages"),
        (&["qc", "list", "--test", "q12"], "is none of q1"),
        (&["qc", "summary", "--period", "never"], "never"),
        (
            &["qc", "run", "--period", "2019-08", "--rebuild"],
            "cannot be used with",
        ),
    ] {
        let said = world.dustwatch(arguments);
        said.expect_code(2);
        assert!(said.stderr.contains(told), "{said}");
    }
    let empty = world.dustwatch(&["qc", "run"]);
    empty.expect_code(0);
    assert!(empty.stderr.contains("there are no observations yet"), "{empty}");
}
