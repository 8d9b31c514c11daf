//! Promise: a clock that jumps loses nothing and repeats nothing; what it does to receive times is what is written.
//!
//! The ingester's clock is really set, forwards by a day, back by an hour, and before where it began, while messages
//! come in and between two lives. What counts how much time passes goes on, so commits, acknowledgements and the end
//! come when they should.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use support::calendar::Day;
use support::load::{Load, audit, place};
use support::mosquitto::{Memory, Mosquitto};
use support::parquet_reader::DeltaLog;
use support::scrape::{Page, door};
use support::wire::Wire;
use support::world::{Place, World, confirmed};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const DEVICE: &str = "110109-DY-0001";
const OBS: &str = "dust/v1/110109/110109-DY-0001/obs";

#[test]
fn the_clock_jumps_while_messages_come_in() {
    for ack_after in ["journal", "lake"] {
        let mut place = place();
        place.broker_keys += &format!("ack_after = \"{ack_after}\"");
        let world = World::new(&place).with_clock();
        let _broker = Mosquitto::start(world.port(), Memory::OnDisk);
        let mut ingest = world.start_ingest();
        let door = door(&mut ingest);
        let load = Load {
            round: 0,
            observations: 9000,
            batch: 5,
            rate: 100,
        };
        let mut agents = load.spawn(&world, world.port());
        for offset in [DAY, DAY - HOUR, -HOUR, -2 * DAY] {
            world.set_clock(offset);
            world.wait_for_commits(2);
            assert!(
                !agents.has_ended(),
                "the load ended before the clock stood at {offset} s"
            );
        }
        // Three days and more ahead by now, less what the clock has caught up.
        let ahead = Page::scrape(&door).value("dustwatch_ingest_clock_ahead_seconds");
        assert!(
            (3.0 * DAY as f64 - 60.0..3.0 * DAY as f64 + 60.0).contains(&ahead),
            "{ahead}"
        );
        let said = agents.wait().ok();
        assert_eq!(confirmed(&said), load.observations, "{said}");
        let log = ingest.terminate();
        let warnings = log.stderr.matches("the clock was put back").count();
        assert_eq!(warnings, 1, "said once: {log}");
        log.ok();
        audit(&world, &[load]);
        let backwards = world.query(
            "SELECT count(*) AS n FROM (SELECT received_at < lag(received_at) OVER (PARTITION BY device ORDER BY seq) \
             AS back FROM observations) WHERE back",
        );
        assert_eq!(backwards.cell(), "0", "receive times never go back in one life");
    }
}

#[test]
fn the_clock_jumps_between_two_lives() {
    let world = World::new(&place()).with_clock();
    let _broker = Mosquitto::start(world.port(), Memory::OnDisk);
    let mut loads = Vec::new();
    for (round, offset) in (0u64..).zip([0, DAY, -HOUR, -2 * DAY]) {
        world.set_clock(offset);
        let ingest = world.start_ingest();
        let load = Load {
            round,
            observations: 1500,
            batch: 3,
            rate: 300,
        };
        let agents = load.spawn(&world, world.port());
        if round % 2 == 0 {
            let said = agents.wait().ok();
            assert_eq!(confirmed(&said), load.observations, "{said}");
            ingest.terminate().ok();
        } else {
            // Killed with something in its journal that the next life takes up at another time of day.
            world.wait_for_commits(1);
            ingest.kill();
            let ingest = world.start_ingest();
            let said = agents.wait().ok();
            assert_eq!(confirmed(&said), load.observations, "{said}");
            ingest.kill();
        }
        loads.push(load);
    }
    world.start_ingest().terminate().ok();
    audit(&world, &loads);
}

fn one_monitor() -> World {
    let mut place =
        Place::new("110109")
            .township("110109001", "大峪街道")
            .station(DEVICE, "township", "110109001", "1m");
    place.broker_keys = "rejects_per_device_per_hour = 5".to_owned();
    World::new(&place).with_clock()
}

/// Milliseconds since 1970, so many seconds from now by the machine's clock.
fn time(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap() + seconds * 1000
}

/// Says something and waits until it was taken.
fn say(wire: &mut Wire, seq: u64, time: i64, tsp: u64) {
    wire.publish_and_confirm(OBS, "e", seq, &format!("\"time\":{time},\"tsp\":{tsp}"));
}

/// The value that counts for a time, or nothing.
fn tsp_at(world: &World, time: i64) -> Vec<String> {
    let answer = world.query(&format!(
        "SELECT cast(tsp AS double) AS tsp FROM observations WHERE cast(observed_at AS bigint) = {}",
        time * 1000
    ));
    answer
        .column("tsp")
        .iter()
        .map(|cell| (*cell).to_owned())
        .collect()
}

#[test]
fn the_later_of_two_counts_while_one_process_lives_and_by_the_clock_alone_after_it() {
    let world = one_monitor();
    let _broker = Mosquitto::start(world.port(), Memory::OnDisk);
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "clock");
    let (one, other) = (time(-HOUR), time(-2 * HOUR));
    world.set_clock(DAY);
    say(&mut wire, 1, one, 10);
    say(&mut wire, 2, other, 10);
    world.set_clock(-HOUR);
    say(&mut wire, 3, one, 11);
    ingest.terminate().ok();
    assert_eq!(
        tsp_at(&world, one),
        ["11.0"],
        "the clock was put back before the correction"
    );

    // A process that begins with the clock put back knows nothing of the time before.
    world.set_clock(0);
    let ingest = world.start_ingest();
    say(&mut wire, 4, other, 12);
    ingest.terminate().ok();
    assert_eq!(tsp_at(&world, other), ["10.0"], "the earlier one wins");
    world.set_clock(2 * DAY);
    let ingest = world.start_ingest();
    say(&mut wire, 5, other, 13);
    ingest.terminate().ok();
    assert_eq!(tsp_at(&world, other), ["13.0"], "until it is corrected again");
    let rows = DeltaLog::read(&world.lake().join("observations")).count_rows();
    assert_eq!(rows, 5, "every row is there, whichever counts");
}

#[test]
fn what_lies_in_the_future_is_told_by_receive_times_and_days_by_observations() {
    let world = one_monitor();
    let _broker = Mosquitto::start(world.port(), Memory::OnDisk);
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "clock");
    let in_half_a_day = time(DAY / 2);
    say(&mut wire, 1, in_half_a_day, 1);
    world.set_clock(DAY);
    say(&mut wire, 2, in_half_a_day + 1000, 2);
    world.set_clock(0);
    // Receive times stay ahead until the clock has caught up, or the next start.
    say(&mut wire, 3, in_half_a_day + 2000, 3);
    ingest.terminate().ok();
    let ingest = world.start_ingest();
    say(&mut wire, 4, in_half_a_day + 3000, 4);
    ingest.terminate().ok();
    let rejected = world.query("SELECT reason FROM rejected ORDER BY received_at");
    assert_eq!(rejected.column("reason"), ["future_time", "future_time"]);
    let taken = world.query("SELECT cast(tsp AS double) AS tsp, day FROM observations ORDER BY tsp");
    assert_eq!(taken.column("tsp"), ["2.0", "3.0"]);
    let day_in_beijing = Day((in_half_a_day / 1000 + 8 * HOUR).div_euclid(DAY)).to_string();
    let seconds_left = DAY - (in_half_a_day / 1000 + 8 * HOUR).rem_euclid(DAY);
    if seconds_left > 5 {
        assert_eq!(taken.column("day"), [day_in_beijing.as_str(), &day_in_beijing]);
    }
}

/// A machine whose clock is a month ahead deletes old files: none of those is old that were written just now.
#[test]
fn nothing_gets_old_by_a_clock_that_is_ahead() {
    let world = one_monitor();
    let _broker = Mosquitto::start(world.port(), Memory::OnDisk);
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "clock");
    for seq in 1..=3 {
        say(&mut wire, seq, time(-HOUR) + seq as i64 * 1000, seq);
        // The first version has no rows.
        world.wait_until_commits(seq as usize + 1);
    }
    world.dustwatch(&["lake", "compact", "--all"]).ok();
    let day = std::fs::read_dir(world.lake().join("observations"))
        .unwrap()
        .flatten();
    let day = day.map(|entry| entry.path()).find(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("day="))
    });
    let under_way = day.unwrap().join("part-under-way.parquet");
    std::fs::write(&under_way, "written, and not committed yet").unwrap();
    let entries = world.commits();
    world.set_clock(30 * DAY);
    world.dustwatch(&["lake", "vacuum"]).ok();
    assert!(under_way.exists(), "a commit may be under way with it");
    assert!(
        world.commits() >= entries,
        "a writer may be counting on an entry of the log"
    );
    world.set_clock(0);
    ingest.terminate().ok();
    assert_eq!(DeltaLog::read(&world.lake().join("observations")).count_rows(), 3);
}

#[test]
fn the_limit_of_rejections_is_neither_stuck_nor_lifted() {
    let world = one_monitor();
    let _broker = Mosquitto::start(world.port(), Memory::OnDisk);
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "clock");
    for (seq, offset) in (1u64..).zip([0, 2 * HOUR, -5 * HOUR, 2 * HOUR, -DAY]) {
        world.set_clock(offset);
        for _ in 0..8 {
            wire.publish(OBS, &b"nonsense"[..]);
        }
        say(&mut wire, seq, time(-HOUR) + seq as i64, 1);
    }
    // Counts are written once their hour is over.
    world.set_clock(5 * HOUR);
    say(&mut wire, 9, time(-HOUR) + 9, 1);
    ingest.terminate().ok();
    let rejected = world.query("SELECT reason, detail FROM rejected");
    let (reasons, details) = (rejected.column("reason"), rejected.column("detail"));
    let kept = reasons.iter().filter(|reason| **reason == "not_json").count();
    assert!(
        (10..=15).contains(&kept),
        "two hours, or three at a full hour: {kept}"
    );
    let rows = reasons.len() - kept;
    assert!((2..=3).contains(&rows), "one row an hour: {rows}");
    let counted: usize = details
        .iter()
        .filter_map(|detail| detail.split_once(" more: not_json "))
        .map(|(count, _)| count.parse::<usize>().unwrap())
        .sum();
    assert_eq!(kept + counted, 40, "every message is kept or counted");
}
