//! What can go wrong with a question, by what the caller does next.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use dustwatch_lake::LakeError;

use crate::PeriodError;

/// A question that could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum AnalyticsError {
    /// The period does not exist or cannot be read: mend the request.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The request asks for something that there is not: mend the request.
    #[error("{0}")]
    Request(String),
    /// The SQL would change something or touch files: only questions are answered.
    #[error("this door is read-only: {0}")]
    ReadOnly(String),
    /// The SQL text is wrong: mend it.
    #[error("{0}")]
    Sql(String),
    /// The result is too large to hold: narrow the question.
    #[error("the result is larger than {limit_mib} MiB: narrow the question or add a LIMIT")]
    TooLarge {
        /// The limit in MiB.
        limit_mib: usize,
    },
    /// A file that was handed in cannot be taken at all: mend the file.
    #[error("{file}: {message}")]
    Sheet {
        /// The file.
        file: String,
        /// What is wrong with it, or with its header.
        message: String,
    },
    /// A table cannot be read or written.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The engine failed, out of memory for one.
    #[error("query failed: {0}")]
    Engine(#[source] Box<DataFusionError>),
    /// A result does not have the columns it should: a defect of the program.
    #[error("unexpected result: {0}")]
    Defect(String),
}

impl From<DataFusionError> for AnalyticsError {
    fn from(error: DataFusionError) -> Self {
        AnalyticsError::Engine(Box::new(error))
    }
}

impl From<ArrowError> for AnalyticsError {
    fn from(error: ArrowError) -> Self {
        AnalyticsError::Defect(error.to_string())
    }
}
