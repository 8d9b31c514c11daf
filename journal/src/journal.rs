//! The journal itself: what is appended, synced, given up.

use std::collections::VecDeque;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;

use crate::Position;
use crate::error::{AppendError, IoFailure, OpenError, SyncError, TruncateError};
use crate::frame::Kind;
use crate::options::JournalOptions;
use crate::progress::Progress;
use crate::reader::Reader;
use crate::recovery::{self, Recovery};
use crate::segment::Header;
use crate::storage::{DiskStorage, Storage};
use crate::survey::{self, SegmentFile};
use crate::writer::Writer;

/// A durable append-only log in a directory. One `Journal` has it open at a time, and any number of [`Reader`]s.
///
/// Dropping it does not sync: what was appended after the last [`sync`](Journal::sync) may be lost.
#[derive(Debug)]
pub struct Journal {
    storage: Arc<dyn Storage>,
    options: JournalOptions,
    id: String,
    journal: u64,
    /// Segments in front of the newest one.
    older: VecDeque<SegmentFile>,
    // In front of the lock, so that the lock outlives its last write.
    writer: Writer,
    last: Position,
    progress: Arc<Progress>,
    _lock: Option<File>,
}

/// What a truncation did.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct TruncateOutcome {
    /// The last record given up, now.
    pub cut: Position,
    /// Segments removed.
    pub segments_removed: u64,
    /// Bytes of disk space given back.
    pub bytes_freed: u64,
}

impl Journal {
    /// Open the journal in `dir`, or create it with its directories. Until it is dropped nobody else can open it.
    ///
    /// A torn tail is cut off, see the crate documentation. Everything up to [`Recovery::last`] is durable on return.
    ///
    /// # Errors
    /// See [`OpenError`]. Except for [`Full`](OpenError::Full) and [`Io`](OpenError::Io), nothing in a journal that was
    /// there has been changed.
    pub fn open(dir: &Path, options: JournalOptions) -> Result<(Journal, Recovery), OpenError> {
        let storage = DiskStorage::new(dir).map_err(IoFailure::at("create", dir))?;
        let lock = storage.lock()?;
        let (mut journal, recovery) = Journal::open_on(Arc::new(storage), options)?;
        journal._lock = Some(lock);
        Ok((journal, recovery))
    }

    /// Like [`Journal::open`], on any storage and without a lock.
    ///
    /// # Errors
    /// As for [`Journal::open`].
    #[doc(hidden)]
    pub fn open_on(
        storage: Arc<dyn Storage>,
        options: JournalOptions,
    ) -> Result<(Journal, Recovery), OpenError> {
        let mut survey = survey::survey(storage.as_ref())?;
        let recovery = recovery::judge(storage.as_ref(), &survey, options.on_damage)?;
        recovery::repair(storage.as_ref(), &mut survey, &recovery)?;
        let journal = survey.journal.unwrap_or_else(random_id);
        let mut older = VecDeque::from(survey.segments);
        let writer = match survey.tail {
            Some(tail) => {
                older.pop_back();
                Writer::resume(Arc::clone(&storage), journal, tail, survey.last)?
            }
            None => {
                let header = Header {
                    journal,
                    first: survey.last.next(),
                    cut: survey.cut,
                };
                Writer::create(Arc::clone(&storage), header)?
            }
        };
        let journal = Journal {
            storage,
            options,
            id: format!("{journal:016x}"),
            journal,
            older,
            writer,
            last: survey.last,
            progress: Arc::new(Progress::new(survey.last, survey.cut)),
            _lock: None,
        };
        Ok((journal, recovery))
    }

    /// Random name of this journal, 16 hexadecimal digits, made when it was created and kept since. A new empty journal
    /// in the same directory has another.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Take a record and give it the next position. It is **not** durable on return: [`sync`](Journal::sync) makes it
    /// so. Usually this only copies to memory; it writes when a megabyte has gathered, and syncs when a segment is full.
    ///
    /// # Errors
    /// See [`AppendError`]; the record was not taken.
    pub fn append(&mut self, record: &[u8]) -> Result<Position, AppendError> {
        self.writer.check()?;
        let max = self.options.max_record_bytes;
        if record.len() as u64 > u64::from(max) {
            return Err(AppendError::TooLarge {
                len: record.len(),
                max,
            });
        }
        let position = self.last.next();
        if self.writer.is_full(record.len(), self.options.segment_bytes) {
            self.roll(position)?;
        } else if self.writer.is_crowded(record.len()) {
            self.writer.flush()?;
        }
        self.writer.push(Kind::Data, position, record);
        self.last = position;
        Ok(position)
    }

    /// Make everything appended and truncated so far durable, and tell the last durable record. Readers see it from now
    /// on. Cheap when there is nothing to do.
    ///
    /// # Errors
    /// After [`Full`](SyncError::Full) everything is still in memory and the call can be repeated. After any other
    /// error the journal has to be opened again: records appended since the last good sync may or may not be there.
    pub fn sync(&mut self) -> Result<Position, SyncError> {
        self.writer.sync(self.last)?;
        self.progress.set_durable(self.last);
        Ok(self.last)
    }

    fn roll(&mut self, first: Position) -> Result<(), SyncError> {
        self.sync()?;
        let full = SegmentFile {
            first: self.writer.first(),
            bytes: self.writer.written(),
        };
        self.writer.roll(first, self.cut())?;
        self.older.push_back(full);
        Ok(())
    }

    /// The first record still wanted: one after [`cut`](Journal::cut), whether it is there yet or not.
    pub fn first(&self) -> Position {
        self.cut().next()
    }

    /// The last record given up by [`truncate`](Journal::truncate).
    pub fn cut(&self) -> Position {
        self.progress.cut()
    }

    /// The last record appended, durable or not.
    pub fn last(&self) -> Position {
        self.last
    }

    /// The last record that is durable.
    pub fn durable(&self) -> Position {
        self.progress.durable()
    }

    /// Bytes of all segments on disk, without what is still in memory.
    pub fn bytes(&self) -> u64 {
        self.older.iter().map(|segment| segment.bytes).sum::<u64>() + self.writer.written()
    }

    /// The last record of the oldest segment, if that is not the one being written to: what has to be
    /// [given up](Journal::truncate) for disk space to come back.
    pub fn oldest_segment_end(&self) -> Option<Position> {
        self.older.front()?;
        let next = self
            .older
            .get(1)
            .map_or(self.writer.first(), |segment| segment.first);
        Some(next.previous())
    }

    /// Give up all records up to this one, which may be beyond the last. Segments that hold no others are removed
    /// before this returns, which works on a full disk too. The new [`cut`](Journal::cut) itself is durable with the next
    /// [`sync`](Journal::sync); until then a crash may bring back those records whose segments are still there. An
    /// earlier position than the cut changes nothing.
    ///
    /// # Errors
    /// See [`TruncateError`].
    pub fn truncate(&mut self, up_to: Position) -> Result<TruncateOutcome, TruncateError> {
        if let Some(reason) = self.writer.poison() {
            return Err(TruncateError::Poisoned { reason });
        }
        let cut = up_to.min(self.last);
        if cut > self.cut() {
            self.writer.push(Kind::Cut, cut, &[]);
            self.progress.set_cut(cut);
        }
        let mut outcome = TruncateOutcome {
            cut: self.cut(),
            segments_removed: 0,
            bytes_freed: 0,
        };
        while let (Some(oldest), Some(end)) = (self.older.front().copied(), self.oldest_segment_end()) {
            if end > outcome.cut {
                break;
            }
            recovery::remove(self.storage.as_ref(), oldest.first).map_err(TruncateError::Remove)?;
            self.older.pop_front();
            outcome.segments_removed += 1;
            outcome.bytes_freed += oldest.bytes;
        }
        Ok(outcome)
    }

    /// A reader of the durable records after `after`, but not of those given up. It sees what is synced later, too.
    pub fn reader(&self, after: Position) -> Reader {
        let (storage, progress) = (Arc::clone(&self.storage), Arc::clone(&self.progress));
        let after = after.max(self.cut());
        Reader::new(storage, self.journal, progress, self.options.on_damage, after)
    }
}

/// The hasher's keys come from the operating system's random numbers.
fn random_id() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
