//! Promise: the completeness ledger says where each observation was lost, and its columns add up.
//!
//! A made-up network in which the fate of every observation is decided first. The wire carries what the fates leave; the
//! sheet is compared with a plain count of the fates, which knows nothing of numbers and gaps.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use support::csv::Table;
use support::fates::{Line, Monitor, SLOTS, first_day, monitors};
use support::mosquitto::{Memory, Mosquitto};
use support::random::Random;
use support::wire::Wire;
use support::world::{Place, World};

type Sheet = BTreeMap<(String, String), Line>;

const COLUMNS: [&str; 11] = [
    "expected",
    "sent",
    "received",
    "valid",
    "flagged",
    "rejected",
    "lost_network",
    "lost_edge",
    "lost_sensor",
    "lost_unknown",
    "surplus",
];

fn place() -> Place {
    Place::new("110109")
        .township("110109001", "甲街道")
        .township("110109002", "乙镇")
        .station("110109-A-1", "township", "110109001", "10m")
        .station("110109-A-2", "site", "110109001", "10m")
        .station("110109-A-3", "township", "110109001", "10m")
        .station("110109-B-1", "township", "110109002", "10m")
        .station("110109-B-2", "township", "110109002", "20m")
        .station("110109-LAST", "reference", "110109002", "1h")
}

/// The sheet without the device that only says when everything has come, and without lines of nothing.
fn sheet(world: &World, options: &[&str]) -> Sheet {
    let table = completeness(world, options);
    let cell = |row: &[String], name: &str| row[table.position(name)].clone();
    let line = |row: &Vec<String>| {
        let number = |name: &str| cell(row, name).parse::<i64>().ok();
        let [
            expected,
            received,
            valid,
            flagged,
            rejected,
            network,
            edge,
            sensor,
            unknown,
            surplus,
        ] = [
            "expected",
            "received",
            "valid",
            "flagged",
            "rejected",
            "lost_network",
            "lost_edge",
            "lost_sensor",
            "lost_unknown",
            "surplus",
        ]
        .map(|name| number(name).unwrap());
        Line {
            expected,
            sent: number("sent"),
            received,
            valid,
            flagged,
            rejected,
            lost_network: network,
            lost_edge: edge,
            lost_sensor: sensor,
            lost_unknown: unknown,
            surplus,
        }
    };
    table
        .rows
        .iter()
        .filter(|row| cell(row, "device") != "110109-LAST")
        .map(|row| ((cell(row, "device"), cell(row, "day")), line(row)))
        .collect()
}

fn completeness(world: &World, options: &[&str]) -> Table {
    let question = [
        "completeness",
        "--period",
        "2019-08-05..2019-08-07",
        "--format",
        "csv",
    ];
    Table::parse(&world.dustwatch(&[&question[..], options].concat()).ok())
}

fn expected(monitors: &[Monitor]) -> Sheet {
    let mut sheet = Sheet::new();
    for monitor in monitors {
        for (day, line) in (0..).zip(monitor.lines()) {
            if line.expected > 0 || line.received + line.rejected > 0 {
                sheet.insert(
                    (monitor.device.to_owned(), first_day().plus(day).to_string()),
                    line,
                );
            }
        }
    }
    sheet
}

#[track_caller]
fn compare(found: &Sheet, expected: &Sheet) {
    for (key, line) in expected {
        assert_eq!(found.get(key), Some(line), "{key:?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (key, line) in found {
        let parts = line.valid
            + line.flagged
            + line.rejected
            + line.lost_network
            + line.lost_edge
            + line.lost_sensor
            + line.lost_unknown;
        assert_eq!(line.expected + line.surplus, parts, "{key:?} does not add up");
    }
}

#[test]
fn every_loss_has_its_place() {
    let mut random = Random::printed();
    let monitors = monitors(&mut random);
    let world = World::new(&place());
    let _broker = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "fates");
    for monitor in &monitors {
        let topic = format!("dust/v1/110109/{}/obs", monitor.device);
        for message in monitor.messages() {
            wire.publish(&topic, message);
        }
    }
    let last = "dust/v1/110109/110109-LAST/obs";
    wire.publish_and_confirm(last, "e", 1, "\"time\":\"2019-08-05T00:00:00+08:00\",\"pm25\":2");
    ingest.terminate().ok();

    let expected = expected(&monitors);
    let all = sheet(&world, &[]);
    compare(&all, &expected);
    let header = completeness(&world, &[]).header;
    assert!(
        COLUMNS
            .iter()
            .all(|column| header.iter().any(|name| name == column)),
        "{header:?}"
    );
    check_other_questions(&world, &expected);
    check_replayed(&world);
}

/// One device, one parameter, sums: the same figures in other cuts.
fn check_other_questions(world: &World, expected: &Sheet) {
    // A day's line is the same whichever period was asked for.
    let only = world.dustwatch(&[
        "completeness",
        "--period",
        "2019-08-06",
        "--device",
        "110109-A-1",
        "--format",
        "csv",
    ]);
    let only = Table::parse(&only.ok());
    let line = &expected[&("110109-A-1".to_owned(), "2019-08-06".to_owned())];
    assert_eq!(only.column("lost_network"), [line.lost_network.to_string()]);
    assert_eq!(only.column("lost_edge"), [line.lost_edge.to_string()]);
    assert_eq!(only.column("lost_sensor"), [line.lost_sensor.to_string()]);

    // Of a parameter that no monitor sends, nothing is valid.
    let tsp = sheet(world, &["--parameter", "tsp"]);
    assert!(
        tsp.values()
            .all(|line| line.valid == 0 && line.flagged == line.received)
    );

    let townships = completeness(world, &["--by", "township"]);
    let total = |name: &str, of: fn(&Line) -> i64| {
        let sum: i64 = townships
            .column(name)
            .iter()
            .map(|cell| cell.parse::<i64>().unwrap())
            .sum();
        let last: i64 = if name == "expected" { 24 * 3 } else { 0 };
        assert_eq!(sum - last, expected.values().map(of).sum::<i64>(), "{name}");
    };
    total("expected", |line| line.expected);
    total("lost_network", |line| line.lost_network);
    total("rejected", |line| line.rejected);
    total("surplus", |line| line.surplus);
    world
        .dustwatch(&["completeness", "--period", "2019-08-05", "--device", "nobody"])
        .expect_code(2);
}

/// What a replay takes is rejected no longer.
fn check_replayed(world: &World) {
    let stations = std::fs::read_to_string(world.path("stations.csv")).unwrap();
    world.write(
        "stations.csv",
        &format!("{stations}110109-X-1,新站,site,110109002,10m\n"),
    );
    let before = sheet(world, &[]);
    assert_eq!(
        before[&("110109-X-1".to_owned(), "2019-08-05".to_owned())].rejected,
        15
    );
    world
        .dustwatch(&["rejected", "replay", "--reason", "unknown_device"])
        .ok();
    let after = sheet(world, &[]);
    let line = &after[&("110109-X-1".to_owned(), "2019-08-05".to_owned())];
    assert_eq!(
        (line.rejected, line.received, line.lost_unknown),
        (0, 15, SLOTS as i64 - 15)
    );
}
