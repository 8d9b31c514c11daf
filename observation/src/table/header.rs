//! The header line of a table: what its columns are called.

use std::path::Path;

use super::TableError;
use super::fields::{Fields, Quotes};
use super::source::Line;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The names of the columns, without quotes and blanks.
pub(super) fn read(path: &Path, line: &Line, delimiter: u8) -> Result<Vec<String>, TableError> {
    let bad = |what: &str| TableError::BadHeader {
        path: path.to_owned(),
        what: what.to_owned(),
    };
    let bytes = line.bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line.bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| bad("not UTF-8"))?;
    let mut fields = Fields::default();
    if line.cut || fields.split(text, delimiter) == Quotes::Open {
        return Err(bad("a quote does not end, or the line is too long"));
    }
    Ok(fields.iter().map(str::to_owned).collect())
}

/// The index of a column by its name.
pub(super) fn find(path: &Path, header: &[String], name: &str) -> Result<usize, TableError> {
    let mut places = header
        .iter()
        .enumerate()
        .filter(|(_, column)| *column == name.trim());
    match (places.next(), places.next()) {
        (Some((index, _)), None) => Ok(index),
        (Some(_), Some(_)) => Err(TableError::AmbiguousColumn {
            path: path.to_owned(),
            column: name.to_owned(),
        }),
        (None, _) => Err(TableError::MissingColumn {
            path: path.to_owned(),
            column: name.to_owned(),
            columns: header.to_vec(),
        }),
    }
}
