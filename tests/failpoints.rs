//! Promise: wherever between two instructions the ingester dies, nothing confirmed is lost and nothing is there twice.
//!
//! The program has a fail point behind every hand-over and stops dead there at a given pass, which no random kill is
//! sure to hit. It is then started again without, the agents finish, and the table is read from the outside.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Mutex;
use std::time::Duration;

use support::load::{Load, audit, place};
use support::mosquitto::{Memory, Mosquitto};
use support::world::{World, confirmed};

/// Behind every hand-over, down the way.
const POINTS: [&str; 12] = [
    "received",
    "journal_appended",
    "journal_synced",
    "receipts_sent",
    "decoded",
    "sealed",
    "rejected_committed",
    "admitted",
    "observations_committed",
    "position_announced",
    "acks_published",
    "journal_cut",
];
const PASSES: [u64; 2] = [1, 3];
/// Cases at the same time: each mostly waits.
const WORKERS: usize = 4;
/// Longest way to a fail point.
const SOON: Duration = Duration::from_secs(60);

fn stop_at_every_point(ack_after: &str) {
    let points = POINTS
        .iter()
        .flat_map(|point| PASSES.map(|pass| format!("{point}:{pass}")));
    let cases = Mutex::new(points.collect::<Vec<_>>());
    let next = || cases.lock().unwrap().pop();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(at) = next() {
                    stop_at(&at, ack_after);
                }
            });
        }
    });
}

fn stop_at(at: &str, ack_after: &str) {
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
    let failing = world.spawn_failing_ingest(at);
    let agents = load.spawn(&world, world.port());
    let dead = failing.wait_at_most(SOON);
    assert_eq!(dead.code, None, "{at}: a signal was to end {dead}");

    let ingest = world.start_ingest();
    let said = agents.wait().ok();
    assert_eq!(confirmed(&said), load.observations, "{at}: {said}");
    ingest.terminate().ok();
    audit(&world, &[load]);
}

#[test]
fn stopped_dead_at_any_hand_over_it_loses_and_repeats_nothing() {
    stop_at_every_point("journal");
}

#[test]
fn nor_does_it_when_it_acknowledges_after_the_table() {
    stop_at_every_point("lake");
}
