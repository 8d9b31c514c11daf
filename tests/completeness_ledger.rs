//! Promise: the completeness ledger says where each observation was lost, and its columns add up.
//!
//! A made-up network in which the fate of every observation is decided first. The wire carries what the fates leave; the
//! sheet is compared with a plain count of the fates, which knows nothing of numbers and gaps.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use support::calendar::Day;
use support::csv::Table;
use support::mosquitto::{Memory, Mosquitto};
use support::random::Random;
use support::wire::Wire;
use support::world::{Place, World};

/// Every ten minutes.
const SLOTS: usize = 144;
const DAYS: usize = 3;
/// Observations of a message, at most.
const PACK: usize = 7;

/// What becomes of one observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// In the table, with a value.
    Valid,
    /// In the table, with a flag and no other value.
    Flagged,
    /// Rejected for a flag that there is not; its time can be read.
    Rejected,
    /// Rejected for its time; only its number tells it apart.
    Untimed,
    /// Rejected for its device, which is registered nowhere.
    Foreign,
    /// Numbered and never sent.
    Network,
    /// Not taken.
    Sensor,
    /// Gone with the agent's spool: behind it the numbers begin anew.
    Edge,
    /// Not taken, by a monitor that does not speak again, or that does not number.
    Unknown,
}

/// A device with the fates of its observations, from midnight of the first day.
struct Monitor {
    device: &'static str,
    numbered: bool,
    fates: Vec<Fate>,
    expected_a_day: [i64; DAYS],
}

/// One line of the sheet.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
struct Line {
    expected: i64,
    sent: Option<i64>,
    received: i64,
    valid: i64,
    flagged: i64,
    rejected: i64,
    lost_network: i64,
    lost_edge: i64,
    lost_sensor: i64,
    lost_unknown: i64,
    surplus: i64,
}

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

fn first_day() -> Day {
    Day::of(2019, 8, 5)
}

impl Monitor {
    /// The oracle: fates are counted, nothing else.
    fn lines(&self) -> Vec<Line> {
        let of_day = |day: usize| {
            let fates = &self.fates[day * SLOTS..(day + 1) * SLOTS];
            let count = |wanted: &[Fate]| fates.iter().filter(|f| wanted.contains(f)).count() as i64;
            let (valid, flagged) = (count(&[Fate::Valid]), count(&[Fate::Flagged]));
            let rejected = count(&[Fate::Rejected, Fate::Untimed, Fate::Foreign]);
            let lost_network = count(&[Fate::Network]);
            let accounted = valid + flagged + rejected + lost_network;
            let speaks = fates.iter().any(|f| *f != Fate::Unknown);
            Line {
                expected: self.expected_a_day[day],
                sent: (self.numbered && speaks).then_some(accounted),
                received: valid + flagged,
                valid,
                flagged,
                rejected,
                lost_network,
                lost_edge: count(&[Fate::Edge]),
                lost_sensor: count(&[Fate::Sensor]),
                // Where nothing is expected, nothing is lost.
                lost_unknown: count(&[Fate::Unknown]).min(self.expected_a_day[day]),
                surplus: (accounted - self.expected_a_day[day]).max(0),
            }
        };
        (0..DAYS).map(of_day).collect()
    }

    /// What its agent publishes, in order.
    fn messages(&self) -> Vec<String> {
        let (mut epoch, mut seq, mut after_edge) = (1, 0u64, false);
        let mut messages = Vec::new();
        let mut waiting: Vec<String> = Vec::new();
        let pack = |waiting: &mut Vec<String>, epoch: i32, messages: &mut Vec<String>| {
            if !waiting.is_empty() {
                let list = std::mem::take(waiting).join(",");
                messages.push(format!("{{\"epoch\":\"e{epoch}\",\"obs\":[{list}]}}"));
            }
        };
        for (slot, fate) in self.fates.iter().enumerate() {
            if matches!(fate, Fate::Sensor | Fate::Unknown | Fate::Edge) {
                after_edge |= *fate == Fate::Edge;
                continue;
            }
            if std::mem::take(&mut after_edge) {
                pack(&mut waiting, epoch, &mut messages);
                (epoch, seq) = (epoch + 1, 0);
            }
            seq += 1;
            let number = if self.numbered {
                format!("\"seq\":{seq},")
            } else {
                String::new()
            };
            let time = format!("\"time\":\"{}\"", time(slot));
            match fate {
                Fate::Network => continue,
                Fate::Untimed => waiting.push(format!("{{{number}\"time\":\"yesterday\",\"pm25\":1}}")),
                Fate::Rejected => waiting.push(format!(
                    "{{{number}{time},\"pm25\":1,\"flags\":{{\"pm25\":\"X\"}}}}"
                )),
                Fate::Flagged => waiting.push(format!(
                    "{{{number}{time},\"pm25\":1,\"flags\":{{\"pm25\":\"D\"}}}}"
                )),
                _ => waiting.push(format!("{{{number}{time},\"pm25\":{}}}", slot % 90)),
            }
            if waiting.len() == PACK {
                pack(&mut waiting, epoch, &mut messages);
            }
        }
        pack(&mut waiting, epoch, &mut messages);
        messages
    }
}

/// The local time of a slot, as a device writes it.
fn time(slot: usize) -> String {
    let (day, slot) = (first_day().plus((slot / SLOTS) as i64), slot % SLOTS);
    format!("{day}T{:02}:{:02}:00+08:00", slot / 6, slot % 6 * 10)
}

/// Random fates out of some, with valid ones around each midnight.
fn random_fates(random: &mut Random, losses: &[Fate]) -> Vec<Fate> {
    let mut fates = Vec::new();
    while fates.len() < SLOTS * DAYS {
        let loss = losses[random.between(0, losses.len() as u64) as usize];
        let fate = if random.chance(12) { loss } else { Fate::Valid };
        let run = if fate == Fate::Valid {
            1
        } else {
            random.between(1, 6)
        };
        fates.extend((0..run).map(|_| fate));
    }
    fates.truncate(SLOTS * DAYS);
    for midnight in 0..=DAYS {
        let around = (midnight * SLOTS).saturating_sub(2)..(midnight * SLOTS + 2).min(SLOTS * DAYS);
        fates[around].fill(Fate::Valid);
    }
    fates
}

fn monitors(random: &mut Random) -> Vec<Monitor> {
    let every = [SLOTS as i64; DAYS];
    let numbered = |device, fates| Monitor {
        device,
        numbered: true,
        fates,
        expected_a_day: every,
    };
    let all = [
        Fate::Flagged,
        Fate::Rejected,
        Fate::Untimed,
        Fate::Network,
        Fate::Sensor,
    ];
    let mut busy = random_fates(random, &all);
    // Over the first midnight numbers are lost, over the second the spool.
    busy[SLOTS - 9..SLOTS - 2].fill(Fate::Valid);
    busy[SLOTS - 5..SLOTS + 8].fill(Fate::Network);
    busy[SLOTS + 8..SLOTS + 10].fill(Fate::Valid);
    busy[2 * SLOTS - 12..2 * SLOTS + 22].fill(Fate::Valid);
    busy[2 * SLOTS - 10..2 * SLOTS + 20].fill(Fate::Edge);
    // A day in the middle on which nothing was taken, and a monitor that falls silent for good.
    let mut silent = vec![Fate::Valid; SLOTS * DAYS];
    silent[SLOTS - 3..2 * SLOTS + 5].fill(Fate::Sensor);
    let mut gone = random_fates(random, &all);
    gone[SLOTS + 70..SLOTS + 72].fill(Fate::Valid);
    gone[SLOTS + 72..].fill(Fate::Unknown);
    let unnumbered = random_fates(random, &[Fate::Flagged, Fate::Rejected, Fate::Unknown]);
    let twice = random_fates(random, &[Fate::Flagged, Fate::Network]);
    let mut foreign = vec![Fate::Unknown; SLOTS * DAYS];
    foreign[10..25].fill(Fate::Foreign);
    vec![
        numbered("110109-A-1", busy),
        numbered("110109-A-2", silent),
        numbered("110109-A-3", gone),
        Monitor {
            device: "110109-B-1",
            numbered: false,
            fates: unnumbered,
            expected_a_day: every,
        },
        // Registered for every twenty minutes.
        Monitor {
            device: "110109-B-2",
            numbered: true,
            fates: twice,
            expected_a_day: [SLOTS as i64 / 2; DAYS],
        },
        // Registered nowhere; that is what it is rejected for.
        Monitor {
            device: "110109-X-1",
            numbered: true,
            fates: foreign,
            expected_a_day: [0; DAYS],
        },
    ]
}

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
    let tsp = sheet(&world, &["--parameter", "tsp"]);
    assert!(
        tsp.values()
            .all(|line| line.valid == 0 && line.flagged == line.received)
    );

    let townships = completeness(&world, &["--by", "township"]);
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

    // What a replay takes is rejected no longer.
    let stations = std::fs::read_to_string(world.path("stations.csv")).unwrap();
    world.write(
        "stations.csv",
        &format!("{stations}110109-X-1,新站,site,110109002,10m\n"),
    );
    let before = sheet(&world, &[]);
    assert_eq!(
        before[&("110109-X-1".to_owned(), "2019-08-05".to_owned())].rejected,
        15
    );
    world
        .dustwatch(&["rejected", "replay", "--reason", "unknown_device"])
        .ok();
    let after = sheet(&world, &[]);
    let line = &after[&("110109-X-1".to_owned(), "2019-08-05".to_owned())];
    assert_eq!(
        (line.rejected, line.received, line.lost_unknown),
        (0, 15, SLOTS as i64 - 15)
    );
    world
        .dustwatch(&["completeness", "--period", "2019-08-05", "--device", "nobody"])
        .expect_code(2);
}
