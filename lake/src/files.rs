//! Rows to Parquet files that no commit names yet.

use std::sync::Arc;

use delta_kernel::expressions::Scalar;
use deltalake::DeltaTable;
use deltalake::arrow::array::{RecordBatch, new_null_array};
use deltalake::arrow::datatypes::{Schema, SchemaRef};
use deltalake::arrow::error::ArrowError;
use deltalake::kernel::Add;
use deltalake::kernel::engine::arrow_conversion::TryIntoArrow;
use deltalake::writer::{DeltaWriter, RecordBatchWriter, WriteMode};
use indexmap::IndexMap;
use object_store::{ObjectStoreExt, path::Path};

use crate::{LakeError, ObservationRows, TableKind, writer};

/// Rows that are Arrow at a time on their way to a file.
const SLICE_ROWS: usize = 16 * 1024;

/// Writes batches as sorted Parquet files, one a partition; nothing is committed yet.
pub(crate) async fn write_files(
    table: &DeltaTable,
    kind: TableKind,
    batches: &[RecordBatch],
) -> Result<Vec<Add>, LakeError> {
    let Some(first) = batches.iter().find(|b| b.num_rows() > 0) else {
        return Ok(Vec::new());
    };
    let all = deltalake::arrow::compute::concat_batches(&first.schema(), batches)
        .map_err(LakeError::arrow(kind.name()))?;
    let order: Vec<&str> = kind
        .partition()
        .into_iter()
        .chain(kind.order().iter().copied())
        .collect();
    let all = writer::sorted(&all, &order).map_err(LakeError::arrow(kind.name()))?;
    let schema = schema_of(table).map_err(LakeError::arrow(kind.name()))?;
    let all = as_wide_as(&schema, &all).map_err(LakeError::arrow(kind.name()))?;
    let mut files = RecordBatchWriter::for_table(table)
        .map_err(LakeError::store(kind.name()))?
        .with_writer_properties(writer::properties(&all.schema()));
    files.write(all).await.map_err(LakeError::store(kind.name()))?;
    files.flush().await.map_err(LakeError::store(kind.name()))
}

/// Writes rows as sorted Parquet files, one a local day, a slice at a time; nothing is committed yet.
///
/// A file is closed before the next one is begun: an open one holds a megabyte a column for its encoders alone.
pub(crate) async fn write_rows(table: &DeltaTable, rows: &ObservationRows) -> Result<Vec<Add>, LakeError> {
    let kind = TableKind::Observations;
    let (store, arrow) = (LakeError::store(kind.name()), LakeError::arrow(kind.name()));
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut files = RecordBatchWriter::for_table(table)
        .map_err(store)?
        .with_writer_properties(writer::properties(rows.schema()));
    let schema = schema_of(table).map_err(arrow)?;
    let mut adds = Vec::new();
    let order = rows.sorted();
    for day in order.chunk_by(|a, b| rows.day[*a as usize] == rows.day[*b as usize]) {
        let partition = IndexMap::from([("day".to_owned(), Scalar::Date(rows.day[day[0] as usize]))]);
        for slice in day.chunks(SLICE_ROWS) {
            let batch = rows.batch(slice).and_then(|batch| as_wide_as(&schema, &batch));
            files
                .write_partition(
                    batch.map_err(LakeError::arrow(kind.name()))?,
                    &partition,
                    WriteMode::Default,
                )
                .await
                .map_err(LakeError::store(kind.name()))?;
        }
        adds.extend(files.flush().await.map_err(LakeError::store(kind.name()))?);
    }
    Ok(adds)
}

/// The batch with null columns where the table has parameters that this configuration does not.
fn as_wide_as(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = schema
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            Some(column) => column.clone(),
            None => new_null_array(field.data_type(), batch.num_rows()),
        });
    RecordBatch::try_new(schema.clone(), columns.collect())
}

/// The columns that the table has.
pub(crate) fn schema_of(table: &DeltaTable) -> Result<SchemaRef, ArrowError> {
    let state = table
        .snapshot()
        .map_err(|e| ArrowError::ExternalError(Box::new(e)))?;
    let schema: Schema = state.schema().as_ref().try_into_arrow()?;
    Ok(Arc::new(schema))
}

/// Takes away files that no commit names. What cannot be removed costs disk, not data.
pub(crate) async fn remove_files(table: &DeltaTable, files: &[String]) {
    let store = table.log_store().object_store(None);
    for file in files {
        // A log entry writes paths as they stand in an address.
        let Ok(path) = Path::from_url_path(file) else {
            continue;
        };
        if let Err(error) = store.delete(&path).await {
            tracing::warn!(file, %error, "a file that was not committed stays");
        }
    }
}
