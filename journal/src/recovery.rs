//! Second and third step of opening: judge what the survey found, then repair what a crash left behind.

use std::io;

use tracing::{debug, warn};

use crate::Position;
use crate::error::{IoFailure, OpenError};
use crate::options::OnDamage;
use crate::segment::{self, HEADER_BYTES};
use crate::storage::{Storage, StorageFile, read_full, write_full};
use crate::survey::{Damage, DamageKind, SegmentFile, Survey, Tail};

/// How much of an unvouched tail is copied at once.
const COPY_BYTES: u64 = 1 << 20;

/// What was found when a journal was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Readable records behind the cut.
    pub records: u64,
    /// The first record still wanted; one after [`last`](Recovery::last) when there is none.
    pub first: Position,
    /// The last record.
    pub last: Position,
    /// The last record given up.
    pub cut: Position,
    /// Bytes cut off the end of the newest segment, because no sync had covered them.
    pub torn_bytes: u64,
    /// Whole records among these bytes, behind a hole. Nobody was told that they were durable.
    pub torn_records: u64,
    /// What was skipped; always empty with [`OnDamage::Refuse`].
    pub damaged: Vec<Damage>,
    /// Records behind the cut that were durable once and are lost.
    pub lost_records: u64,
    /// There was no journal: this is a new one, with a new id.
    pub created: bool,
}

/// Compare the survey with what the owner tolerates. Changes nothing.
pub(crate) fn judge(
    storage: &dyn Storage,
    survey: &Survey,
    on_damage: OnDamage,
) -> Result<Recovery, OpenError> {
    let cut = survey.cut;
    let wanted = |damage: &&Damage| damage.to.max(damage.from) > cut;
    let damaged: Vec<Damage> = survey.damaged.iter().filter(wanted).cloned().collect();
    if let (OnDamage::Refuse, Some(damage)) = (on_damage, damaged.first()) {
        return Err(refusal(storage, damage));
    }
    let lost = |damage: &Damage| {
        damage
            .to
            .get()
            .saturating_sub(cut.max(damage.from.previous()).get())
    };
    let lost_records = damaged.iter().map(lost).sum();
    Ok(Recovery {
        records: survey
            .last
            .get()
            .saturating_sub(cut.get())
            .saturating_sub(lost_records),
        first: cut.next(),
        last: survey.last,
        cut,
        torn_bytes: survey.tail.map_or(0, |tail| tail.torn_bytes)
            + survey.torn_creation.map_or(0, |segment| segment.bytes),
        torn_records: survey.tail.map_or(0, |tail| tail.torn_records),
        damaged,
        lost_records,
        created: survey.segments.is_empty(),
    })
}

fn refusal(storage: &dyn Storage, damage: &Damage) -> OpenError {
    match damage.kind {
        DamageKind::Missing => OpenError::MissingSegment {
            expected: damage.from,
            found: damage.to.next(),
        },
        DamageKind::Frame | DamageKind::Header => OpenError::Damaged {
            segment: storage.path(&damage.segment),
            offset: damage.offset,
            position: damage.from,
        },
    }
}

/// Remove what a crash left behind, and make everything that is kept durable.
pub(crate) fn repair(
    storage: &dyn Storage,
    survey: &mut Survey,
    recovery: &Recovery,
) -> Result<(), OpenError> {
    for damage in &recovery.damaged {
        warn!(segment = %damage.segment, offset = damage.offset, from = %damage.from, to = %damage.to, "damaged records skipped");
    }
    if let Some(SegmentFile { first, .. }) = survey.torn_creation {
        remove(storage, first)?;
    }
    while let [oldest, next, ..] = survey.segments[..] {
        if next.first.previous() > survey.cut {
            break;
        }
        remove(storage, oldest.first)?;
        survey.segments.remove(0);
    }
    if let Some(tail) = survey.tail {
        if tail.torn_bytes > 0 {
            warn!(
                bytes = tail.torn_bytes,
                records = tail.torn_records,
                "unsynced end of the journal cut off"
            );
        }
        mend_tail(storage, tail)?;
        if let Some(newest) = survey.segments.last_mut() {
            newest.bytes = tail.end;
        }
    }
    Ok(())
}

/// Remove a segment, durably.
pub(crate) fn remove(storage: &dyn Storage, first: Position) -> Result<(), IoFailure> {
    let name = segment::name_of(first);
    match storage.remove(&name) {
        Ok(()) => debug!(segment = %name, "segment removed"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(IoFailure::new("remove", storage.path(&name), error)),
    }
    storage
        .sync_dir()
        .map_err(IoFailure::at("sync", &storage.path("")))
}

fn mend_tail(storage: &dyn Storage, tail: Tail) -> Result<(), IoFailure> {
    let name = segment::name_of(tail.first);
    let path = storage.path(&name);
    let mut file = storage
        .open_for_writing(&name)
        .map_err(IoFailure::at("open", &path))?;
    if tail.torn_bytes > 0 {
        file.set_length(tail.end)
            .map_err(IoFailure::at("shorten", &path))?;
    }
    rewrite(file.as_mut(), tail.vouched, tail.end).map_err(IoFailure::at("rewrite", &path))?;
    file.sync().map_err(IoFailure::at("sync", &path))?;
    storage
        .sync_dir()
        .map_err(IoFailure::at("sync", &storage.path("")))
}

/// Write the same bytes again, so that the sync that follows cannot take them for clean.
fn rewrite(file: &mut dyn StorageFile, from: u64, to: u64) -> io::Result<()> {
    let mut buffer = vec![0; (to - from).min(COPY_BYTES).max(HEADER_BYTES as u64) as usize];
    let mut offset = from;
    while offset < to {
        let wanted = buffer.len().min((to - offset) as usize);
        let read = read_full(file, offset, &mut buffer[..wanted])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        write_full(file, offset, &buffer[..read])?;
        offset += read as u64;
    }
    Ok(())
}
