//! The rows of one file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fields::{Fields, Quotes};
use super::plan::{Plan, RowFault};
use super::source::{Line, Lines, MAX_LINE};
use super::{Mapping, TableError, header};
use crate::{Observation, ParameterSet, Reason};

/// How many lines a quoted field may span.
const MAX_LINES_OF_A_ROW: usize = 16;

/// One row of a table.
#[derive(Debug)]
pub enum Row<'a> {
    /// A row that is an observation, with or without values.
    Observation {
        /// The number of its (first) line in the file, from 1.
        line: u64,
        /// What it says; the buffers are reused for the next row.
        observation: &'a Observation,
    },
    /// A row that is none.
    Bad {
        /// The number of its line in the file, from 1.
        line: u64,
        /// The stable code.
        reason: Reason,
        /// What is wrong, for a person.
        detail: String,
        /// The line as it stands in the file, bytes that are no UTF-8 replaced.
        text: String,
    },
}

/// Reads a table row by row.
#[derive(Debug)]
pub struct TableReader {
    path: PathBuf,
    lines: Lines,
    line: Line,
    fields: Fields,
    delimiter: u8,
    width: usize,
    plan: Plan,
    observation: Observation,
    failure: Option<TableError>,
}

impl TableReader {
    /// Opens a table, plain or gzip by its content, and reads its header.
    ///
    /// # Errors
    /// [`TableError`] when the mapping is unusable, the file cannot be read, or its header lacks a mapped column.
    pub fn open(path: &Path, mapping: &Mapping, parameters: Arc<ParameterSet>) -> Result<Self, TableError> {
        mapping.check(&parameters)?;
        let delimiter = mapping.delimiter_byte()?;
        let cannot_read = |source| TableError::Read {
            path: path.to_owned(),
            source,
        };
        let mut lines = Lines::open(path).map_err(cannot_read)?;
        let mut line = Line::default();
        if !lines.next(&mut line).map_err(cannot_read)? {
            return Err(TableError::NoHeader {
                path: path.to_owned(),
            });
        }
        let header = header::read(path, &line, delimiter)?;
        let plan = Plan::new(mapping, &parameters, &mut |name| {
            header::find(path, &header, name)
        })?;
        Ok(Self {
            path: path.to_owned(),
            lines,
            line,
            fields: Fields::default(),
            delimiter,
            width: header.len(),
            plan,
            observation: Observation::new(parameters.len()),
            failure: None,
        })
    }

    /// The next row, `None` at the end of the file or where it cannot be read further: see [`TableReader::failure`],
    /// which a last [`Row::Bad`] announces.
    pub fn next_row(&mut self) -> Option<Row<'_>> {
        if self.failure.is_some() {
            return None;
        }
        let outcome = match self.advance() {
            Ok(outcome) => outcome?,
            Err(source) => return Some(self.fail(source)),
        };
        let line = self.line.number;
        Some(match outcome {
            Ok(()) => Row::Observation {
                line,
                observation: &self.observation,
            },
            Err(RowFault { reason, detail }) => {
                let text = String::from_utf8_lossy(&self.line.bytes).into_owned();
                Row::Bad {
                    line,
                    reason,
                    detail,
                    text,
                }
            }
        })
    }

    /// Why the file could not be read to its end: a packed file that breaks off, a disk at fault.
    pub fn failure(&self) -> Option<&TableError> {
        self.failure.as_ref()
    }

    /// Bytes of the file read so far; packed ones, where it is packed.
    pub fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    /// Size of the file in bytes.
    pub fn bytes_total(&self) -> u64 {
        self.lines.bytes_total()
    }

    fn fail(&mut self, source: io::Error) -> Row<'static> {
        let row = Row::Bad {
            line: self.line.number,
            reason: Reason::BadRow,
            detail: format!("the file cannot be read from here on: {source}"),
            text: String::from_utf8_lossy(&self.line.bytes).into_owned(),
        };
        self.failure = Some(TableError::Read {
            path: self.path.clone(),
            source,
        });
        row
    }

    /// Reads the next line that is not empty, and what it says.
    fn advance(&mut self) -> io::Result<Option<Result<(), RowFault>>> {
        while self.lines.next(&mut self.line)? {
            if !self.line.bytes.trim_ascii().is_empty() {
                return self.row().map(Some);
            }
        }
        Ok(None)
    }

    fn row(&mut self) -> io::Result<Result<(), RowFault>> {
        if self.line.cut {
            return Ok(Err(bad_row(format!("a line longer than {MAX_LINE} bytes"))));
        }
        let text = match std::str::from_utf8(&self.line.bytes) {
            Ok(text) => text,
            Err(error) => {
                return Ok(Err(bad_row(format!(
                    "byte {} of the line is not UTF-8",
                    error.valid_up_to()
                ))));
            }
        };
        if self.fields.split(text, self.delimiter) == Quotes::Open && !self.join()? {
            return Ok(Err(bad_row("a quote does not end".to_owned())));
        }
        if self.fields.len() != self.width {
            return Ok(Err(bad_row(format!(
                "{} fields, the header has {}",
                self.fields.len(),
                self.width
            ))));
        }
        Ok(self.plan.read(&self.fields, &mut self.observation))
    }

    /// Whether the line and a few more make a row, because a quoted field has line ends in it. If not, they stay lines.
    fn join(&mut self) -> io::Result<bool> {
        let mut joined = self.line.bytes.clone();
        for distance in 0..MAX_LINES_OF_A_ROW - 1 {
            match self.lines.look_ahead(distance)? {
                Some(next) if !next.cut && joined.len() + next.bytes.len() < MAX_LINE => {
                    joined.push(b'\n');
                    joined.extend_from_slice(&next.bytes);
                }
                _ => return Ok(false),
            }
            let Ok(text) = std::str::from_utf8(&joined) else {
                return Ok(false);
            };
            let quotes = self.fields.split(text, self.delimiter);
            if quotes != Quotes::Open {
                let whole = quotes == Quotes::Paired && self.fields.len() == self.width;
                if whole {
                    self.lines.skip(distance + 1);
                    self.line.bytes = joined;
                }
                return Ok(whole);
            }
        }
        Ok(false)
    }
}

fn bad_row(detail: String) -> RowFault {
    RowFault::new(Reason::BadRow, detail)
}
