//! What can go wrong, told apart by what the caller does next.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::Position;

/// An operation on a file that failed.
#[derive(Debug, Error)]
#[error("cannot {action} {}: {error}", path.display())]
pub struct IoFailure {
    /// What was tried, as a verb.
    pub action: &'static str,
    /// On which file or directory.
    pub path: PathBuf,
    /// What the operating system said.
    pub error: io::Error,
}

impl IoFailure {
    pub(crate) fn new(action: &'static str, path: impl Into<PathBuf>, error: io::Error) -> IoFailure {
        IoFailure {
            action,
            path: path.into(),
            error,
        }
    }

    /// To be used as `.map_err(IoFailure::at("write", &path))`.
    pub(crate) fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> IoFailure + use<> {
        let path = path.to_owned();
        move |error| IoFailure::new(action, path, error)
    }

    /// Whether waiting for space can help.
    pub(crate) fn is_full(&self) -> bool {
        matches!(
            self.error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    }
}

/// Why a journal did not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process, or another [`Journal`](crate::Journal) of this one, has it open: stop that one first.
    #[error("journal is already open elsewhere: {} is locked", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A record that was durable cannot be read: mend the file, or open with [`OnDamage::Skip`](crate::OnDamage::Skip).
    #[error("journal is damaged: {} at offset {offset}, where record {position} should be", segment.display())]
    Damaged {
        /// The segment file.
        segment: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// The record that was expected there.
        position: Position,
    },
    /// A segment between two others is gone: bring it back, or open with [`OnDamage::Skip`](crate::OnDamage::Skip).
    #[error("journal misses a segment: expected one with record {expected}, the next one starts at {found}")]
    MissingSegment {
        /// The first record that is missing.
        expected: Position,
        /// The first record that is there again.
        found: Position,
    },
    /// A newer program wrote it: use that program.
    #[error("{} has format version {found}, this program knows up to {supported}", segment.display())]
    NewerVersion {
        /// The segment file.
        segment: PathBuf,
        /// The version in its header.
        found: u32,
        /// The newest version that this program understands.
        supported: u32,
    },
    /// There was no space for what opening has to write: make space and try again.
    #[error("disk is full: {0}")]
    Full(IoFailure),
    /// The operating system refused something else.
    #[error(transparent)]
    Io(IoFailure),
}

impl From<IoFailure> for OpenError {
    fn from(failure: IoFailure) -> OpenError {
        if failure.is_full() {
            OpenError::Full(failure)
        } else {
            OpenError::Io(failure)
        }
    }
}

/// Why a record was not taken. It has got no position; the records before it are as they were.
#[derive(Debug, Error)]
pub enum AppendError {
    /// Larger than [`max_record_bytes`](crate::JournalOptions::max_record_bytes): it will never be taken.
    #[error("record of {len} bytes is larger than the {max} allowed")]
    TooLarge {
        /// Bytes of the record.
        len: usize,
        /// Bytes allowed.
        max: u32,
    },
    /// No space on disk, and the memory buffer is full too: try again later.
    #[error("disk is full: {0}")]
    Full(IoFailure),
    /// A write or sync failed, just now: open the journal again.
    #[error(transparent)]
    Io(IoFailure),
    /// A write or sync failed earlier: open the journal again.
    #[error("journal must be reopened, it failed earlier: {reason}")]
    Poisoned {
        /// The failure that did it.
        reason: String,
    },
}

/// Why appended records are not known to be durable.
#[derive(Debug, Error)]
pub enum SyncError {
    /// No space on disk. Everything is still in memory: try again later.
    #[error("disk is full: {0}")]
    Full(IoFailure),
    /// A write or sync failed, just now. Nobody knows what of it is on disk: open the journal again.
    #[error(transparent)]
    Io(IoFailure),
    /// A write or sync failed earlier: open the journal again.
    #[error("journal must be reopened, it failed earlier: {reason}")]
    Poisoned {
        /// The failure that did it.
        reason: String,
    },
}

impl From<SyncError> for AppendError {
    fn from(error: SyncError) -> AppendError {
        match error {
            SyncError::Full(failure) => AppendError::Full(failure),
            SyncError::Io(failure) => AppendError::Io(failure),
            SyncError::Poisoned { reason } => AppendError::Poisoned { reason },
        }
    }
}

/// Why space was not given back.
#[derive(Debug, Error)]
pub enum TruncateError {
    /// The records are given up, but a segment could not be removed: the next truncation tries again.
    #[error(transparent)]
    Remove(IoFailure),
    /// A write or sync failed earlier: open the journal again.
    #[error("journal must be reopened, it failed earlier: {reason}")]
    Poisoned {
        /// The failure that did it.
        reason: String,
    },
}

/// Why the next record could not be read. The reader has not moved.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A durable record cannot be read, and damage is not to be skipped.
    #[error("journal is damaged: {} at offset {offset}, where record {position} should be", segment.display())]
    Damaged {
        /// The segment file.
        segment: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// The record that was expected there.
        position: Position,
    },
    /// A segment is gone that was not truncated away, and damage is not to be skipped.
    #[error("journal misses a segment: expected one with record {expected}, the next one starts at {found}")]
    MissingSegment {
        /// The first record that is missing.
        expected: Position,
        /// The first record that is there again.
        found: Position,
    },
    /// The operating system refused to read: try again.
    #[error(transparent)]
    Io(#[from] IoFailure),
}
