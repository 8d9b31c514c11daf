//! How Parquet files are written: encodings, compression, row groups.
//!
//! Rows are sorted by device and time first, so that neighbours differ little: times and values are packed as deltas
//! of integers, texts go through a dictionary, and everything through Zstandard.

use deltalake::arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use deltalake::arrow::compute::{SortColumn, cast, lexsort_to_indices, take_record_batch};
use deltalake::arrow::datatypes::{DataType, Schema, SchemaRef};
use deltalake::arrow::error::ArrowError;
use deltalake::parquet::basic::{Compression, Encoding, ZstdLevel};
use deltalake::parquet::file::metadata::SortingColumn;
use deltalake::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use deltalake::parquet::schema::types::ColumnPath;

use crate::TableKind;

/// Rows of a row group.
const ROW_GROUP_ROWS: usize = 128 * 1024;

/// Writer properties for a table of these columns.
pub(crate) fn properties(schema: &Schema) -> WriterProperties {
    builder(schema).build()
}

/// The same for files of one partition, in the table's order, which they say of themselves.
pub(crate) fn sorted_properties(schema: &Schema, kind: TableKind) -> WriterProperties {
    // Files have the table's columns but for the partition's.
    let columns: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .filter(|name| Some(*name) != kind.partition())
        .collect();
    let sorting = kind.order().iter().filter_map(|name| {
        let at = columns.iter().position(|column| column == name)?;
        Some(SortingColumn {
            column_idx: i32::try_from(at).ok()?,
            descending: false,
            nulls_first: true,
        })
    });
    builder(schema)
        .set_sorting_columns(Some(sorting.collect()))
        .build()
}

fn builder(schema: &Schema) -> WriterPropertiesBuilder {
    let level = ZstdLevel::try_new(3).unwrap_or_default();
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page);
    for field in schema.fields() {
        let column = ColumnPath::from(field.name().as_str());
        match field.data_type() {
            DataType::Timestamp(..) | DataType::Int64 | DataType::Int32 | DataType::Decimal128(..) => {
                builder = builder
                    .set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
            }
            DataType::Float64 => builder = builder.set_column_dictionary_enabled(column, false),
            _ => {}
        }
    }
    builder
}

/// The batch with the table's columns and types; scans return views and dictionaries.
pub(crate) fn canonical(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns: Result<Vec<ArrayRef>, ArrowError> = schema
        .fields()
        .iter()
        .map(|field| {
            let column = batch
                .column_by_name(field.name())
                .ok_or_else(|| ArrowError::SchemaError(format!("column {} is missing", field.name())))?;
            cast(column, field.data_type())
        })
        .collect();
    RecordBatch::try_new(schema.clone(), columns?)
}

/// The batch sorted by these columns.
pub(crate) fn sorted(batch: &RecordBatch, by: &[&str]) -> Result<RecordBatch, ArrowError> {
    let columns: Vec<SortColumn> = by
        .iter()
        .filter_map(|name| batch.column_by_name(name))
        .map(|values| SortColumn {
            values: values.clone(),
            options: None,
        })
        .collect();
    if columns.is_empty() || batch.num_rows() < 2 {
        return Ok(batch.clone());
    }
    let order: UInt32Array = lexsort_to_indices(&columns, None)?;
    if order.values().windows(2).all(|w| w[0] < w[1]) && order.null_count() == 0 {
        return Ok(batch.clone());
    }
    take_record_batch(batch, &order)
}
