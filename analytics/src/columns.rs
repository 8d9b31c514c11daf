//! Typed columns out of query results.
//!
//! The engine hands texts over in several forms (views, dictionaries) and counts in several widths; here they are
//! brought to one. Invariant: a column that is missing or of another kind is a defect and says so.

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef};

use crate::AnalyticsError;

/// A column, whatever its type.
pub(crate) fn any<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, AnalyticsError> {
    batch
        .column_by_name(name)
        .ok_or_else(|| AnalyticsError::Defect(format!("column {name} is missing")))
}

/// The same rows in the columns of a schema, which they all have.
pub(crate) fn like(batches: &[RecordBatch], schema: &SchemaRef) -> Result<Vec<RecordBatch>, AnalyticsError> {
    let batches = batches.iter().map(|batch| {
        let fields = schema.fields().iter();
        let arrays = fields.map(|field| Ok(cast(any(batch, field.name())?, field.data_type())?));
        let arrays = arrays.collect::<Result<_, AnalyticsError>>()?;
        Ok(RecordBatch::try_new(schema.clone(), arrays)?)
    });
    batches.collect()
}

fn column(batch: &RecordBatch, name: &str, kind: &DataType) -> Result<ArrayRef, AnalyticsError> {
    Ok(cast(any(batch, name)?, kind)?)
}

pub(crate) fn texts(batch: &RecordBatch, name: &str) -> Result<StringArray, AnalyticsError> {
    Ok(column(batch, name, &DataType::Utf8)?.as_string::<i32>().clone())
}

pub(crate) fn integers(batch: &RecordBatch, name: &str) -> Result<Int64Array, AnalyticsError> {
    Ok(column(batch, name, &DataType::Int64)?
        .as_primitive::<Int64Type>()
        .clone())
}

pub(crate) fn doubles(batch: &RecordBatch, name: &str) -> Result<Float64Array, AnalyticsError> {
    Ok(column(batch, name, &DataType::Float64)?
        .as_primitive::<Float64Type>()
        .clone())
}

pub(crate) fn truths(batch: &RecordBatch, name: &str) -> Result<BooleanArray, AnalyticsError> {
    Ok(column(batch, name, &DataType::Boolean)?.as_boolean().clone())
}

/// The value of a row; `None` when it is null.
pub(crate) fn truth(column: &BooleanArray, row: usize) -> Option<bool> {
    column.is_valid(row).then(|| column.value(row))
}

/// The value of a row; `None` when it is null.
pub(crate) fn text(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// The value of a row; `None` when it is null.
pub(crate) fn integer(column: &Int64Array, row: usize) -> Option<i64> {
    column.is_valid(row).then(|| column.value(row))
}

/// The value of a row as a count.
pub(crate) fn count(column: &Int64Array, row: usize) -> Result<Option<u32>, AnalyticsError> {
    let count = integer(column, row).map(u32::try_from).transpose();
    count.map_err(|_| AnalyticsError::Defect("a count is negative or too large".to_owned()))
}

/// The value of a row; `None` when it is null.
pub(crate) fn double(column: &Float64Array, row: usize) -> Option<f64> {
    column.is_valid(row).then(|| column.value(row))
}
