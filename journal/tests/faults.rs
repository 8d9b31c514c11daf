//! What a journal does when the disk is full, fails, or loses its power, and when the process is killed.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use dustwatch_journal::storage::FaultyStorage;
use dustwatch_journal::{
    AppendError, Journal, JournalOptions, OpenError, Position, SyncError, TruncateError,
};

const SMALL: JournalOptions = JournalOptions {
    segment_bytes: 1000,
    max_record_bytes: 2 << 20,
    on_damage: dustwatch_journal::OnDamage::Refuse,
};

fn open(disk: &FaultyStorage) -> Journal {
    Journal::open_on(Arc::new(disk.clone()), SMALL).unwrap().0
}

/// Depends on nothing but the position, and has a length of its own.
fn content(number: u64) -> Vec<u8> {
    let length = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
    (0..length)
        .map(|at| (number.wrapping_mul(31) + at) as u8)
        .collect()
}

fn append(journal: &mut Journal, count: u64) {
    for _ in 0..count {
        let position = journal.last().next();
        assert_eq!(journal.append(&content(position.get())).unwrap(), position);
    }
}

fn check_all(journal: &Journal) -> u64 {
    let mut reader = journal.reader(Position::ZERO);
    let mut expected = journal.first();
    while let Some(record) = reader.next().unwrap() {
        assert_eq!(record.position, expected);
        assert!(
            record.bytes == content(expected.get()),
            "content of record {expected}"
        );
        expected = expected.next();
    }
    expected.get() - 1
}

#[test]
fn short_writes_are_completed() {
    let disk = FaultyStorage::new();
    disk.set_write_limit(Some(3));
    let mut journal = open(&disk);
    append(&mut journal, 20);
    journal.sync().unwrap();
    drop(journal);
    assert_eq!(check_all(&open(&disk)), 20);
}

#[test]
fn a_full_disk_is_waited_out_and_nothing_is_lost_or_doubled() {
    let disk = FaultyStorage::new();
    let mut journal = open(&disk);
    append(&mut journal, 3);
    journal.sync().unwrap();
    disk.set_capacity(Some(journal.bytes() + 100));
    append(&mut journal, 1);
    let position = journal.last();
    journal.append(&[1; 300]).map(drop).unwrap();
    let bytes = journal.bytes();
    for _ in 0..3 {
        assert!(matches!(journal.sync(), Err(SyncError::Full(_))));
        assert_eq!((journal.durable().get(), journal.bytes()), (3, bytes));
    }
    disk.set_capacity(None);
    assert_eq!(journal.sync().unwrap(), position.next());
    drop(journal);
    let mut reader = open(&disk).reader(Position::new(3));
    assert_eq!(reader.next().unwrap().unwrap().bytes, content(4));
    assert_eq!(reader.next().unwrap().unwrap().bytes, [1; 300]);
    assert_eq!(reader.next().unwrap(), None);
}

#[test]
fn a_full_disk_bounds_what_is_taken_into_memory() {
    let disk = FaultyStorage::new();
    let options = JournalOptions {
        segment_bytes: 64 << 20,
        ..SMALL
    };
    let (mut journal, _) = Journal::open_on(Arc::new(disk.clone()), options).unwrap();
    disk.set_capacity(Some(10_000));
    let mut taken = 0;
    let error = loop {
        match journal.append(&[5; 10_000]) {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, AppendError::Full(_)), "{error}");
    assert!((90..110).contains(&taken), "{taken} records");
    assert_eq!(journal.last().get(), taken);
    disk.set_capacity(None);
    assert_eq!(journal.sync().unwrap().get(), taken);
}

#[test]
fn there_is_no_space_for_a_new_segment_and_then_there_is() {
    let disk = FaultyStorage::new();
    let mut journal = open(&disk);
    for _ in 0..4 {
        journal.append(&[2; 200]).unwrap();
    }
    journal.sync().unwrap();
    for spare in [0, 17, 39] {
        disk.set_capacity(Some(journal.bytes() + spare));
        assert!(
            matches!(journal.append(&[3; 200]), Err(AppendError::Full(_))),
            "{spare} bytes left"
        );
    }
    assert_eq!(journal.last().get(), 4);
    disk.set_capacity(None);
    journal.append(&[3; 200]).unwrap();
    journal.sync().unwrap();
    drop(journal);
    let (journal, recovery) = Journal::open_on(Arc::new(disk), SMALL).unwrap();
    assert_eq!((recovery.records, recovery.torn_bytes), (5, 0));
    assert_eq!(journal.last().get(), 5);
}

#[test]
fn truncation_makes_room_on_a_full_disk() {
    let disk = FaultyStorage::new();
    let mut journal = open(&disk);
    append(&mut journal, 40);
    journal.sync().unwrap();
    disk.set_capacity(Some(journal.bytes()));
    append(&mut journal, 1);
    assert!(matches!(journal.sync(), Err(SyncError::Full(_))));
    let outcome = journal.truncate(Position::new(30)).unwrap();
    assert!(outcome.bytes_freed > 1000);
    assert_eq!(journal.sync().unwrap().get(), 41);
    drop(journal);
    let journal = open(&disk);
    assert_eq!((journal.cut().get(), check_all(&journal)), (30, 41));
}

#[test]
fn a_failed_sync_poisons_the_journal_until_it_is_opened_again() {
    let disk = FaultyStorage::new();
    let mut journal = open(&disk);
    append(&mut journal, 2);
    journal.sync().unwrap();
    append(&mut journal, 2);
    disk.fail_syncs(1);
    assert!(matches!(journal.sync(), Err(SyncError::Io(_))));
    let poisoned = journal.sync().unwrap_err();
    assert!(matches!(poisoned, SyncError::Poisoned { .. }));
    assert!(
        poisoned
            .to_string()
            .contains("cannot sync 00000000000000000001.seg"),
        "{poisoned}"
    );
    assert!(matches!(journal.append(b"x"), Err(AppendError::Poisoned { .. })));
    assert!(matches!(
        journal.truncate(Position::new(1)),
        Err(TruncateError::Poisoned { .. })
    ));
    assert_eq!((journal.durable().get(), check_all(&journal)), (2, 2));
    drop(journal);
    append(&mut open(&disk), 2);
}

#[test]
fn what_a_failed_sync_left_in_the_page_cache_is_durable_after_opening_again() {
    let disk = FaultyStorage::new();
    let mut journal = open(&disk);
    append(&mut journal, 4);
    disk.fail_syncs(1);
    journal.sync().unwrap_err();
    drop(journal);
    let journal = open(&disk);
    assert_eq!(journal.durable().get(), 4);
    disk.lose_power(1);
    assert_eq!(check_all(&open(&disk)), 4);
}

#[test]
fn a_failed_write_poisons_the_journal_until_it_is_opened_again() {
    let disk = FaultyStorage::new();
    let mut journal = open(&disk);
    append(&mut journal, 2);
    disk.fail_writes(1);
    assert!(matches!(journal.sync(), Err(SyncError::Io(_))));
    assert!(matches!(journal.sync(), Err(SyncError::Poisoned { .. })));
    drop(journal);
    assert_eq!(check_all(&open(&disk)), 0);
}

#[test]
fn a_sync_that_fails_while_a_segment_is_made_poisons_too() {
    for failing in 1..=3 {
        let disk = FaultyStorage::new();
        let mut journal = open(&disk);
        for _ in 0..4 {
            journal.append(&[2; 200]).unwrap();
        }
        if failing > 1 {
            journal.sync().unwrap();
        }
        disk.fail_syncs(1);
        let error = journal.append(&[2; 200]).unwrap_err();
        assert!(matches!(error, AppendError::Io(_)), "{error}");
        assert!(matches!(journal.append(b""), Err(AppendError::Poisoned { .. })));
        drop(journal);
        assert_eq!(open(&disk).last().get(), 4);
    }
}

#[test]
fn opening_fails_when_what_it_found_cannot_be_made_durable() {
    let disk = FaultyStorage::new();
    append(&mut open(&disk), 1);
    disk.fail_syncs(1);
    assert!(matches!(
        Journal::open_on(Arc::new(disk.clone()), SMALL),
        Err(OpenError::Io(_))
    ));
    open(&disk);
}

#[test]
fn a_power_loss_takes_nothing_that_was_synced_and_leaves_no_hole() {
    for seed in 0..300 {
        let disk = FaultyStorage::new();
        let mut journal = open(&disk);
        append(&mut journal, 1 + seed % 23);
        let durable = journal.sync().unwrap().get();
        append(&mut journal, 12);
        if seed % 2 == 0 {
            disk.fail_syncs(1);
            journal.sync().unwrap_err();
        }
        disk.lose_power(seed);
        let left = check_all(&open(&disk));
        assert!(
            (durable..=durable + 12).contains(&left),
            "seed {seed}: {left} of {durable}"
        );
    }
}

const CHILD: &str = "DUSTWATCH_JOURNAL_TEST_DIR";

/// Not a test of its own: what the next test starts and kills.
#[test]
fn child_that_appends_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else {
        return;
    };
    let options = JournalOptions {
        segment_bytes: 20_000,
        ..SMALL
    };
    let (mut journal, recovery) = Journal::open(Path::new(&dir), options).unwrap();
    println!("\nopened {} {}", recovery.cut, recovery.last);
    for round in 1.. {
        append(&mut journal, round % 40);
        let synced = journal.sync().unwrap();
        writeln!(std::io::stdout(), "synced {synced}").unwrap();
        if round % 50 == 0 {
            let cut = journal
                .truncate(Position::new(synced.get().saturating_sub(300)))
                .unwrap()
                .cut;
            journal.sync().unwrap();
            writeln!(std::io::stdout(), "cut {cut}").unwrap();
        }
    }
}

#[test]
fn a_killed_process_keeps_every_record_that_it_reported_as_synced() {
    let dir = tempfile::tempdir().unwrap();
    let (mut synced, mut cut) = (0, 0);
    for round in 0..25 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "child_that_appends_until_it_is_killed",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let reports = thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
        thread::sleep(Duration::from_millis(40 + round * 7 % 60));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in reports.join().unwrap() {
            let (what, number) = line.split_once(' ').unwrap_or_default();
            match (what, number.parse::<u64>()) {
                ("synced", Ok(number)) => synced = number,
                ("cut", Ok(number)) => cut = number,
                _ => {}
            }
        }
        let (journal, recovery) = Journal::open(dir.path(), SMALL).unwrap();
        assert!(recovery.last.get() >= synced, "{recovery:?}, synced {synced}");
        assert!(recovery.cut.get() >= cut, "{recovery:?}, cut {cut}");
        assert_eq!(check_all(&journal), recovery.last.get());
    }
    assert!(synced > 25, "the child hardly got anywhere: {synced}");
}
