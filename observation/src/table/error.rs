//! Why a table cannot be read at all.

use std::path::PathBuf;

/// Why a mapping or a table as a whole is unusable. A single broken line is a [`Row::Bad`](super::Row::Bad) instead.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is empty.
    #[error("{} has no header line", path.display())]
    NoHeader {
        /// The file.
        path: PathBuf,
    },
    /// The header line is not UTF-8 text in the form of the other lines.
    #[error("{}: the header line is broken: {what}", path.display())]
    BadHeader {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The mapping names a column that the file does not have.
    #[error("{} has no column {column:?}; its columns are {}", path.display(), columns.join(", "))]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column that the mapping names.
        column: String,
        /// The columns that there are.
        columns: Vec<String>,
    },
    /// The mapping names a column that the file has several times.
    #[error("{} has the column {column:?} more than once", path.display())]
    AmbiguousColumn {
        /// The file.
        path: PathBuf,
        /// The column that the mapping names.
        column: String,
    },
    /// The mapping fills a parameter that the configuration does not know.
    #[error("the mapping fills {key:?}, which is no known parameter; known are {}", known.join(", "))]
    UnknownParameter {
        /// The key in `[columns]`.
        key: String,
        /// The keys that there are.
        known: Vec<String>,
    },
    /// The mapping names a time zone that the tz database does not have.
    #[error("the mapping's time zone {0:?} is not in the tz database")]
    UnknownTimezone(String),
    /// The mapping's time format has a specifier that there is not.
    #[error("the mapping's time format {0:?} is not a strftime format")]
    BadTimeFormat(String),
    /// The mapping's interval is not a number and a unit.
    #[error("the mapping's interval {0:?} is not a number with s, m, h or d")]
    BadInterval(String),
    /// The mapping's delimiter cannot separate fields.
    #[error("the mapping's delimiter {0:?} is not a single ascii character other than a quote or a line end")]
    BadDelimiter(char),
    /// The mapping's device template has an unpaired brace.
    #[error("the mapping's device template {0:?} has an unpaired brace")]
    BadTemplate(String),
}
