//! The newest segment: frames are gathered in memory, written, synced.

use std::io;
use std::sync::Arc;

use tracing::debug;

use crate::Position;
use crate::error::{IoFailure, SyncError};
use crate::frame::{self, Kind};
use crate::segment::{self, HEADER_BYTES, Header};
use crate::storage::{Storage, StorageFile, write_full};
use crate::survey::Tail;

/// When more than this is waiting in memory, it is written without waiting for a sync.
const BUFFER_BYTES: u64 = 1 << 20;

#[derive(Debug)]
pub(crate) struct Writer {
    storage: Arc<dyn Storage>,
    journal: u64,
    first: Position,
    file: Box<dyn StorageFile>,
    /// Frames that are not in the file yet.
    buffer: Vec<u8>,
    /// Bytes of the file that hold whole frames; anything beyond is from a write that failed.
    written: u64,
    /// Bytes of the file that are durable.
    synced: u64,
    has_records: bool,
    /// The last durable record, when the next frame has to be preceded by a mark.
    mark_due: Option<Position>,
    poison: Option<String>,
}

impl Writer {
    /// Begin a segment. Its header and its name are durable on return. When there is no space for it, nothing of it
    /// is left.
    pub(crate) fn create(storage: Arc<dyn Storage>, header: Header) -> Result<Writer, IoFailure> {
        let name = segment::name_of(header.first);
        let path = storage.path(&name);
        let mut file = storage.create(&name).map_err(IoFailure::at("create", &path))?;
        if let Err(error) = write_full(file.as_mut(), 0, &header.encode()) {
            storage.remove(&name).map_err(IoFailure::at("remove", &path))?;
            return Err(IoFailure::new("write", path, error));
        }
        file.sync()
            .map_err(|error| IoFailure::new("sync", path, not_full(error)))?;
        let directory = storage.path("");
        storage
            .sync_dir()
            .map_err(|error| IoFailure::new("sync", directory, not_full(error)))?;
        debug!(segment = %name, "segment created");
        Ok(Writer {
            storage,
            journal: header.journal,
            first: header.first,
            file,
            buffer: Vec::new(),
            written: HEADER_BYTES as u64,
            synced: HEADER_BYTES as u64,
            has_records: false,
            mark_due: None,
            poison: None,
        })
    }

    /// Go on with a segment whose tail has been mended.
    pub(crate) fn resume(
        storage: Arc<dyn Storage>,
        journal: u64,
        tail: Tail,
        last: Position,
    ) -> Result<Writer, IoFailure> {
        let name = segment::name_of(tail.first);
        let file = storage
            .open_for_writing(&name)
            .map_err(IoFailure::at("open", &storage.path(&name)))?;
        Ok(Writer {
            storage,
            journal,
            first: tail.first,
            file,
            buffer: Vec::new(),
            written: tail.end,
            synced: tail.end,
            has_records: tail.has_records,
            mark_due: (tail.end > HEADER_BYTES as u64 && !tail.marked).then_some(last),
            poison: None,
        })
    }

    pub(crate) fn first(&self) -> Position {
        self.first
    }

    /// Bytes in the file.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Whether a record of this many bytes belongs into the next segment.
    pub(crate) fn is_full(&self, payload: usize, segment_bytes: u64) -> bool {
        self.has_records && self.length() + frame::frame_bytes(payload) > segment_bytes
    }

    /// Whether the buffer should be written before a record of this many bytes is added to it.
    pub(crate) fn is_crowded(&self, payload: usize) -> bool {
        !self.buffer.is_empty() && self.buffer.len() as u64 + frame::frame_bytes(payload) > BUFFER_BYTES
    }

    /// The write or sync that has failed before.
    pub(crate) fn poison(&self) -> Option<String> {
        self.poison.clone()
    }

    /// Fail when a write or sync has failed before.
    pub(crate) fn check(&self) -> Result<(), SyncError> {
        self.poison()
            .map_or(Ok(()), |reason| Err(SyncError::Poisoned { reason }))
    }

    /// Add a frame to the buffer.
    pub(crate) fn push(&mut self, kind: Kind, position: Position, payload: &[u8]) {
        if let Some(durable) = self.mark_due.take() {
            frame::encode(self.journal, Kind::Mark, durable, &[], &mut self.buffer);
        }
        frame::encode(self.journal, kind, position, payload, &mut self.buffer);
        self.has_records |= kind == Kind::Data;
    }

    /// Write the buffer to the file. When the disk is full the file is as before and the buffer is kept.
    pub(crate) fn flush(&mut self) -> Result<(), SyncError> {
        self.check()?;
        if let Err(error) = write_full(self.file.as_mut(), self.written, &self.buffer) {
            let failure = self.failure("write", error);
            if !failure.is_full() {
                return Err(self.poisoned_by(failure));
            }
            return match self.file.set_length(self.written) {
                Ok(()) => Err(SyncError::Full(failure)),
                Err(error) => Err(self.poisoned_by(self.failure("shorten", error))),
            };
        }
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Make everything pushed so far durable; the last record of it is `last`.
    pub(crate) fn sync(&mut self, last: Position) -> Result<(), SyncError> {
        self.flush()?;
        if self.synced < self.written {
            if let Err(error) = self.file.sync() {
                return Err(self.poisoned_by(self.failure("sync", error)));
            }
            self.synced = self.written;
            self.mark_due = Some(last);
        }
        Ok(())
    }

    /// Begin the next segment. The caller has synced this one. When the disk is full this one goes on.
    pub(crate) fn roll(&mut self, first: Position, cut: Position) -> Result<(), SyncError> {
        debug_assert!(self.buffer.is_empty() && self.synced == self.written);
        let header = Header {
            journal: self.journal,
            first,
            cut,
        };
        match Writer::create(Arc::clone(&self.storage), header) {
            Ok(next) => {
                self.mark_due = None;
                *self = next;
                Ok(())
            }
            Err(failure) if failure.is_full() => Err(SyncError::Full(failure)),
            Err(failure) => Err(self.poisoned_by(failure)),
        }
    }

    fn length(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    fn failure(&self, action: &'static str, error: io::Error) -> IoFailure {
        IoFailure::new(action, self.storage.path(&segment::name_of(self.first)), error)
    }

    fn poisoned_by(&mut self, failure: IoFailure) -> SyncError {
        self.poison = Some(failure.to_string());
        SyncError::Io(failure)
    }

    /// Leave a mark at the end, if all of it is durable and there is none yet. It only makes later damage easier to
    /// tell from a torn tail, so it is neither synced nor insisted on.
    fn seal(&mut self) {
        if self.poison.is_some() || !self.buffer.is_empty() || self.synced < self.written {
            return;
        }
        if let Some(durable) = self.mark_due.take() {
            frame::encode(self.journal, Kind::Mark, durable, &[], &mut self.buffer);
            let _ = self.flush();
        }
    }
}

/// A sync that fails for want of space leaves as much in doubt as any other that fails.
fn not_full(error: io::Error) -> io::Error {
    io::Error::other(error)
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.seal();
    }
}
