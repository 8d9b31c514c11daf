//! Durable records in order, while the journal goes on being written.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tracing::warn;

use crate::Position;
use crate::error::{IoFailure, ReadError};
use crate::frame::Kind;
use crate::options::OnDamage;
use crate::progress::Progress;
use crate::scan::{FrameAt, Plausible, Scan, Step};
use crate::segment;
use crate::storage::Storage;

/// A record and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub position: Position,
    /// What was appended.
    pub bytes: Vec<u8>,
}

/// Reads the durable records of a journal in order; made by [`Journal::reader`](crate::Journal::reader).
///
/// It has files of its own and may live on another thread. It belongs to the [`Journal`](crate::Journal) that made it:
/// when that one is gone it still reads what was durable then, but learns of nothing new; after re-opening, make a new
/// one.
#[derive(Debug)]
pub struct Reader {
    storage: Arc<dyn Storage>,
    journal: u64,
    progress: Arc<Progress>,
    on_damage: OnDamage,
    position: Position,
    segment: Option<Open>,
    skipped: u64,
}

#[derive(Debug)]
struct Open {
    first: Position,
    scan: Scan,
    /// Where the first bad frame is since the last record returned. Only when the record that is due does not turn up
    /// behind it does it matter.
    bad_at: Option<u64>,
}

impl Reader {
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        journal: u64,
        progress: Arc<Progress>,
        on_damage: OnDamage,
        after: Position,
    ) -> Reader {
        Reader {
            storage,
            journal,
            progress,
            on_damage,
            position: after,
            segment: None,
            skipped: 0,
        }
    }

    /// The position of the last record returned, or the one to read after.
    pub fn position(&self) -> Position {
        self.position
    }

    /// How many damaged records were passed over so far; always 0 with [`OnDamage::Refuse`].
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The next durable record, or `None` when there is nothing more for now: ask again after the next
    /// [`sync`](crate::Journal::sync). Records that were truncated away meanwhile are passed over.
    ///
    /// # Errors
    /// See [`ReadError`]. The same call may be tried again.
    #[expect(
        clippy::should_implement_trait,
        reason = "it is fallible, and none for now is not the end"
    )]
    pub fn next(&mut self) -> Result<Option<Record>, ReadError> {
        loop {
            self.position = self.position.max(self.progress.cut());
            if self.position >= self.progress.durable() {
                return Ok(None);
            }
            let Some(open) = &mut self.segment else {
                if self.open_segment()? {
                    continue;
                }
                return Ok(None);
            };
            match step(&mut open.scan).map_err(|error| self.failure(error))? {
                Step::Frame(frame) if frame.kind != Kind::Data || frame.position <= self.position => {}
                Step::Frame(frame) => match self.record(&frame)? {
                    Found::Record(record) => return Ok(Some(record)),
                    Found::Retry => {}
                    Found::Nothing => return Ok(None),
                },
                Step::Bad if self.pass_bad_frame()? => {}
                Step::Bad | Step::End => {
                    if !self.open_segment()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// A record later than all before; is it the one that is due?
    fn record(&mut self, frame: &FrameAt) -> Result<Found, ReadError> {
        let due = self.position.next();
        let Some(open) = &mut self.segment else {
            return Ok(Found::Retry);
        };
        if frame.position == due {
            open.bad_at = None;
            let (position, bytes) = (due, open.scan.payload(frame).to_vec());
            self.position = due;
            return Ok(Found::Record(Record { position, bytes }));
        }
        open.scan.rewind(frame);
        if self.progress.cut() >= due {
            return Ok(Found::Retry);
        }
        let bad_at = open.bad_at.unwrap_or(frame.offset);
        self.tolerate(bad_at)?;
        if frame.position > self.progress.durable() {
            return Ok(Found::Nothing);
        }
        self.skip_to(frame.position.previous());
        Ok(Found::Retry)
    }

    /// Go on to the next intact frame of this segment; `false` when there is none.
    fn pass_bad_frame(&mut self) -> Result<bool, ReadError> {
        let Some(open) = &mut self.segment else {
            return Ok(false);
        };
        let offset = open.scan.offset();
        open.bad_at.get_or_insert(offset);
        let plausible = Plausible {
            after: self.position,
            up_to: self.progress.durable(),
        };
        let found = open.scan.resync(plausible);
        Ok(found.map_err(|error| self.failure(error))?)
    }

    /// Open the segment that holds the record that is due, or else the next one there is; `false` when nothing later
    /// than the open one is there.
    fn open_segment(&mut self) -> Result<bool, ReadError> {
        let due = self.position.next();
        let mut later = self.segments()?;
        if let Some(open) = &self.segment {
            later.retain(|first| *first > open.first);
        }
        let holding = later.iter().copied().filter(|first| *first <= due).max();
        let Some(first) = holding.or(later.into_iter().min()) else {
            self.tolerate(self.damage_at().unwrap_or(0))?;
            return Ok(false);
        };
        if first > due && self.progress.cut() < first.previous() {
            self.tolerate_missing(first)?;
            self.skip_to(first.previous().min(self.progress.durable()));
        }
        let name = segment::name_of(first);
        let opened = self
            .storage
            .open(&name)
            .and_then(|file| Scan::new(file, self.journal));
        let bad_at = None;
        match opened {
            Ok(scan) => self.segment = Some(Open { first, scan, bad_at }),
            // Truncated away since the directory was listed: look again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.segment = None,
            Err(error) => return Err(IoFailure::new("open", self.storage.path(&name), error).into()),
        }
        Ok(true)
    }

    fn segments(&self) -> Result<Vec<Position>, ReadError> {
        let names = self
            .storage
            .list()
            .map_err(IoFailure::at("list", &self.storage.path("")))?;
        Ok(names.iter().filter_map(|name| segment::first_of(name)).collect())
    }

    /// The record that is due should be at this offset and is not: is that for the reader to skip?
    fn tolerate(&self, offset: u64) -> Result<(), ReadError> {
        let position = self.position.next();
        if self.on_damage == OnDamage::Skip || self.progress.cut() >= position {
            return Ok(());
        }
        let segment = self.path();
        Err(ReadError::Damaged {
            segment,
            offset,
            position,
        })
    }

    /// The record that is due is not in the open segment, and the next one begins later.
    fn tolerate_missing(&self, found: Position) -> Result<(), ReadError> {
        let expected = self.position.next();
        match self.segment.as_ref().and_then(|open| open.bad_at) {
            Some(offset) => self.tolerate(offset),
            None if self.on_damage == OnDamage::Skip => Ok(()),
            None => Err(ReadError::MissingSegment { expected, found }),
        }
    }

    /// Where the record that is due should be.
    fn damage_at(&self) -> Option<u64> {
        let open = self.segment.as_ref()?;
        Some(open.bad_at.unwrap_or(open.scan.offset()))
    }

    fn skip_to(&mut self, position: Position) {
        self.position = self.position.max(self.progress.cut());
        if position > self.position {
            warn!(from = %self.position.next(), to = %position, "damaged records skipped");
            self.skipped += position.get() - self.position.get();
            self.position = position;
        }
    }

    fn path(&self) -> PathBuf {
        let first = self
            .segment
            .as_ref()
            .map_or(self.position.next(), |open| open.first);
        self.storage.path(&segment::name_of(first))
    }

    fn failure(&self, error: io::Error) -> IoFailure {
        IoFailure::new("read", self.path(), error)
    }
}

enum Found {
    Record(Record),
    /// Look again.
    Retry,
    /// Nothing more for now.
    Nothing,
}

/// What was read ahead may have been written to since: a frame is bad only if a fresh look says so too.
fn step(scan: &mut Scan) -> io::Result<Step> {
    match scan.step()? {
        Step::Frame(frame) => Ok(Step::Frame(frame)),
        Step::End | Step::Bad => {
            scan.refresh()?;
            scan.step()
        }
    }
}
