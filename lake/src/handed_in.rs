//! Tables that people hand in: laboratory results, enforcement counts, the city's lists.
//!
//! Place on the way: beside the stream; analytics reads a file line by line and adds what it could take. Such a table
//! is only ever appended to. Invariants: the same entry twice is added once; an entry with another content is a
//! correction, and the latest import of an entry wins, whatever the clock said meanwhile.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::execution::context::SessionContext;
use deltalake::arrow::array::{ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray, UInt32Array};
use deltalake::arrow::compute::take_record_batch;
use deltalake::arrow::datatypes::{Schema, TimestampMicrosecondType};
use deltalake::arrow::error::ArrowError;
use deltalake::arrow::row::{RowConverter, Rows, SortField};

use crate::schema::IMPORTED_AT_COLUMN;
use crate::writer::canonical;
use crate::{Appender, Lake, LakeError, TableKind};

/// Columns that say where an entry came from, and not what it says.
const ORIGIN: [&str; 2] = ["source", IMPORTED_AT_COLUMN];

/// What became of entries that were handed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Added {
    /// The table's version afterwards; `None` when there is no table yet.
    pub version: Option<u64>,
    /// Entries that the table did not have.
    pub new: u64,
    /// Entries that it had with another content.
    pub corrected: u64,
    /// Entries that it had.
    pub unchanged: u64,
}

/// Entries of a table by their key: when each was imported last, and what it says.
#[derive(Debug, Default)]
struct Known {
    entries: HashMap<Vec<u8>, (i64, Vec<u8>)>,
    newest: i64,
}

impl Lake {
    /// Adds entries to a table with a [`TableKind::key`], in one commit: those that it does not have, or has with
    /// another content. Of several entries of one key in `rows` the last counts. The instant of the import is moved
    /// behind the table's newest one when the clock was put back, so that a correction always wins.
    ///
    /// # Errors
    /// [`LakeError::Arrow`] when `rows` are not the table's columns; [`LakeError::Store`], [`LakeError::Disk`]: nothing
    /// was added, it may be tried again.
    pub async fn add_rows(&self, kind: TableKind, rows: &RecordBatch) -> Result<Added, LakeError> {
        let arrow = || LakeError::arrow(kind.name());
        let rows = canonical(rows, &self.schema(kind)).map_err(arrow())?;
        let known = self.known_entries(kind).await?;
        let (keys, contents) = converted(kind, &rows).map_err(arrow())?;
        let mut last: HashMap<&[u8], usize> = HashMap::new();
        for row in 0..rows.num_rows() {
            last.insert(keys.row(row).data(), row);
        }
        let mut added = Added::default();
        let mut wanted = Vec::new();
        for row in 0..rows.num_rows() {
            let key = keys.row(row).data();
            if last.get(key) != Some(&row) {
                continue;
            }
            match known.entries.get(key) {
                Some((_, content)) if content == contents.row(row).data() => {
                    added.unchanged += 1;
                    continue;
                }
                Some(_) => added.corrected += 1,
                None => added.new += 1,
            }
            wanted.push(row as u32);
        }
        if wanted.is_empty() {
            added.version = self.version(kind).await?;
            return Ok(added);
        }
        let wanted = take_record_batch(&rows, &UInt32Array::from(wanted)).map_err(arrow())?;
        let (batch, imported_at) = imported_after(&wanted, known.newest).map_err(arrow())?;
        let app_id = format!("handed-in-{imported_at}-{}", std::process::id());
        let mut appender = Appender::open(self, kind, &app_id).await?;
        added.version = Some(appender.append(&[batch], 1).await?.version);
        Ok(added)
    }

    async fn known_entries(&self, kind: TableKind) -> Result<Known, LakeError> {
        let mut known = Known::default();
        let table = self.read(kind, None).await?;
        if table.version.is_none() {
            return Ok(known);
        }
        let frame = SessionContext::new()
            .read_table(table.provider)
            .map_err(LakeError::scan(kind.name()))?;
        let batches = frame.collect().await.map_err(LakeError::scan(kind.name()))?;
        for batch in batches {
            let arrow = || LakeError::arrow(kind.name());
            let batch = canonical(&batch, &self.schema(kind)).map_err(arrow())?;
            let (keys, contents) = converted(kind, &batch).map_err(arrow())?;
            let times = instants(&batch).map_err(arrow())?;
            for row in 0..batch.num_rows() {
                known.take(keys.row(row).data(), times.value(row), contents.row(row).data());
            }
        }
        Ok(known)
    }
}

impl Known {
    fn take(&mut self, key: &[u8], imported_at: i64, content: &[u8]) {
        self.newest = self.newest.max(imported_at);
        let is_newer = self.entries.get(key).is_none_or(|(at, _)| *at <= imported_at);
        if is_newer {
            self.entries.insert(key.to_vec(), (imported_at, content.to_vec()));
        }
    }
}

/// The rows' keys and what they say, in a form that compares.
fn converted(kind: TableKind, batch: &RecordBatch) -> Result<(Rows, Rows), ArrowError> {
    let schema: &Schema = batch.schema_ref();
    let part = |is_key: bool| -> Result<Rows, ArrowError> {
        let (fields, columns): (Vec<SortField>, Vec<ArrayRef>) = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .filter(|(field, _)| {
                let name = field.name().as_str();
                kind.key().contains(&name) == is_key && !ORIGIN.contains(&name)
            })
            .map(|(field, column)| (SortField::new(field.data_type().clone()), column.clone()))
            .unzip();
        RowConverter::new(fields)?.convert_columns(&columns)
    };
    Ok((part(true)?, part(false)?))
}

fn instants(batch: &RecordBatch) -> Result<TimestampMicrosecondArray, ArrowError> {
    let column = batch.column_by_name(IMPORTED_AT_COLUMN);
    let column =
        column.ok_or_else(|| ArrowError::SchemaError(format!("column {IMPORTED_AT_COLUMN} is missing")))?;
    Ok(column.as_primitive::<TimestampMicrosecondType>().clone())
}

/// The batch as imported after `newest`, and the instant of its first row.
fn imported_after(batch: &RecordBatch, newest: i64) -> Result<(RecordBatch, i64), ArrowError> {
    let times = instants(batch)?;
    let moved =
        TimestampMicrosecondArray::from_iter_values(times.values().iter().map(|at| (*at).max(newest + 1)));
    let moved = moved.with_timezone("UTC");
    let first = moved.values().first().copied().unwrap_or_default();
    let at = batch.schema().index_of(IMPORTED_AT_COLUMN)?;
    let mut columns = batch.columns().to_vec();
    columns[at] = Arc::new(moved);
    Ok((RecordBatch::try_new(batch.schema(), columns)?, first))
}
