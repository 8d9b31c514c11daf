//! What opening makes of files that a crash, or rot, has left.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use dustwatch_journal::storage::{FaultyStorage, Storage};
use dustwatch_journal::{
    DamageKind, Journal, JournalOptions, OnDamage, OpenError, Position, ReadError, Recovery,
};

const HEADER: usize = 40;
/// A record of ten bytes.
const FRAME: usize = 27;
const REFUSE: JournalOptions = JournalOptions {
    segment_bytes: 40 + 4 * 27,
    max_record_bytes: 1000,
    on_damage: OnDamage::Refuse,
};
const SKIP: JournalOptions = JournalOptions {
    on_damage: OnDamage::Skip,
    ..REFUSE
};

fn try_open(disk: &FaultyStorage, options: JournalOptions) -> Result<(Journal, Recovery), OpenError> {
    Journal::open_on(Arc::new(disk.clone()), options)
}

fn fill(journal: &mut Journal, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        assert_eq!(journal.append(&content(number)).unwrap().get(), number);
    }
    journal.sync().unwrap();
}

fn content(number: u64) -> Vec<u8> {
    format!("{number:010}").into_bytes()
}

/// Four records a segment, all in one sync each; closed in good order, so a mark ends the newest segment.
fn journal_of(records: u64) -> FaultyStorage {
    let disk = FaultyStorage::new();
    let (mut journal, _) = try_open(&disk, REFUSE).unwrap();
    if records > 0 {
        fill(&mut journal, 1..=records);
    }
    disk
}

/// The same, but the process was killed: no mark at the end.
fn killed_journal_of(records: u64) -> FaultyStorage {
    let disk = FaultyStorage::new();
    let (mut journal, _) = try_open(&disk, REFUSE).unwrap();
    fill(&mut journal, 1..=records);
    disk.kill();
    disk
}

fn name(first: u64) -> String {
    format!("{first:020}.seg")
}

fn flip(disk: &FaultyStorage, first: u64, offset: usize) {
    disk.corrupt(&name(first), |bytes| bytes[offset] ^= 0x40);
}

fn positions(journal: &Journal) -> Vec<u64> {
    let mut reader = journal.reader(Position::ZERO);
    let mut seen = Vec::new();
    while let Some(record) = reader.next().unwrap() {
        assert_eq!(record.bytes, content(record.position.get()));
        seen.push(record.position.get());
    }
    seen
}

/// It can be written to, and both old and new records are there after another opening.
fn goes_on(disk: &FaultyStorage, mut journal: Journal, options: JournalOptions, mut expected: Vec<u64>) {
    assert_eq!(positions(&journal), expected);
    let next = journal.last().next().get();
    fill(&mut journal, next..=next + 9);
    expected.extend(next..=next + 9);
    assert_eq!(positions(&journal), expected);
    drop(journal);
    assert_eq!(positions(&try_open(disk, options).unwrap().0), expected);
}

#[test]
fn a_torn_last_frame_is_cut_off_at_every_length() {
    for lost in 1..FRAME {
        let disk = killed_journal_of(3);
        disk.corrupt(&name(1), |bytes| bytes.truncate(bytes.len() - lost));
        let (journal, recovery) = try_open(&disk, REFUSE).unwrap();
        assert_eq!(
            (recovery.last, recovery.torn_bytes),
            (Position::new(2), (FRAME - lost) as u64)
        );
        goes_on(&disk, journal, REFUSE, vec![1, 2]);
    }
}

#[test]
fn a_last_frame_with_a_bad_checksum_is_cut_off() {
    let disk = killed_journal_of(3);
    flip(&disk, 1, HEADER + 2 * FRAME + 20);
    let (journal, recovery) = try_open(&disk, REFUSE).unwrap();
    assert_eq!((recovery.torn_bytes, recovery.torn_records), (FRAME as u64, 0));
    goes_on(&disk, journal, REFUSE, vec![1, 2]);
}

#[test]
fn zeroes_at_the_end_are_a_torn_tail() {
    let disk = killed_journal_of(3);
    disk.corrupt(&name(1), |bytes| bytes.extend([0; 5000]));
    let (journal, recovery) = try_open(&disk, REFUSE).unwrap();
    assert_eq!((recovery.records, recovery.torn_bytes), (3, 5000));
    goes_on(&disk, journal, REFUSE, vec![1, 2, 3]);
}

#[test]
fn a_hole_in_front_of_frames_that_no_sync_ever_covered_is_a_torn_tail() {
    let disk = killed_journal_of(4);
    disk.corrupt(&name(1), |bytes| bytes[HEADER + FRAME..][..FRAME].fill(0));
    let (journal, recovery) = try_open(&disk, REFUSE).unwrap();
    assert_eq!(
        (recovery.torn_bytes, recovery.torn_records),
        (3 * FRAME as u64, 2)
    );
    goes_on(&disk, journal, REFUSE, vec![1]);
}

#[test]
fn a_newest_segment_without_a_whole_header_is_made_again() {
    for length in [0, 1, 12, 39, 40] {
        let disk = journal_of(8);
        try_open(&disk, REFUSE).unwrap();
        let mut file = disk.create(&name(9)).unwrap();
        file.set_length(length).unwrap();
        let (journal, recovery) = try_open(&disk, REFUSE).unwrap();
        assert_eq!((recovery.last, recovery.torn_bytes), (Position::new(8), length));
        goes_on(&disk, journal, REFUSE, (1..=8).collect());
    }
}

#[test]
fn a_crash_while_the_very_first_segment_was_made_leaves_a_new_journal() {
    let disk = FaultyStorage::new();
    disk.create(&name(1)).unwrap();
    let (journal, recovery) = try_open(&disk, REFUSE).unwrap();
    assert!(recovery.created);
    goes_on(&disk, journal, REFUSE, vec![]);
}

#[test]
fn a_bad_frame_in_an_older_segment_is_damage() {
    let disk = journal_of(10);
    flip(&disk, 5, HEADER + FRAME + 3);
    let error = try_open(&disk, REFUSE).unwrap_err();
    let expected = (HEADER + FRAME) as u64;
    let OpenError::Damaged {
        segment,
        offset,
        position,
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(
        (segment.to_str(), *offset, position.get()),
        (Some(name(5).as_str()), expected, 6)
    );
    assert!(
        error
            .to_string()
            .contains("00000000000000000005.seg at offset 67"),
        "{error}"
    );

    let (journal, recovery) = try_open(&disk, SKIP).unwrap();
    assert_eq!(
        (recovery.records, recovery.lost_records, recovery.last.get()),
        (9, 1, 10)
    );
    let damage = &recovery.damaged[0];
    assert_eq!(
        (damage.offset, damage.bytes, damage.kind),
        (expected, FRAME as u64, DamageKind::Frame)
    );
    assert_eq!((damage.from.get(), damage.to.get()), (6, 6));
    goes_on(&disk, journal, SKIP, vec![1, 2, 3, 4, 5, 7, 8, 9, 10]);
}

#[test]
fn a_bad_last_frame_of_an_older_segment_is_damage_too() {
    let disk = journal_of(10);
    flip(&disk, 5, HEADER + 3 * FRAME + 20);
    assert!(matches!(try_open(&disk, REFUSE), Err(OpenError::Damaged { .. })));
    let (journal, recovery) = try_open(&disk, SKIP).unwrap();
    assert_eq!(
        (recovery.damaged[0].from.get(), recovery.damaged[0].to.get()),
        (8, 8)
    );
    goes_on(&disk, journal, SKIP, vec![1, 2, 3, 4, 5, 6, 7, 9, 10]);
}

#[test]
fn a_bad_frame_in_the_newest_segment_is_damage_when_a_later_sync_covered_it() {
    for record in 0..3 {
        let disk = journal_of(3);
        flip(&disk, 1, HEADER + record * FRAME + 20);
        assert!(
            matches!(try_open(&disk, REFUSE), Err(OpenError::Damaged { .. })),
            "record {record}"
        );
        let (journal, recovery) = try_open(&disk, SKIP).unwrap();
        assert_eq!((recovery.lost_records, recovery.last.get()), (1, 3));
        let left = (1..=3).filter(|number| *number != record as u64 + 1).collect();
        goes_on(&disk, journal, SKIP, left);
    }
}

#[test]
fn damage_and_a_torn_tail_are_told_apart_in_one_segment() {
    let disk = FaultyStorage::new();
    let (mut journal, _) = try_open(
        &disk,
        JournalOptions {
            segment_bytes: 10_000,
            ..SKIP
        },
    )
    .unwrap();
    fill(&mut journal, 1..=5);
    fill(&mut journal, 6..=9);
    disk.kill();
    flip(&disk, 1, HEADER + FRAME + 20);
    disk.corrupt(&name(1), |bytes| bytes.truncate(bytes.len() - 4));
    let (journal, recovery) = try_open(&disk, SKIP).unwrap();
    assert_eq!(
        (recovery.lost_records, recovery.torn_bytes),
        (1, FRAME as u64 - 4)
    );
    goes_on(&disk, journal, SKIP, vec![1, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_bad_length_does_not_hide_the_frames_behind_it() {
    let disk = journal_of(10);
    disk.corrupt(&name(5), |bytes| {
        bytes[HEADER..HEADER + 4].copy_from_slice(&(FRAME as u32 + 10).to_le_bytes())
    });
    let (journal, _) = try_open(&disk, SKIP).unwrap();
    goes_on(&disk, journal, SKIP, vec![1, 2, 3, 4, 6, 7, 8, 9, 10]);
    let disk = journal_of(10);
    disk.corrupt(&name(5), |bytes| bytes[HEADER..HEADER + 4].fill(0xff));
    let (journal, _) = try_open(&disk, SKIP).unwrap();
    goes_on(&disk, journal, SKIP, vec![1, 2, 3, 4, 6, 7, 8, 9, 10]);
}

#[test]
fn a_record_that_holds_a_piece_of_another_journal_is_not_taken_for_one() {
    let other = journal_of(4);
    let mut piece = Vec::new();
    other.corrupt(&name(1), |bytes| piece = bytes[HEADER..].to_vec());
    let disk = FaultyStorage::new();
    let (mut journal, _) = try_open(&disk, REFUSE).unwrap();
    journal.append(&piece).unwrap();
    journal.sync().unwrap();
    disk.kill();
    flip(&disk, 1, HEADER);
    let (_, recovery) = try_open(&disk, REFUSE).unwrap();
    assert_eq!((recovery.last, recovery.torn_records), (Position::ZERO, 0));
}

#[test]
fn a_missing_segment_in_the_middle_is_named() {
    let disk = journal_of(12);
    disk.remove(&name(5)).unwrap();
    let error = try_open(&disk, REFUSE).unwrap_err();
    let OpenError::MissingSegment { expected, found } = error else {
        panic!("{error}")
    };
    assert_eq!((expected.get(), found.get()), (5, 9));
    let (journal, recovery) = try_open(&disk, SKIP).unwrap();
    assert_eq!((recovery.lost_records, recovery.records), (4, 8));
    assert_eq!(
        (recovery.damaged[0].kind, &recovery.damaged[0].segment),
        (DamageKind::Missing, &name(5))
    );
    goes_on(&disk, journal, SKIP, vec![1, 2, 3, 4, 9, 10, 11, 12]);
}

#[test]
fn a_bad_header_in_front_of_good_frames_is_damage_and_costs_no_record() {
    for segment in [1, 5, 9] {
        let disk = journal_of(10);
        flip(&disk, segment, 22);
        let error = try_open(&disk, REFUSE).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { offset: 0, .. }), "{error}");
        let (journal, recovery) = try_open(&disk, SKIP).unwrap();
        assert_eq!(
            (recovery.damaged[0].kind, recovery.lost_records),
            (DamageKind::Header, 0)
        );
        goes_on(&disk, journal, SKIP, (1..=10).collect());
    }
}

#[test]
fn positions_are_not_given_out_again_when_the_only_header_is_lost() {
    let disk = journal_of(3);
    flip(&disk, 1, 0);
    assert!(matches!(try_open(&disk, REFUSE), Err(OpenError::Damaged { .. })));
    let (journal, recovery) = try_open(&disk, SKIP).unwrap();
    assert!(
        recovery.last >= Position::new(3) && recovery.records == 0,
        "{recovery:?}"
    );
    goes_on(&disk, journal, SKIP, vec![]);
}

#[test]
fn damage_that_was_truncated_away_is_not_damage() {
    let disk = journal_of(10);
    let (mut journal, _) = try_open(&disk, REFUSE).unwrap();
    journal.truncate(Position::new(7)).unwrap();
    journal.sync().unwrap();
    drop(journal);
    flip(&disk, 5, HEADER + FRAME + 20);
    let (journal, recovery) = try_open(&disk, REFUSE).unwrap();
    assert_eq!(
        (recovery.records, recovery.lost_records, recovery.damaged.len()),
        (3, 0, 0)
    );
    goes_on(&disk, journal, REFUSE, vec![8, 9, 10]);
}

#[test]
fn a_journal_of_a_later_version_is_left_alone() {
    let disk = journal_of(10);
    disk.corrupt(&name(9), |bytes| bytes[8] = 2);
    for options in [REFUSE, SKIP] {
        let error = try_open(&disk, options).unwrap_err();
        assert!(
            matches!(
                error,
                OpenError::NewerVersion {
                    found: 2,
                    supported: 1,
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn a_segment_of_another_journal_is_damage() {
    let (disk, other) = (journal_of(10), journal_of(10));
    let mut foreign = Vec::new();
    other.corrupt(&name(5), |bytes| foreign.clone_from(bytes));
    disk.corrupt(&name(5), |bytes| *bytes = foreign);
    assert!(matches!(
        try_open(&disk, REFUSE),
        Err(OpenError::Damaged { offset: 0, .. })
    ));
    let (journal, recovery) = try_open(&disk, SKIP).unwrap();
    assert_eq!(recovery.lost_records, 4);
    goes_on(&disk, journal, SKIP, vec![1, 2, 3, 4, 9, 10]);
}

#[test]
fn files_that_are_not_segments_are_left_alone() {
    let disk = journal_of(3);
    disk.create("00000000000000000001.seg.bak").unwrap();
    disk.create("notes").unwrap();
    let (journal, _) = try_open(&disk, REFUSE).unwrap();
    goes_on(&disk, journal, REFUSE, vec![1, 2, 3]);
    assert!(disk.list().unwrap().contains(&"notes".to_owned()));
}

#[test]
fn a_refused_journal_is_not_changed() {
    let disk = killed_journal_of(10);
    disk.corrupt(&name(9), |bytes| bytes.extend([0; 100]));
    flip(&disk, 5, HEADER + 20);
    let mut before = Vec::new();
    disk.corrupt(&name(9), |bytes| before.clone_from(bytes));
    assert!(try_open(&disk, REFUSE).is_err());
    disk.corrupt(&name(9), |bytes| assert_eq!(*bytes, before));
}

#[test]
fn a_reader_meets_rot_that_came_after_opening() {
    for (options, refused) in [(REFUSE, true), (SKIP, false)] {
        let disk = journal_of(10);
        let (journal, _) = try_open(&disk, options).unwrap();
        flip(&disk, 5, HEADER + 2 * FRAME + 20);
        let mut reader = journal.reader(Position::new(5));
        assert_eq!(reader.next().unwrap().unwrap().position.get(), 6);
        if refused {
            let error = reader.next().unwrap_err();
            let ReadError::Damaged { offset, position, .. } = error else {
                panic!("{error}")
            };
            assert_eq!((offset, position.get()), ((HEADER + 2 * FRAME) as u64, 7));
            assert!(reader.next().is_err(), "it stays where it is");
        } else {
            assert_eq!(reader.next().unwrap().unwrap().position.get(), 8);
            assert_eq!(reader.skipped(), 1);
        }
    }
}

#[test]
fn a_reader_names_a_segment_that_disappeared() {
    let disk = journal_of(12);
    let (journal, _) = try_open(&disk, REFUSE).unwrap();
    disk.remove(&name(5)).unwrap();
    let mut reader = journal.reader(Position::new(3));
    assert_eq!(reader.next().unwrap().unwrap().position.get(), 4);
    let error = reader.next().unwrap_err();
    let ReadError::MissingSegment { expected, found } = error else {
        panic!("{error}")
    };
    assert_eq!((expected.get(), found.get()), (5, 9));
}

#[test]
fn segments_that_a_power_loss_brings_back_are_removed_again() {
    let disk = journal_of(12);
    let mut old = Vec::new();
    disk.corrupt(&name(1), |bytes| old.clone_from(bytes));
    let (mut journal, _) = try_open(&disk, REFUSE).unwrap();
    journal.truncate(Position::new(9)).unwrap();
    journal.sync().unwrap();
    drop(journal);
    disk.create(&name(1)).unwrap();
    disk.corrupt(&name(1), |bytes| *bytes = old);
    let (journal, recovery) = try_open(&disk, REFUSE).unwrap();
    assert_eq!((recovery.first, recovery.records), (Position::new(10), 3));
    assert_eq!(disk.list().unwrap(), [name(9)]);
    goes_on(&disk, journal, REFUSE, vec![10, 11, 12]);
}
