//! What can go wrong in the agent and its tools, told apart by what the caller does next.

use std::path::PathBuf;

use dustwatch_config::{AddressError, ConfigError};
use dustwatch_journal::{AppendError, OpenError, ReadError, SyncError, TruncateError};
use dustwatch_observation::table::TableError;

/// Why the agent or one of its tools stopped, or did not start.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// An argument or a key has a value that cannot be: correct it.
    #[error("{0}")]
    Usage(String),
    /// The configuration is wrong: correct it.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The broker's address cannot be used: correct it.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A mapping or a table cannot be used: correct it.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A table broke off in the middle; what stood before is published.
    #[error("{0}")]
    Unreadable(String),
    /// The broker does not let us in, or is not whom it should be: correct user name, password, certificates or its access
    /// list.
    #[error("no connection with the broker at {broker}: {reason}")]
    Refused {
        /// Where it is.
        broker: String,
        /// What it said.
        reason: String,
    },
    /// There was no confirmation for too long: look whether broker and ingester run, then start again.
    #[error(
        "gave up: nothing was confirmed for {seconds} s, {unconfirmed} messages are not confirmed ({hint})"
    )]
    GaveUp {
        /// How long nothing was confirmed, in seconds.
        seconds: u64,
        /// Messages that were accepted and not confirmed.
        unconfirmed: usize,
        /// What was seen last of the broker.
        hint: String,
    },
    /// An observation is larger than a message may be: use shorter values or fewer parameters.
    #[error("an observation of {device} takes {bytes} bytes, more than the {limit} of a message")]
    TooLarge {
        /// Whose it is.
        device: String,
        /// Bytes of its payload.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The spool does not open, so nothing could be kept.
    #[error("the spool does not open: {0}")]
    SpoolOpen(#[from] OpenError),
    /// The spool takes no record.
    #[error("the spool takes no record: {0}")]
    SpoolAppend(#[from] AppendError),
    /// The spool cannot be made durable.
    #[error("the spool cannot be synced: {0}")]
    SpoolSync(#[from] SyncError),
    /// The spool cannot be read.
    #[error("the spool cannot be read: {0}")]
    SpoolRead(#[from] ReadError),
    /// The spool cannot give up what was confirmed.
    #[error("the spool cannot be truncated: {0}")]
    SpoolTruncate(#[from] TruncateError),
    /// A part of the program ended without a word; a bug.
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
}

impl EdgeError {
    /// Whether the caller has to change an argument or a file first: exit status 2 instead of 1.
    pub fn is_usage(&self) -> bool {
        match self {
            EdgeError::Usage(_) | EdgeError::Config(_) | EdgeError::Address(_) => true,
            EdgeError::Table(TableError::Read { .. }) => false,
            EdgeError::Table(_) => true,
            _ => false,
        }
    }
}
