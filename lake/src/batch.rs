//! Observations as Arrow columns, one builder for the stream and for imports.
//!
//! Place on the way: decoded observations in, an [`ObservationBatch`] out, ready to be deduplicated and appended.
//! Invariant: a value leaves exactly as it came, or its digits stand in `original`.

use std::fmt::Write as _;
use std::sync::Arc;

use deltalake::arrow::array::{
    ArrayRef, Date32Builder, Decimal128Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder, new_null_array,
};
use deltalake::arrow::datatypes::{DataType, SchemaRef};
use dustwatch_observation::{Flag, Observation, ParameterSet, Reading, Rescaled, Time};

use crate::schema::PRECISION;
use crate::{LakeError, observation_schema};

/// Largest magnitude that a `decimal(9, d)` column holds, in units of its last place.
const LARGEST: i64 = 999_999_999;

/// Rows of `observations`, with the partition column `day`.
#[derive(Debug, Clone)]
pub struct ObservationBatch {
    /// The rows, in the columns of [`observation_schema`].
    pub rows: RecordBatch,
}

/// Builds an [`ObservationBatch`], row by row.
#[derive(Debug)]
pub struct ObservationBatchBuilder {
    schema: SchemaRef,
    parameters: Arc<ParameterSet>,
    rows: usize,
    device: StringBuilder,
    observed_at: TimestampMicrosecondBuilder,
    received_at: TimestampMicrosecondBuilder,
    epoch: StringBuilder,
    seq: Int64Builder,
    values: Vec<Decimal128Builder>,
    /// Flags other than N are rare: (row, parameter, flag).
    flags: Vec<(usize, usize, Flag)>,
    /// Values that their columns cannot hold exactly are rarer still: (row, JSON object).
    originals: Vec<(usize, String)>,
    day: Date32Builder,
}

impl ObservationBatchBuilder {
    /// A builder for these parameters.
    pub fn new(parameters: Arc<ParameterSet>) -> Self {
        let schema = observation_schema(&parameters);
        let values = parameters
            .iter()
            .map(|(_, p)| {
                let kind = DataType::Decimal128(PRECISION, p.decimals as i8);
                Decimal128Builder::new().with_data_type(kind)
            })
            .collect();
        Self {
            schema,
            parameters,
            rows: 0,
            device: StringBuilder::new(),
            observed_at: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            received_at: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            epoch: StringBuilder::new(),
            seq: Int64Builder::new(),
            values,
            flags: Vec::new(),
            originals: Vec::new(),
            day: Date32Builder::new(),
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds an observation that was received at a time and belongs to a local day (days since 1970).
    pub fn append(&mut self, observation: &Observation, received_at: Time, day: i32) {
        self.device.append_value(&observation.device);
        self.observed_at.append_value(observation.time.as_micros());
        self.received_at.append_value(received_at.as_micros());
        self.epoch
            .append_option((!observation.epoch.is_empty()).then_some(observation.epoch.as_str()));
        self.seq
            .append_option(observation.seq.and_then(|seq| i64::try_from(seq).ok()));
        let mut original = String::new();
        for (id, parameter) in self.parameters.iter() {
            let reading = observation.reading(id);
            let (stored, flag) = store(reading, parameter.decimals, &parameter.key, &mut original);
            self.values[id.index()].append_option(stored);
            if !flag.is_normal() {
                self.flags.push((self.rows, id.index(), flag));
            }
        }
        if !original.is_empty() {
            original.push('}');
            self.originals.push((self.rows, original));
        }
        self.day.append_value(day);
        self.rows += 1;
    }

    /// The rows so far; the builder starts anew.
    ///
    /// # Errors
    /// [`LakeError::Arrow`] is a defect of the program.
    pub fn finish(&mut self) -> Result<ObservationBatch, LakeError> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.device.finish()),
            Arc::new(self.observed_at.finish()),
            Arc::new(self.received_at.finish()),
            Arc::new(self.epoch.finish()),
            Arc::new(self.seq.finish()),
        ];
        columns.extend(self.values.iter_mut().map(|v| Arc::new(v.finish()) as ArrayRef));
        for parameter in 0..self.parameters.len() {
            let flags = self
                .flags
                .iter()
                .filter(|f| f.1 == parameter)
                .map(|f| (f.0, f.2.as_str()));
            columns.push(sparse(self.rows, flags));
        }
        columns.push(sparse(
            self.rows,
            self.originals.iter().map(|(row, text)| (*row, text.as_str())),
        ));
        columns.push(Arc::new(self.day.finish()));
        self.rows = 0;
        self.flags.clear();
        self.originals.clear();
        let rows =
            RecordBatch::try_new(self.schema.clone(), columns).map_err(LakeError::arrow("observations"))?;
        Ok(ObservationBatch { rows })
    }
}

/// What a column stores of a reading, and the flag that goes with it.
fn store(reading: Reading, decimals: u8, key: &str, original: &mut String) -> (Option<i128>, Flag) {
    let Some(value) = reading.value else {
        return (None, reading.flag);
    };
    let (stored, flag) = match value.rescale(decimals) {
        Rescaled::Exact(v) if v.abs() <= LARGEST => return (Some(v.into()), reading.flag),
        Rescaled::Rounded(v) if v.abs() <= LARGEST => (Some(i128::from(v)), reading.flag),
        // No column of a parameter reaches this far: over the measuring range of any sensor.
        _ => (
            None,
            if reading.flag.is_normal() {
                Flag::OverRange
            } else {
                reading.flag
            },
        ),
    };
    let separator = if original.is_empty() { '{' } else { ',' };
    // Writing to a String cannot fail.
    let _ = write!(original, "{separator}\"{key}\":{value}");
    (stored, flag)
}

/// A text column that is null but for some rows, given in rising order.
fn sparse<'a>(rows: usize, mut entries: impl Iterator<Item = (usize, &'a str)>) -> ArrayRef {
    let Some(mut next) = entries.next() else {
        return new_null_array(&DataType::Utf8, rows);
    };
    let mut column = StringBuilder::new();
    let mut done = false;
    for row in 0..rows {
        if !done && row == next.0 {
            column.append_value(next.1);
            match entries.next() {
                Some(entry) => next = entry,
                None => done = true,
            }
        } else {
            column.append_null();
        }
    }
    Arc::new(column.finish())
}
