//! Promise: nothing confirmed is lost and nothing is counted twice, wherever processes are killed.
//!
//! Ingester and broker die by SIGKILL at random moments in the middle of a replay. Afterwards every observation of the
//! input lies in the table exactly once: by the command's own count, and by a reader that follows the table's log and
//! files from the outside.
#![allow(clippy::unwrap_used)]

mod support;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use support::calendar::Day;
use support::mosquitto::{Memory, Mosquitto};
use support::parquet_reader::{DeltaLog, StoredObservation};
use support::process::Running;
use support::random::Random;
use support::world::{Place, World, confirmed, wait_until_ready};

const DEVICES: u64 = 4;
const MINUTES: u64 = 2 * 1440;
/// Two days in eighteen seconds.
const SPEED: &str = "9600";
const MAPPING: &str = r#"device = "{device}"
time = { column = "time", format = "%Y-%m-%d %H:%M:%S", timezone = "UTC", label = "start" }
interval = "1m"
[columns]
pm25 = "pm25"
tsp = "tsp"
"#;

fn place() -> Place {
    let mut place = Place::new("110109").township("110109001", "大峪街道");
    for number in 0..DEVICES {
        place = place.station(&device(number), "township", "110109001", "1m");
    }
    place
}

fn device(number: u64) -> String {
    format!("110109-DY-{number:04}")
}

/// Tenths of PM2.5 and TSP of a device at a minute: every observation differs from its neighbours.
fn reading(device: u64, minute: u64) -> (u64, u64) {
    let at = device * MINUTES + minute;
    (at * 7 % 9001, at * 13 % 19_001)
}

fn start() -> Day {
    Day::of(2019, 8, 5)
}

/// The input: a file a device, in order of time.
fn write_input(world: &World) -> Vec<PathBuf> {
    let file = |number: u64| {
        let mut text = "device,time,pm25,tsp\n".to_owned();
        for minute in 0..MINUTES {
            let (pm25, tsp) = reading(number, minute);
            let day = start().plus(i64::try_from(minute / 1440).unwrap());
            let (hour, rest) = (minute % 1440 / 60, minute % 60);
            let (whole, tenth) = (pm25 / 10, pm25 % 10);
            let device = device(number);
            let _ = writeln!(
                text,
                "{device},{day} {hour:02}:{rest:02}:00,{whole}.{tenth},{}.{}",
                tsp / 10,
                tsp % 10
            );
        }
        world.write(&format!("{number}.csv"), &text)
    };
    (0..DEVICES).map(file).collect()
}

fn start_replay(world: &World) -> Running {
    let files = write_input(world);
    let mapping = world.write("mapping.toml", MAPPING);
    let options = [
        "--speed",
        SPEED,
        "--batch",
        "5",
        "--district",
        "110109",
        "--resend-after",
        "2s",
    ];
    world.spawn_replay(&files, &mapping, &options)
}

/// Everything that went in is in the table once, with its values, its day and its number.
#[track_caller]
fn check_table(world: &World) {
    let count = usize::try_from(DEVICES * MINUTES).unwrap();
    let counted = world.query(
        "SELECT count(*) AS n, count(DISTINCT device) AS devices, \
         count(DISTINCT device || cast(observed_at AS varchar)) AS ids FROM observations",
    );
    let (rows, devices) = (count.to_string(), DEVICES.to_string());
    assert_eq!(
        counted.rows,
        [[rows.clone(), devices, rows]],
        "as the command counts"
    );

    let log = DeltaLog::read(&world.lake().join("observations"));
    assert_eq!(log.count_rows(), count, "physical rows");
    let observations = log.observations();
    assert_eq!(observations.len(), count);
    for number in 0..DEVICES {
        let mut seqs: Vec<i64> = Vec::new();
        for minute in 0..MINUTES {
            let micros = start().0 * 86_400_000_000 + i64::try_from(minute).unwrap() * 60_000_000;
            let key = (device(number), micros);
            let stored = observations
                .get(&key)
                .unwrap_or_else(|| panic!("{key:?} is lost"));
            check_row(number, minute, stored);
            seqs.push(stored.seq.unwrap());
        }
        let expected: Vec<i64> = (1..=i64::try_from(MINUTES).unwrap()).collect();
        assert_eq!(seqs, expected, "numbers of {}", device(number));
    }
}

fn check_row(number: u64, minute: u64, stored: &StoredObservation) {
    let (pm25, tsp) = reading(number, minute);
    let expected =
        [("pm25", pm25), ("tsp", tsp)].map(|(key, tenths)| (key.to_owned(), (i128::from(tenths), 1)));
    assert_eq!(
        stored.values,
        expected.into(),
        "{} minute {minute}",
        device(number)
    );
    // The day is Beijing's.
    let day = start().plus(i64::try_from((minute + 480) / 1440).unwrap());
    assert_eq!(stored.day, day.to_string(), "{} minute {minute}", device(number));
}

#[track_caller]
fn finish(world: &World, replay: Running, mut ingest: Running) {
    let said = replay.wait().ok();
    assert_eq!(confirmed(&said), DEVICES * MINUTES, "{said}");
    wait_until_ready(&mut ingest);
    let last = ingest.terminate();
    world.write("ingest-last.log", &last.stderr);
    last.ok();
    check_table(world);
}

#[test]
fn an_ingester_killed_again_and_again_neither_loses_nor_repeats() {
    kill_ingester(&place());
}

#[test]
fn nor_does_one_that_acknowledges_after_the_table() {
    let mut place = place();
    place.broker_keys = "ack_after = \"lake\"".to_owned();
    kill_ingester(&place);
}

/// Kills at any moment from the start of the process on, so that opening, replaying and subscribing are hit as well, and
/// every other time after it has committed something.
fn kill_ingester(place: &Place) {
    const KILLS: usize = 8;
    let mut random = Random::printed();
    let world = World::new(place);
    let _broker = Mosquitto::start(world.port(), Memory::OnDisk);
    let mut ingest = world.start_ingest();
    let mut replay = start_replay(&world);
    let mut in_the_middle = 0;
    for kill in 1..=KILLS {
        if kill % 2 == 0 {
            world.wait_for_commits(1);
        }
        std::thread::sleep(Duration::from_millis(random.between(100, 1500)));
        assert!(
            !ingest.has_ended(),
            "an ingester ended by itself:\n{}",
            ingest.stderr()
        );
        world.write(&format!("ingest-{kill}.log"), &ingest.kill().stderr);
        in_the_middle += usize::from(!replay.has_ended());
        ingest = world.spawn_ingest();
    }
    assert!(in_the_middle >= 5, "only {in_the_middle} kills hit the replay");
    finish(&world, replay, ingest);
}

#[test]
fn a_broker_that_forgets_everything_loses_nothing() {
    let mut random = Random::printed();
    let world = World::new(&place());
    let mut broker = Mosquitto::start(world.port(), Memory::None);
    let mut ingest = world.start_ingest();
    let mut replay = start_replay(&world);
    for round in 0..3 {
        world.wait_for_commits(1);
        std::thread::sleep(Duration::from_millis(random.between(0, 1000)));
        assert!(
            !replay.has_ended(),
            "the replay ended before the broker was killed"
        );
        broker.kill();
        if round == 1 {
            ingest.kill();
            ingest = world.spawn_ingest();
        }
        std::thread::sleep(Duration::from_millis(random.between(100, 800)));
        broker.restart();
    }
    finish(&world, replay, ingest);
}
