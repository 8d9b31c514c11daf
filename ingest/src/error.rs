//! What stops an ingester. Everything that can be waited for is waited for and does not appear here.

use dustwatch_config::{AddressError, ConfigError};
use dustwatch_journal::OpenError;
use dustwatch_lake::LakeError;

/// A reason to stop, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The broker's address cannot be used: mend the setting.
    #[error(transparent)]
    Broker(AddressError),
    /// The files for TLS cannot be used: mend them or the setting.
    #[error(transparent)]
    Tls(#[from] ConfigError),
    /// The embedded broker cannot listen: something else does already, or the address is not this machine's.
    #[error("embedded broker at {url}: {message}")]
    Listen {
        /// The address.
        url: String,
        /// What is wrong.
        message: String,
    },
    /// The journal cannot be opened: see its message.
    #[error("journal {dir}: {cause}")]
    Journal {
        /// Its folder.
        dir: String,
        /// Why.
        cause: OpenError,
    },
    /// The journal stopped working while running: restart; what was acknowledged is safe.
    #[error("journal failed: {0}")]
    JournalFailed(String),
    /// The table knows more of this journal than the journal itself, as after restoring an old copy of its folder.
    #[error(
        "the table has reached record {table} of journal {id}, but the journal ends at {journal}: an older copy of the \
         journal's folder was put back; move it away, and the agents will send again what is missing"
    )]
    JournalBehind {
        /// The journal's id.
        id: String,
        /// The position in the table.
        table: u64,
        /// The journal's last position.
        journal: u64,
    },
    /// The lake cannot be used.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// An input file of an import cannot be read.
    #[error("{0}")]
    Import(String),
    /// The broker has not confirmed what was to be announced: announce it again.
    #[error("announcing: {0}")]
    Announce(String),
    /// A stage ended without being told to: a defect of the program.
    #[error("stage {0} ended by itself")]
    Stage(&'static str),
}
