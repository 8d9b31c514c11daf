//! What a journal does when nothing goes wrong.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::thread;

use dustwatch_journal::{AppendError, Journal, JournalOptions, OpenError, Position, Reader};
use tempfile::tempdir;

const SMALL: JournalOptions = JournalOptions {
    segment_bytes: 300,
    max_record_bytes: 1000,
    on_damage: dustwatch_journal::OnDamage::Refuse,
};

fn open(dir: &Path) -> Journal {
    Journal::open(dir, SMALL).unwrap().0
}

fn fill(journal: &mut Journal, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        assert_eq!(journal.append(content(number).as_bytes()).unwrap().get(), number);
    }
    journal.sync().unwrap();
}

fn content(number: u64) -> String {
    format!("record {number} {}", "·".repeat(number as usize % 17))
}

fn read_all(reader: &mut Reader) -> Vec<u64> {
    let mut seen = Vec::new();
    while let Some(record) = reader.next().unwrap() {
        assert_eq!(record.bytes, content(record.position.get()).as_bytes());
        seen.push(record.position.get());
    }
    seen
}

fn segments(dir: &Path) -> usize {
    let names = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| name.to_string_lossy().ends_with(".seg"))
        .count()
}

#[test]
fn a_new_journal_is_empty() {
    let dir = tempdir().unwrap();
    let (journal, recovery) = Journal::open(&dir.path().join("deep/down"), SMALL).unwrap();
    assert!(recovery.created);
    assert_eq!(
        (recovery.records, recovery.torn_bytes, recovery.damaged.len()),
        (0, 0, 0)
    );
    assert_eq!(
        (journal.first(), journal.last()),
        (Position::new(1), Position::ZERO)
    );
    assert_eq!(journal.reader(Position::ZERO).next().unwrap(), None);
    assert_eq!((journal.id().len(), journal.bytes()), (16, 40));
}

#[test]
fn records_come_back_in_order_across_segments_and_reopening() {
    let dir = tempdir().unwrap();
    let mut journal = open(dir.path());
    fill(&mut journal, 1..=50);
    let id = journal.id().to_owned();
    assert!(segments(dir.path()) > 5);
    assert_eq!(
        read_all(&mut journal.reader(Position::ZERO)),
        (1..=50).collect::<Vec<_>>()
    );
    assert_eq!(
        read_all(&mut journal.reader(Position::new(33))),
        (34..=50).collect::<Vec<_>>()
    );
    drop(journal);

    let (mut journal, recovery) = Journal::open(dir.path(), SMALL).unwrap();
    assert_eq!(journal.id(), id);
    assert_eq!((recovery.records, recovery.created), (50, false));
    assert_eq!(
        (recovery.first, recovery.last, recovery.cut),
        (Position::new(1), Position::new(50), Position::ZERO)
    );
    fill(&mut journal, 51..=60);
    assert_eq!(
        read_all(&mut journal.reader(Position::ZERO)),
        (1..=60).collect::<Vec<_>>()
    );
}

#[test]
fn empty_records_and_records_larger_than_a_segment_are_records() {
    let dir = tempdir().unwrap();
    let mut journal = open(dir.path());
    let records: [&[u8]; 4] = [b"", &[7; 1000], b"", b"x"];
    for record in records {
        journal.append(record).unwrap();
    }
    journal.sync().unwrap();
    drop(journal);
    let mut reader = open(dir.path()).reader(Position::ZERO);
    for record in records {
        assert_eq!(reader.next().unwrap().unwrap().bytes, record);
    }
    assert_eq!(reader.next().unwrap(), None);
}

#[test]
fn a_record_over_the_limit_is_refused_and_takes_no_position() {
    let dir = tempdir().unwrap();
    let mut journal = open(dir.path());
    let refused = journal.append(&[0; 1001]);
    assert!(matches!(
        refused,
        Err(AppendError::TooLarge { len: 1001, max: 1000 })
    ));
    assert_eq!(journal.append(b"next").unwrap(), Position::new(1));
}

#[test]
fn the_limit_may_be_lowered_below_what_is_in_the_journal() {
    let dir = tempdir().unwrap();
    let mut journal = open(dir.path());
    fill(&mut journal, 1..=20);
    drop(journal);
    let (journal, recovery) = Journal::open(
        dir.path(),
        JournalOptions {
            max_record_bytes: 1,
            ..SMALL
        },
    )
    .unwrap();
    assert_eq!(recovery.records, 20);
    assert_eq!(read_all(&mut journal.reader(Position::ZERO)).len(), 20);
}

#[test]
fn a_reader_sees_only_what_was_synced_and_sees_it_then() {
    let dir = tempdir().unwrap();
    let mut journal = open(dir.path());
    let mut reader = journal.reader(Position::ZERO);
    for number in 1..=30 {
        journal.append(content(number).as_bytes()).unwrap();
        assert!(journal.durable() < journal.last());
        let durable = journal.durable().get();
        assert_eq!(
            read_all(&mut reader)
                .last()
                .copied()
                .unwrap_or(reader.position().get()),
            durable
        );
        if number % 7 == 0 {
            assert_eq!(journal.sync().unwrap().get(), number);
            assert_eq!(read_all(&mut reader).last(), Some(&number));
        }
    }
}

#[test]
fn megabytes_are_written_without_waiting_for_a_sync_but_stay_unseen() {
    let dir = tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), JournalOptions::default()).unwrap();
    let mut reader = journal.reader(Position::ZERO);
    for _ in 0..5 {
        journal.append(&vec![9; 1 << 20]).unwrap();
    }
    assert!(journal.bytes() > 3 << 20);
    assert_eq!(reader.next().unwrap(), None);
    journal.sync().unwrap();
    for number in 1..=5 {
        let record = reader.next().unwrap().unwrap();
        assert_eq!((record.position.get(), record.bytes.len()), (number, 1 << 20));
    }
}

#[test]
fn truncation_gives_space_back_and_is_remembered() {
    let dir = tempdir().unwrap();
    let mut journal = open(dir.path());
    fill(&mut journal, 1..=50);
    let (before, files) = (journal.bytes(), segments(dir.path()));
    let outcome = journal.truncate(Position::new(30)).unwrap();
    assert_eq!(
        (outcome.cut, journal.first()),
        (Position::new(30), Position::new(31))
    );
    assert_eq!(journal.bytes(), before - outcome.bytes_freed);
    assert_eq!(segments(dir.path()), files - outcome.segments_removed as usize);
    assert!(outcome.segments_removed > 2);
    journal.sync().unwrap();
    drop(journal);

    let (mut journal, recovery) = Journal::open(dir.path(), SMALL).unwrap();
    assert_eq!((recovery.cut, recovery.records), (Position::new(30), 20));
    assert_eq!(
        read_all(&mut journal.reader(Position::ZERO)),
        (31..=50).collect::<Vec<_>>()
    );

    let outcome = journal.truncate(Position::new(10)).unwrap();
    assert_eq!((outcome.cut, outcome.segments_removed), (Position::new(30), 0));
    assert_eq!(
        journal.truncate(Position::new(99)).unwrap().cut,
        Position::new(50)
    );
    assert_eq!(segments(dir.path()), 1);
    fill(&mut journal, 51..=55);
    assert_eq!(
        read_all(&mut journal.reader(Position::ZERO)),
        (51..=55).collect::<Vec<_>>()
    );
}

#[test]
fn a_cut_survives_in_the_headers_of_later_segments() {
    let dir = tempdir().unwrap();
    let mut journal = open(dir.path());
    fill(&mut journal, 1..=50);
    journal.truncate(Position::new(49)).unwrap();
    fill(&mut journal, 51..=80);
    journal.truncate(Position::new(60)).unwrap();
    drop(journal);
    let (_, recovery) = Journal::open(dir.path(), SMALL).unwrap();
    assert!(recovery.cut >= Position::new(49));
}

#[test]
fn a_reader_copes_with_truncation_behind_and_around_it() {
    let dir = tempdir().unwrap();
    let mut journal = open(dir.path());
    fill(&mut journal, 1..=50);
    let mut slow = journal.reader(Position::ZERO);
    assert_eq!(slow.next().unwrap().unwrap().position, Position::new(1));
    let mut fresh = journal.reader(Position::ZERO);
    journal.truncate(Position::new(37)).unwrap();
    fill(&mut journal, 51..=60);
    assert_eq!(read_all(&mut slow), (38..=60).collect::<Vec<_>>());
    assert_eq!(read_all(&mut fresh), (38..=60).collect::<Vec<_>>());
}

#[test]
fn a_reader_on_another_thread_gets_every_record_while_they_are_written() {
    let dir = tempdir().unwrap();
    let mut journal = open(dir.path());
    let mut reader = journal.reader(Position::ZERO);
    let consumer = thread::spawn(move || {
        let mut seen = Vec::new();
        while seen.len() < 2000 {
            seen.extend(read_all(&mut reader));
            thread::yield_now();
        }
        seen
    });
    for batch in 0..100 {
        fill(&mut journal, batch * 20 + 1..=batch * 20 + 20);
    }
    assert_eq!(consumer.join().unwrap(), (1..=2000).collect::<Vec<_>>());
}

#[test]
fn a_journal_is_open_once_at_a_time() {
    let dir = tempdir().unwrap();
    let journal = open(dir.path());
    let reader = journal.reader(Position::ZERO);
    let error = Journal::open(dir.path(), SMALL).unwrap_err();
    assert!(
        matches!(&error, OpenError::Locked { path } if path.ends_with("journal.lock")),
        "{error}"
    );
    drop(journal);
    open(dir.path());
    drop(reader);
}

#[test]
fn a_new_journal_in_the_same_directory_has_a_new_id() {
    let dir = tempdir().unwrap();
    let first = open(dir.path()).id().to_owned();
    assert_eq!(open(dir.path()).id(), first);
    std::fs::remove_file(dir.path().join("00000000000000000001.seg")).unwrap();
    assert_ne!(open(dir.path()).id(), first);
}

#[test]
fn opening_and_closing_again_does_not_grow_the_journal() {
    let dir = tempdir().unwrap();
    fill(&mut open(dir.path()), 1..=3);
    let bytes = open(dir.path()).bytes();
    assert_eq!(open(dir.path()).bytes(), bytes);
}

#[test]
fn the_oldest_segment_can_be_given_up_alone() {
    let dir = tempdir().unwrap();
    let mut journal = open(dir.path());
    assert_eq!(
        journal.oldest_segment_end(),
        None,
        "only the one that is written to"
    );
    while journal.oldest_segment_end().is_none() {
        let next = journal.last().get() + 1;
        fill(&mut journal, next..=next);
    }
    let end = journal.oldest_segment_end().unwrap();
    assert!(end > Position::ZERO && end < journal.last());
    let before = journal.bytes();
    let outcome = journal.truncate(end).unwrap();
    assert_eq!((outcome.cut, outcome.segments_removed), (end, 1));
    assert!(journal.bytes() < before);
    assert_eq!(journal.oldest_segment_end(), None);
}
