//! Promise: a disk that is full holds the intake up; nothing is lost, and nothing has to be started again.
#![allow(clippy::unwrap_used)]

mod support;

use support::load::{Load, audit, place};
use support::mosquitto::{Memory, Mosquitto};
use support::small_disk::SmallDisk;
use support::world::{World, confirmed};

/// Fills the disk of a folder, loads until the ingester says that it waits, frees the disk.
fn fill(folder: &str, megabytes: u64, complaint: &str) {
    let mut place = place();
    place.journal_keys = "segment_bytes = 1048576".to_owned();
    let world = World::new(&place);
    let disk = SmallDisk::mount(&world.path(folder), megabytes);
    let _broker = Mosquitto::start(world.port(), Memory::OnDisk);
    let mut ingest = world.start_ingest();
    disk.fill();
    let load = Load {
        round: 0,
        observations: 7000,
        batch: 5,
        rate: 1000,
    };
    let agents = load.spawn(&world, world.port());
    ingest.wait_for_log(complaint, |line| line.contains(complaint));
    assert!(!ingest.has_ended(), "it ended:\n{}", ingest.stderr());
    disk.free();
    let said = agents.wait().ok();
    assert_eq!(confirmed(&said), load.observations, "{said}");
    ingest.terminate().ok();
    audit(&world, &[load]);
}

#[test]
fn in_the_journal() {
    fill("journal", 6, "journal disk is full");
}

#[test]
fn in_the_lake() {
    fill("lake", 8, "commit failed, trying again");
}
