//! Promise: wherever between two instructions a process dies, nothing confirmed is lost and nothing is there twice.
//!
//! The program has a fail point behind every hand-over and stops dead there at a given pass, which no random kill is
//! sure to hit. The points are the program's own list. One that an ingester passes ends the ingester, which is then
//! started again without; one of compaction or vacuum ends that command, beside an ingester that goes on. The agents
//! finish, and the table is read from the outside.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Mutex;
use std::time::Duration;

use dustwatch_failpoint::{Passer, Point};
use support::load::{Load, audit, place};
use support::mosquitto::{Memory, Mosquitto};
use support::process::Running;
use support::world::{World, confirmed};

/// Cases at the same time: each mostly waits.
const WORKERS: usize = 4;
const COMPACT: &[&str] = &["lake", "compact", "--all"];
/// What was replaced is deleted at once.
const VACUUM: &[&str] = &["lake", "vacuum", "--keep-days", "0"];
/// Longest way to a fail point.
const SOON: Duration = Duration::from_secs(60);

fn stop_at_every_point(ack_after: &str) {
    let points = Point::ALL
        .iter()
        .flat_map(|point| passes(point.passer()).iter().map(move |pass| (*point, *pass)));
    let cases = Mutex::new(points.collect::<Vec<_>>());
    let next = || cases.lock().unwrap().pop();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((point, pass)) = next() {
                    stop_at(point, pass, ack_after);
                }
            });
        }
    });
}

/// A command may have one day, or one table, to work on.
fn passes(passer: Passer) -> &'static [u64] {
    match passer {
        Passer::Ingester => &[1, 3],
        Passer::Compaction | Passer::Vacuum => &[1],
    }
}

fn stop_at(point: Point, pass: u64, ack_after: &str) {
    let at = format!("{}:{pass}", point.name());
    eprintln!("{at}, ack_after = {ack_after}");
    let mut place = place();
    place.broker_keys += &format!("ack_after = \"{ack_after}\"");
    place.lake_keys = "commit_interval_seconds = 1\ncommit_rows = 1000".to_owned();
    let world = World::new(&place);
    let _broker = Mosquitto::start(world.port(), Memory::OnDisk);
    let load = Load {
        round: 0,
        observations: 5000,
        batch: 5,
        rate: 400,
    };
    let (ingest, agents) = match point.passer() {
        Passer::Ingester => {
            let failing = world.spawn_failing_ingest(&at);
            let agents = load.spawn(&world, world.port());
            expect_dead(failing, &at);
            (world.start_ingest(), agents)
        }
        Passer::Compaction => beside_an_ingester(&world, load, &at, &[], COMPACT),
        Passer::Vacuum => beside_an_ingester(&world, load, &at, COMPACT, VACUUM),
    };
    let said = agents.wait().ok();
    assert_eq!(confirmed(&said), load.observations, "{at}: {said}");
    ingest.terminate().ok();
    audit(&world, &[load]);
    // What the dead process left half done is in nobody's way.
    for command in [COMPACT, VACUUM, &["lake", "verify"]] {
        world.dustwatch(command).ok();
    }
    audit(&world, &[load]);
}

/// A command that dies in the middle of a load, after another one that gives it something to do.
fn beside_an_ingester(
    world: &World,
    load: Load,
    at: &str,
    before: &[&str],
    command: &[&str],
) -> (Running, Running) {
    let ingest = world.start_ingest();
    let agents = load.spawn(world, world.port());
    world.wait_for_commits(3);
    if !before.is_empty() {
        world.dustwatch(before).ok();
    }
    expect_dead(world.spawn_failing(command, at), at);
    (ingest, agents)
}

#[track_caller]
fn expect_dead(failing: Running, at: &str) {
    let dead = failing.wait_at_most(SOON);
    assert_eq!(dead.code, None, "{at}: a signal was to end {dead}");
}

#[test]
fn stopped_dead_at_any_hand_over_it_loses_and_repeats_nothing() {
    stop_at_every_point("journal");
}

#[test]
fn nor_does_it_when_it_acknowledges_after_the_table() {
    stop_at_every_point("lake");
}
