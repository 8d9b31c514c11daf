//! Promise: several ingesters share the work, into one table at the same time, and one that dies for good loses
//! nothing that was confirmed and leaves nothing twice.
//!
//! A real Mosquitto, ingesters as processes with journals of their own, and agents that go by the confirmations. The
//! table is read from the outside: every observation of the input is there with its values, and counts once.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use support::calendar::Day;
use support::mosquitto::{Memory, Mosquitto};
use support::parquet_reader::DeltaLog;
use support::process::Running;
use support::wire::Wire;
use support::world::{Place, World, confirmed, wait_until_ready};

/// No multiple of three, so that a broker that deals messages out in turn gives each device to every member.
const DEVICES: u64 = 7;
const MINUTES: u64 = 1440;
const PATIENCE: Duration = Duration::from_secs(60);
const MAPPING: &str = r#"device = "{device}"
time = { column = "time", format = "%Y-%m-%d %H:%M:%S", timezone = "UTC", label = "start" }
interval = "1m"
[columns]
pm25 = "pm25"
tsp = "tsp"
"#;

fn device(number: u64) -> String {
    format!("110109-DY-{number:04}")
}

fn start() -> Day {
    Day::of(2019, 8, 5)
}

/// Tenths of PM2.5 and TSP of a device at a minute.
fn reading(device: u64, minute: u64) -> (u64, u64) {
    let at = device * MINUTES + minute;
    (at * 7 % 9001, at * 13 % 19_001)
}

fn world(broker_keys: &str) -> World {
    let mut place = Place::new("110109").township("110109001", "大峪街道");
    for number in 0..DEVICES {
        place = place.station(&device(number), "township", "110109001", "1m");
    }
    place.broker_keys = broker_keys.to_owned();
    World::new(&place)
}

/// The input: a file a device, in order of time.
fn write_input(world: &World) -> Vec<PathBuf> {
    let file = |number: u64| {
        let mut text = "device,time,pm25,tsp\n".to_owned();
        for minute in 0..MINUTES {
            let (pm25, tsp) = reading(number, minute);
            let _ = writeln!(
                text,
                "{},{} {:02}:{:02}:00,{}.{},{}.{}",
                device(number),
                start(),
                minute / 60,
                minute % 60,
                pm25 / 10,
                pm25 % 10,
                tsp / 10,
                tsp % 10
            );
        }
        world.write(&format!("{number}.csv"), &text)
    };
    (0..DEVICES).map(file).collect()
}

/// Agents that send a day in about eight seconds, each observation by itself, so that every ingester gets some of each
/// device's.
fn start_agents(world: &World) -> Running {
    let files = write_input(world);
    let mapping = world.write("mapping.toml", MAPPING);
    let options = ["--speed", "10800", "--district", "110109", "--resend-after", "2s"];
    world.spawn_replay(&files, &mapping, &options)
}

/// An ingester with a journal of its own.
fn spawn_member(world: &World, number: usize, options: &[&str]) -> Running {
    let settings = std::fs::read_to_string(world.path("dustwatch.toml")).unwrap();
    let own = settings.replace("dir = \"journal\"", &format!("dir = \"journal-{number}\""));
    assert_ne!(own, settings);
    let name = format!("member-{number}.toml");
    world.write(&name, &own);
    world.spawn_ingest_with(&name, options)
}

fn table(world: &World) -> DeltaLog {
    DeltaLog::read(&world.lake().join("observations"))
}

/// Everything that went in is in the table once, with its values.
#[track_caller]
fn check_table(world: &World) {
    let counted = world.query(
        "SELECT count(*) AS n, count(DISTINCT device || cast(observed_at AS varchar)) AS ids FROM observations",
    );
    let rows = (DEVICES * MINUTES).to_string();
    assert_eq!(counted.rows, [[rows.clone(), rows]], "as the command counts");
    assert_eq!(
        table(world).count_rows() as u64,
        DEVICES * MINUTES,
        "physical rows"
    );
    let observations = table(world).observations();
    assert_eq!(observations.len() as u64, DEVICES * MINUTES);
    for number in 0..DEVICES {
        for minute in 0..MINUTES {
            let micros = start().0 * 86_400_000_000 + i64::try_from(minute).unwrap() * 60_000_000;
            let key = (device(number), micros);
            let stored = observations
                .get(&key)
                .unwrap_or_else(|| panic!("{key:?} is lost"));
            let (pm25, tsp) = reading(number, minute);
            let expected =
                [("pm25", pm25), ("tsp", tsp)].map(|(key, tenths)| (key.to_owned(), (i128::from(tenths), 1)));
            assert_eq!(stored.values, expected.into(), "{key:?}");
            assert_eq!(stored.seq, Some(i64::try_from(minute).unwrap() + 1), "{key:?}");
        }
    }
}

/// The confirmation that the broker keeps for each device says that everything is durable.
fn check_retained(world: &World) {
    let mut wire = Wire::connect(world.port(), "who-reads-confirmations");
    let mut retained: BTreeMap<String, u64> = BTreeMap::new();
    let since = Instant::now();
    while retained.len() < DEVICES as usize || retained.values().any(|seq| *seq < MINUTES) {
        assert!(since.elapsed() < PATIENCE, "{retained:?}");
        let (topic, payload) = wire.message();
        let ack: serde_json::Value = serde_json::from_str(&payload).unwrap();
        retained.insert(topic, ack["seq"].as_u64().unwrap());
    }
}

#[test]
fn a_member_of_the_group_that_dies_for_good_takes_nothing_with_it() {
    let world = world("session_expiry_seconds = 3");
    let _broker = Mosquitto::start(world.port(), Memory::None);
    let mut members: Vec<Running> = (1..=3)
        .map(|number| spawn_member(&world, number, &["--share", "dust"]))
        .collect();
    members.iter_mut().for_each(wait_until_ready);
    let mut agents = start_agents(&world);
    let since = Instant::now();
    while table(&world).transactions.len() < 3 {
        assert!(since.elapsed() < PATIENCE, "not every member commits");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(!agents.has_ended(), "nothing was under way any more");
    let dead = members.remove(1).kill();
    world.write("member-dead.log", &dead.stderr);
    let said = agents.wait().ok();
    assert_eq!(confirmed(&said), DEVICES * MINUTES, "{said}");
    check_retained(&world);
    for (number, member) in members.into_iter().enumerate() {
        let said = member.terminate();
        world.write(&format!("member-{number}.log"), &said.stderr);
        said.ok();
    }
    check_table(&world);

    // Every member has had some of every device: nobody could confirm alone.
    let devices: BTreeSet<String> = (0..DEVICES).map(device).collect();
    let by_writer = table(&world).devices_by_writer();
    assert_eq!(by_writer.len(), 3);
    assert!(by_writer.values().all(|had| *had == devices), "{by_writer:?}");
}

#[test]
fn shards_split_the_devices_and_each_confirms_its_own() {
    for keys in ["", "ack_after = \"lake\""] {
        let world = world(keys);
        let _broker = Mosquitto::start(world.port(), Memory::None);
        let shard = |number: usize| spawn_member(&world, number, &["--shard", &format!("{number}/2")]);
        let mut members = [shard(1), shard(2)];
        members.iter_mut().for_each(wait_until_ready);
        let mut agents = start_agents(&world);
        let since = Instant::now();
        while table(&world).transactions.len() < 2 {
            assert!(since.elapsed() < PATIENCE, "not every shard commits");
            std::thread::sleep(Duration::from_millis(100));
        }
        // A shard is nobody else's: it has to come back.
        assert!(!agents.has_ended(), "nothing was under way any more");
        let [first, second] = members;
        world.write("first.log", &first.kill().stderr);
        let first = shard(1);
        let said = agents.wait().ok();
        assert_eq!(confirmed(&said), DEVICES * MINUTES, "{said}");
        for member in [first, second] {
            member.terminate().ok();
        }
        check_table(&world);
        let by_writer: Vec<BTreeSet<String>> = table(&world).devices_by_writer().into_values().collect();
        assert_eq!(by_writer.len(), 2);
        assert!(by_writer[0].is_disjoint(&by_writer[1]), "{by_writer:?}");
        assert!(
            by_writer.iter().all(|devices| !devices.is_empty()),
            "{by_writer:?}"
        );
    }
}
