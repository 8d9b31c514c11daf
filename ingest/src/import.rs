//! Import: tables that other people made, into the lake without a broker.
//!
//! The same judge and the same identity as for messages, so a file may be imported twice, or after its rows came over
//! the wire, and counts once. A line that cannot be taken becomes a rejection and is named; the others go on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dustwatch_config::Settings;
use dustwatch_lake::{
    Appender, Identity, Lake, ObservationRows, RejectedBatchBuilder, RejectedRow, TableKind,
};
use dustwatch_observation::table::{Mapping, Row, TableReader};
use dustwatch_observation::{Clock, Reason, Time};

use crate::IngestError;
use crate::judge::Judge;

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Lines read.
    pub lines: u64,
    /// Observations added, corrections included.
    pub added: u64,
    /// Observations that the table had already.
    pub duplicates: u64,
    /// Observations that corrected an earlier one; they are among the added.
    pub corrections: u64,
    /// Lines that were rejected.
    pub rejected: u64,
}

/// Imports files; `progress` is told the lines of each thousand and so.
///
/// # Errors
/// [`IngestError::Import`] names the file that cannot be read as a table; [`IngestError::Lake`] when the lake fails.
/// What was committed before stays, and a second try adds what is missing.
pub async fn import(
    settings: &Settings,
    files: &[PathBuf],
    mapping: &Mapping,
    clock: Arc<dyn Clock>,
    progress: &mut dyn FnMut(&Path, u64),
) -> Result<ImportReport, IngestError> {
    let lake = Lake::new(settings)?;
    let mut importer = Importer::open(settings, &lake, clock).await?;
    for file in files {
        let mut reader = TableReader::open(file, mapping, settings.parameters.clone())
            .map_err(|e| IngestError::Import(e.to_string()))?;
        let mut lines = 0u64;
        while let Some(row) = reader.next_row() {
            importer.take(file, row);
            lines += 1;
            if lines.is_multiple_of(1000) {
                progress(file, lines);
            }
            if importer.rows.len() >= settings.lake.commit_rows as usize {
                importer.commit().await?;
            }
        }
        progress(file, lines);
        importer.report.lines += lines;
    }
    importer.commit().await?;
    Ok(importer.report)
}

struct Importer {
    judge: Judge,
    identity: Identity,
    observations: Appender,
    rejected: Appender,
    rows: ObservationRows,
    bad: Vec<RejectedRow>,
    received_at: Time,
    days: dustwatch_lake::LocalDays,
    /// Position of the next commit under this import's application id.
    next: u64,
    report: ImportReport,
}

impl Importer {
    async fn open(settings: &Settings, lake: &Lake, clock: Arc<dyn Clock>) -> Result<Self, IngestError> {
        let now = clock.now();
        // Each import is an application of its own: identity, not the position, keeps a second one from counting.
        let app_id = format!("import-{}-{}", now.as_micros(), std::process::id());
        Ok(Self {
            judge: Judge::new(settings),
            identity: Identity::new(lake),
            observations: Appender::open(lake, TableKind::Observations, &app_id).await?,
            rejected: Appender::open(lake, TableKind::Rejected, &app_id).await?,
            rows: ObservationRows::new(settings.parameters.clone()),
            bad: Vec::new(),
            received_at: now,
            days: dustwatch_lake::LocalDays::new(settings.district.timezone),
            next: 1,
            report: ImportReport::default(),
        })
    }

    fn take(&mut self, file: &Path, row: Row<'_>) {
        match row {
            Row::Observation { line, observation } => {
                match self.judge.observation(observation, self.received_at) {
                    Ok(day) => self.rows.append(observation, self.received_at, day),
                    Err((reason, detail)) => {
                        let text = format!("{} {}", observation.device, observation.time);
                        self.reject(file, line, reason, detail, text);
                    }
                }
            }
            Row::Bad {
                line,
                reason,
                detail,
                text,
            } => self.reject(file, line, reason, detail, text),
        }
    }

    fn reject(&mut self, file: &Path, line: u64, reason: Reason, detail: String, text: String) {
        self.report.rejected += 1;
        if self.report.rejected <= 20 {
            tracing::warn!(file = %file.display(), line, reason = reason.code(), detail, "line rejected");
        }
        let name = file
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        self.bad.push(RejectedRow {
            received_at: self.received_at,
            topic: format!("file:{name}:{line}"),
            payload: text.into_bytes(),
            reason,
            detail,
            day: self.days.day_of(self.received_at).unwrap_or(0),
        });
    }

    async fn commit(&mut self) -> Result<(), IngestError> {
        if !self.bad.is_empty() {
            let batch = RejectedBatchBuilder::build(&self.bad)?;
            self.rejected.append(&[batch], self.next).await?;
            self.bad.clear();
        }
        if !self.rows.is_empty() {
            let mut rows = self.rows.take();
            let counts = self.identity.admit(&mut self.observations, &mut rows).await?;
            if !rows.is_empty() {
                self.observations.append_rows(&rows, self.next).await?;
            }
            self.report.added += counts.admitted;
            self.report.duplicates += counts.duplicates;
            self.report.corrections += counts.corrections;
        }
        self.next += 1;
        Ok(())
    }
}
