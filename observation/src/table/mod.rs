//! Tables that other people made, as observations: history for `import`, a feed for `replay`.
//!
//! A [`Mapping`] says which column is what. On the way: `source` opens the file (plain or gzip) and gives its lines,
//! `fields` splits them, `plan` is the mapping bound to a file's header, with `time` and `cell` for what stands in the
//! cells; [`TableReader`] hands the rows over.
//!
//! Invariant: every line of the file but the header and empty ones is handed over, as an observation or as a bad row
//! with its line number; a broken line costs itself and no other.

mod cell;
mod column;
mod error;
mod fields;
mod header;
mod mapping;
mod plan;
mod reader;
mod source;
mod time;

pub use column::{ColumnKind, ColumnMapping};
pub use error::TableError;
pub use mapping::{Format, Label, Mapping, TimeMapping, TimeSource};
pub use reader::{Row, TableReader};
