//! Promise: a journal or a log that a fault has damaged is either mended without loss or refused with its name.
//!
//! What no sync had covered is nobody's and is cut off; what was durable once is never skipped in silence.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use support::load::{Load, audit, place};
use support::mosquitto::{Memory, Mosquitto};
use support::world::{World, confirmed};

/// A world whose ingester was killed with more than two megabytes in its journal and nothing of it in the table.
fn killed_with_a_full_journal() -> (World, Mosquitto, Load, Vec<PathBuf>) {
    let mut place = place();
    place.journal_keys = "segment_bytes = 1048576".to_owned();
    place.lake_keys = "commit_interval_seconds = 3600\ncommit_rows = 1000000".to_owned();
    let world = World::new(&place);
    let broker = Mosquitto::start(world.port(), Memory::OnDisk);
    let ingest = world.start_ingest();
    let load = Load {
        round: 0,
        observations: 14_000,
        batch: 50,
        rate: 1000,
    };
    let said = load.spawn(&world, world.port()).wait().ok();
    assert_eq!(confirmed(&said), load.observations, "{said}");
    ingest.kill();
    let segments = segments(&world.path("journal"));
    (world, broker, load, segments)
}

/// The segments of a journal, oldest first.
fn segments(journal: &Path) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = std::fs::read_dir(journal)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.metadata().unwrap().len() > 10_000)
        .collect();
    out.sort();
    out
}

/// The ingester does not start, and says what is to blame.
#[track_caller]
fn expect_refusal(world: &World, culprit: &str) {
    let said = world.spawn_ingest().wait_at_most(Duration::from_secs(60));
    said.expect_code(1);
    assert!(said.stderr.contains(culprit), "{culprit} is not named: {said}");
}

fn name(segment: &Path) -> &str {
    segment.file_name().unwrap().to_str().unwrap()
}

#[test]
fn a_flipped_bit_is_refused_and_mended_by_the_copy() {
    let (world, _broker, load, segments) = killed_with_a_full_journal();
    let good = std::fs::read(&segments[0]).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    std::fs::write(&segments[0], bad).unwrap();
    expect_refusal(&world, name(&segments[0]));
    std::fs::write(&segments[0], good).unwrap();
    world.start_ingest().terminate().ok();
    audit(&world, &[load]);
}

#[test]
fn a_missing_segment_is_refused() {
    let (world, _broker, load, segments) = killed_with_a_full_journal();
    assert!(segments.len() >= 3, "{segments:?} has no middle");
    let aside = world.path("aside");
    std::fs::rename(&segments[1], &aside).unwrap();
    // A segment is named for its first record.
    let first = name(&segments[1])
        .trim_start_matches('0')
        .trim_end_matches(".seg");
    expect_refusal(&world, &format!("expected one with record {first}"));
    std::fs::rename(&aside, &segments[1]).unwrap();
    world.start_ingest().terminate().ok();
    audit(&world, &[load]);
}

#[test]
fn a_torn_end_is_cut_off_with_a_warning() {
    let (world, _broker, load, segments) = killed_with_a_full_journal();
    let newest = segments.last().unwrap();
    // Half a record that a power loss left behind the last sync: no one was told of it.
    let whole = std::fs::read(newest).unwrap();
    let torn = [whole.as_slice(), &whole[whole.len() / 4..whole.len() / 4 + 700]].concat();
    std::fs::write(newest, torn).unwrap();
    let mut ingest = world.start_ingest();
    ingest.wait_for_log("that the end was cut off", |line| {
        line.contains("WARN") && line.contains("cut off")
    });
    ingest.terminate().ok();
    audit(&world, &[load]);
}

/// The power fails right after a commit, before anyone relied on it, and its entry is not whole on the disk.
fn tear_the_newest_entry(keep: impl Fn(u64) -> u64) {
    let world = World::new(&place());
    let _broker = Mosquitto::start(world.port(), Memory::OnDisk);
    let load = Load {
        round: 0,
        observations: 3000,
        batch: 2,
        rate: 500,
    };
    let failing = world.spawn_failing_ingest("observations_committed:2");
    let agents = load.spawn(&world, world.port());
    assert_eq!(failing.wait().code, None, "a signal was to end it");
    let entry = world.newest_entry();
    let file = OpenOptions::new().write(true).open(&entry).unwrap();
    file.set_len(keep(file.metadata().unwrap().len())).unwrap();
    let mut ingest = world.start_ingest();
    ingest.wait_for_log("that an entry was set aside", |line| {
        line.contains("WARN") && line.contains("set aside")
    });
    let said = agents.wait().ok();
    assert_eq!(confirmed(&said), load.observations, "{said}");
    ingest.terminate().ok();
    audit(&world, &[load]);
}

#[test]
fn an_empty_newest_entry_of_the_table_is_repaired() {
    tear_the_newest_entry(|_| 0);
}

#[test]
fn half_an_entry_of_the_table_is_repaired() {
    tear_the_newest_entry(|length| length / 2);
}

/// A journal has one ingester, and so its application id has one committer.
#[test]
fn a_second_ingester_is_refused_while_the_first_one_lives() {
    let world = World::new(&place());
    let _broker = Mosquitto::start(world.port(), Memory::OnDisk);
    let mut ingest = world.start_ingest();
    expect_refusal(&world, "journal.lock");
    assert!(!ingest.has_ended());
    ingest.terminate().ok();
}

/// Its positions would be given out twice, and the second time be taken for committed.
#[test]
fn an_older_copy_of_the_journal_is_refused() {
    let world = World::new(&place());
    let _broker = Mosquitto::start(world.port(), Memory::OnDisk);
    let load = |round| {
        let ingest = world.start_ingest();
        let load = Load {
            round,
            observations: 500,
            batch: 5,
            rate: 1000,
        };
        let said = load.spawn(&world, world.port()).wait().ok();
        assert_eq!(confirmed(&said), load.observations, "{said}");
        ingest.terminate().ok();
        load
    };
    let first = load(0);
    let (journal, copy) = (world.path("journal"), world.path("copy"));
    std::fs::create_dir(&copy).unwrap();
    for file in std::fs::read_dir(&journal).unwrap() {
        let file = file.unwrap().path();
        std::fs::copy(&file, copy.join(file.file_name().unwrap())).unwrap();
    }
    let second = load(1);
    std::fs::rename(&journal, world.path("newer")).unwrap();
    std::fs::rename(&copy, &journal).unwrap();
    expect_refusal(&world, "an older copy of the journal's folder was put back");
    // Moved away, as the message says.
    std::fs::remove_dir_all(&journal).unwrap();
    let third = load(2);
    audit(&world, &[first, second, third]);
}
