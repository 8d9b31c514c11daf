//! What can go wrong with a table, by what the caller does next.

use datafusion::error::DataFusionError;
use deltalake::DeltaTableError;
use deltalake::arrow::error::ArrowError;

/// An operation on the lake that failed.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The address is no folder or URI that can be used: mend the setting.
    #[error("lake {uri:?}: {message}")]
    Address {
        /// The address as given.
        uri: String,
        /// What is wrong with it.
        message: String,
    },
    /// The table has another layout than this configuration asks for: mend the configuration or use another lake.
    #[error("table {table}: {message}")]
    Layout {
        /// The table.
        table: &'static str,
        /// Which columns differ and how.
        message: String,
    },
    /// The store failed, or the commit lost a race: make the same call again.
    #[error("table {table}: {cause}")]
    Store {
        /// The table.
        table: &'static str,
        /// What the table library said.
        cause: Box<DeltaTableError>,
    },
    /// Another writer committed since the rows were admitted, and nothing was appended: admit them again.
    #[error("table {table}: another writer committed first")]
    Overtaken {
        /// The table.
        table: &'static str,
    },
    /// A file of a local lake cannot be read, written or synced: try again, the disk may be full.
    #[error("{path}: {cause}")]
    Disk {
        /// The file or folder.
        path: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A batch does not have the columns it should: a defect of the program.
    #[error("table {table}: {cause}")]
    Arrow {
        /// The table.
        table: &'static str,
        /// What arrow said.
        cause: ArrowError,
    },
}

impl LakeError {
    pub(crate) fn store(table: &'static str) -> impl FnOnce(DeltaTableError) -> LakeError {
        move |cause| LakeError::Store {
            table,
            cause: Box::new(cause),
        }
    }

    pub(crate) fn scan(table: &'static str) -> impl FnOnce(DataFusionError) -> LakeError {
        move |cause| LakeError::Store {
            table,
            cause: Box::new(cause.into()),
        }
    }

    pub(crate) fn arrow(table: &'static str) -> impl FnOnce(ArrowError) -> LakeError {
        move |cause| LakeError::Arrow { table, cause }
    }
}
