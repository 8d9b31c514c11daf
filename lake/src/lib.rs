//! The tables: a folder or bucket of Delta tables that anyone can read.
//!
//! Place on the way: ingest hands over an [`ObservationRows`] with its journal position, an [`Appender`] makes it one
//! [`Commit`]; analytics reads pinned [`TableVersion`]s and replaces the days of the rollups.
//!
//! Invariants: a commit that returned is on disk, files and log entry; a journal position is committed at most once;
//! a column never changes its type.

mod append;
mod compact;
mod durable;
mod entry;
mod error;
mod exchange;
mod files;
mod follow;
mod handed_in;
mod hashes;
mod history;
mod identity;
mod kind;
#[allow(clippy::module_inception)]
mod lake;
mod names;
mod read;
mod rejected;
mod rejected_reader;
mod repair;
mod replace;
mod replays;
mod rows;
mod schema;
mod upkeep;
mod verify;
mod writer;

pub use append::{Appender, Commit};
pub use compact::{CompactWhen, Compacted};
pub use error::LakeError;
pub use handed_in::Added;
pub use history::{HistoryEntry, TouchedDays};
pub use identity::{Identity, IdentityCounts};
pub use kind::TableKind;
pub use lake::Lake;
pub use read::TableVersion;
pub use rejected::{RejectedBatchBuilder, RejectedRow};
pub use rejected_reader::RejectedReader;
pub use replace::{DayRows, Mark, ROLLUP_SOURCE, Replace};
pub use replays::{ReplayedRow, Replays};
pub use rows::ObservationRows;
pub use schema::{
    LEDGER_PRECISION, LEDGER_SCALE, LocalDays, ORIGINAL_COLUMN, alarms_schema, city_bulletin_schema,
    dustfall_schema, enforcement_schema, fingerprint, flag_column, hourly_schema, ledger_schema,
    observation_schema, qc_schema, rejected_schema, replays_schema,
};
pub use upkeep::Upkept;
pub use verify::Verified;
