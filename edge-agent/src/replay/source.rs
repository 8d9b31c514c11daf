//! The rows of one table that are observations; the others are counted and told once each.

use std::path::Path;

use dustwatch_observation::Observation;
use dustwatch_observation::table::{Row, TableReader};

use super::ReplayOptions;
use crate::{EdgeError, Progress};

pub(super) struct Rows<'a> {
    file: &'a Path,
    reader: TableReader,
    progress: &'a Progress,
}

impl<'a> Rows<'a> {
    /// Opens a table.
    pub(super) fn open(
        file: &'a Path,
        options: &ReplayOptions,
        progress: &'a Progress,
    ) -> Result<Self, EdgeError> {
        let reader = TableReader::open(file, &options.mapping, options.parameters.clone())?;
        Ok(Self {
            file,
            reader,
            progress,
        })
    }

    /// Puts the next observation into `out`; `false` at the end of the file.
    pub(super) fn next_into(&mut self, out: &mut Observation) -> Result<bool, EdgeError> {
        while let Some(row) = self.reader.next_row() {
            match row {
                Row::Observation { observation, .. } => {
                    out.clone_from(observation);
                    return Ok(true);
                }
                Row::Bad {
                    line, reason, detail, ..
                } => {
                    self.progress.add_bad_line();
                    let file = self.file.display();
                    tracing::warn!(%file, line, reason = reason.code(), detail, "bad line passed over");
                }
            }
        }
        self.reader.failure().map_or(Ok(false), |failure| {
            Err(EdgeError::Unreadable(failure.to_string()))
        })
    }
}
