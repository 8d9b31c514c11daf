//! Observations in memory, between decoding and the table: as small as they can be.
//!
//! Place on the way: decoded observations in, one row each; identity takes out what the table has, and the writer takes
//! sorted slices as Arrow batches. A row takes about 70 bytes, where Arrow's decimals alone would take twice that.
//! Invariant: a value leaves exactly as it came, or its digits stand in `original`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use deltalake::arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray, new_null_array,
};
use deltalake::arrow::datatypes::{DataType, SchemaRef};
use deltalake::arrow::error::ArrowError;
use dustwatch_observation::{Flag, Observation, ParameterSet, Reading, Rescaled, Time};

use crate::names::{NONE, Names};
use crate::schema::PRECISION;
use crate::{LakeError, observation_schema};

/// Largest magnitude that a `decimal(9, d)` column holds, in units of its last place.
const LARGEST: i64 = 999_999_999;
/// A value or a sequence number that is not there.
const NO_VALUE: i32 = i32::MIN;
const NO_SEQ: i64 = -1;

/// Rows of `observations`, one an observation, in the order in which they were added.
#[derive(Debug, Clone)]
pub struct ObservationRows {
    schema: SchemaRef,
    parameters: Arc<ParameterSet>,
    pub(crate) names: Names,
    /// Index into `names`.
    pub(crate) device: Vec<u32>,
    pub(crate) observed_at: Vec<i64>,
    pub(crate) received_at: Vec<i64>,
    /// Index into `names`, or [`NONE`].
    pub(crate) epoch: Vec<u32>,
    pub(crate) seq: Vec<i64>,
    /// Row by row, a value a parameter, in units of its last place.
    values: Vec<i32>,
    /// Flags other than N are rare: (row, parameter, flag), in this order.
    flags: Vec<(u32, u32, Flag)>,
    /// Values that their columns cannot hold exactly are rarer still: (row, JSON object).
    originals: Vec<(u32, String)>,
    /// Local day, days since 1970.
    pub(crate) day: Vec<i32>,
}

impl ObservationRows {
    /// No rows yet, for these parameters.
    pub fn new(parameters: Arc<ParameterSet>) -> Self {
        Self::with_capacity(parameters, 0)
    }

    /// No rows yet, with room for so many: columns that grow by doubling would hold nearly twice what they need.
    fn with_capacity(parameters: Arc<ParameterSet>, rows: usize) -> Self {
        Self {
            schema: observation_schema(&parameters),
            names: Names::default(),
            device: Vec::with_capacity(rows),
            observed_at: Vec::with_capacity(rows),
            received_at: Vec::with_capacity(rows),
            epoch: Vec::with_capacity(rows),
            seq: Vec::with_capacity(rows),
            values: Vec::with_capacity(rows * parameters.len()),
            flags: Vec::new(),
            originals: Vec::new(),
            day: Vec::with_capacity(rows),
            parameters,
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.day.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.day.is_empty()
    }

    /// Adds an observation that was received at a time and belongs to a local day (days since 1970).
    pub fn append(&mut self, observation: &Observation, received_at: Time, day: i32) {
        let row = self.len() as u32;
        self.device.push(self.names.of(&observation.device));
        self.observed_at.push(observation.time.as_micros());
        self.received_at.push(received_at.as_micros());
        self.epoch.push(if observation.epoch.is_empty() {
            NONE
        } else {
            self.names.of(&observation.epoch)
        });
        let seq = observation.seq.and_then(|seq| i64::try_from(seq).ok());
        self.seq.push(seq.unwrap_or(NO_SEQ));
        let mut original = String::new();
        for (id, parameter) in self.parameters.iter() {
            let reading = observation.reading(id);
            let (stored, flag) = store(reading, parameter.decimals, &parameter.key, &mut original);
            self.values.push(stored.unwrap_or(NO_VALUE));
            if !flag.is_normal() {
                self.flags.push((row, id.index() as u32, flag));
            }
        }
        if !original.is_empty() {
            original.push('}');
            self.originals.push((row, original));
        }
        self.day.push(day);
    }

    /// When the first and the last row were received; `None` without rows.
    pub fn received(&self) -> Option<(Time, Time)> {
        let (first, last) = (self.received_at.first()?, self.received_at.last()?);
        Some((Time::from_micros(*first), Time::from_micros(*last)))
    }

    /// When the last row was observed; `None` without rows.
    pub fn last_observed(&self) -> Option<Time> {
        self.observed_at.last().copied().map(Time::from_micros)
    }

    /// Takes back the rows from this one on.
    pub fn truncate(&mut self, rows: usize) {
        self.device.truncate(rows);
        self.observed_at.truncate(rows);
        self.received_at.truncate(rows);
        self.epoch.truncate(rows);
        self.seq.truncate(rows);
        self.values.truncate(rows * self.parameters.len());
        self.flags
            .truncate(self.flags.partition_point(|f| (f.0 as usize) < rows));
        self.originals
            .truncate(self.originals.partition_point(|o| (o.0 as usize) < rows));
        self.day.truncate(rows);
    }

    /// The rows so far; none remain.
    #[must_use]
    pub fn take(&mut self) -> Self {
        // The next rows will be about as many, or a message more.
        let rows = self.len() + self.len() / 16;
        let next = Self::with_capacity(self.parameters.clone(), rows);
        std::mem::replace(self, next)
    }

    /// The columns of the table, with the partition column `day`.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The values of a row: one a parameter, if it is there.
    pub(crate) fn values(&self, row: usize) -> impl Iterator<Item = Option<i32>> {
        let parameters = self.parameters.len();
        self.values[row * parameters..][..parameters]
            .iter()
            .map(|value| Some(*value).filter(|v| *v != NO_VALUE))
    }

    /// Flags other than N: (row, parameter, letter), by row and parameter.
    pub(crate) fn flags(&self) -> impl Iterator<Item = (usize, usize, &'static str)> {
        let flags = self.flags.iter();
        flags.map(|(row, parameter, flag)| (*row as usize, *parameter as usize, flag.as_str()))
    }

    /// What was sent where a column cannot hold it: (row, JSON object), by row.
    pub(crate) fn originals(&self) -> impl Iterator<Item = (usize, &str)> {
        self.originals
            .iter()
            .map(|(row, text)| (*row as usize, text.as_str()))
    }

    /// How many parameters there are.
    pub(crate) fn parameters(&self) -> usize {
        self.parameters.len()
    }

    /// The sequence number of a row, if it has one.
    pub(crate) fn seq(&self, row: usize) -> Option<i64> {
        Some(self.seq[row]).filter(|seq| *seq != NO_SEQ)
    }

    /// Row numbers by local day, device and time: the order of the table's files.
    pub(crate) fn sorted(&self) -> Vec<u32> {
        let rank = self.names.ranks();
        let rank_of = |row: usize| (self.day[row], rank[self.device[row] as usize]);
        // A device's rows mostly come in the order of time already, which this sort makes use of.
        let mut devices: BTreeMap<(i32, u32), Vec<u32>> = BTreeMap::new();
        let all: Vec<u32> = (0..self.len() as u32).collect();
        for run in all.chunk_by(|a, b| rank_of(*a as usize) == rank_of(*b as usize)) {
            let rows = devices.entry(rank_of(run[0] as usize)).or_default();
            rows.extend_from_slice(run);
        }
        for rows in devices.values_mut() {
            rows.sort_by_key(|row| self.observed_at[*row as usize]);
        }
        devices.into_values().flatten().collect()
    }

    /// Keeps the rows for which this is true.
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        let kept: Vec<usize> = (0..self.len()).filter(|row| keep[*row]).collect();
        if kept.len() == self.len() {
            return;
        }
        let mut number = vec![0u32; self.len()];
        for (new, old) in kept.iter().enumerate() {
            number[*old] = new as u32;
        }
        self.flags.retain(|f| keep[f.0 as usize]);
        self.originals.retain(|o| keep[o.0 as usize]);
        self.flags.iter_mut().for_each(|f| f.0 = number[f.0 as usize]);
        self.originals.iter_mut().for_each(|o| o.0 = number[o.0 as usize]);
        let parameters = self.parameters.len();
        for (new, old) in kept.iter().copied().enumerate() {
            self.device[new] = self.device[old];
            self.observed_at[new] = self.observed_at[old];
            self.received_at[new] = self.received_at[old];
            self.epoch[new] = self.epoch[old];
            self.seq[new] = self.seq[old];
            self.day[new] = self.day[old];
            self.values
                .copy_within(old * parameters..(old + 1) * parameters, new * parameters);
        }
        let rows = kept.len();
        self.device.truncate(rows);
        self.observed_at.truncate(rows);
        self.received_at.truncate(rows);
        self.epoch.truncate(rows);
        self.seq.truncate(rows);
        self.day.truncate(rows);
        self.values.truncate(rows * parameters);
    }

    /// All rows as an Arrow batch, in the order in which they were added.
    ///
    /// # Errors
    /// [`LakeError::Arrow`] is a defect of the program.
    pub fn to_batch(&self) -> Result<RecordBatch, LakeError> {
        let order: Vec<u32> = (0..self.len() as u32).collect();
        self.batch(&order).map_err(LakeError::arrow("observations"))
    }

    /// Some rows as an Arrow batch.
    pub(crate) fn batch(&self, order: &[u32]) -> Result<RecordBatch, ArrowError> {
        let rows = || order.iter().map(|row| *row as usize);
        let times = |of: &[i64]| {
            let values = rows().map(|row| of[row]);
            Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC")) as ArrayRef
        };
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(
                rows().map(|row| self.names.text(self.device[row])),
            )),
            times(&self.observed_at),
            times(&self.received_at),
            Arc::new(StringArray::from_iter(rows().map(|row| {
                let epoch = self.epoch[row];
                (epoch != NONE).then(|| self.names.text(epoch))
            }))),
            Arc::new(Int64Array::from_iter(rows().map(|row| self.seq(row)))),
        ];
        for (id, parameter) in self.parameters.iter() {
            let (at, width) = (id.index(), self.parameters.len());
            let values = rows().map(|row| Some(self.values[row * width + at]).filter(|v| *v != NO_VALUE));
            let column: Decimal128Array = values.map(|v| v.map(i128::from)).collect();
            columns.push(Arc::new(
                column.with_precision_and_scale(PRECISION, parameter.decimals as i8)?,
            ));
        }
        for parameter in 0..self.parameters.len() as u32 {
            let flags = self.flags.iter().filter(|f| f.1 == parameter);
            columns.push(sparse(order, flags.map(|f| (f.0, f.2.as_str())).collect()));
        }
        let originals = self.originals.iter().map(|(row, text)| (*row, text.as_str()));
        columns.push(sparse(order, originals.collect()));
        columns.push(Arc::new(Date32Array::from_iter_values(
            rows().map(|row| self.day[row]),
        )));
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}

/// What a column stores of a reading, and the flag that goes with it.
fn store(reading: Reading, decimals: u8, key: &str, original: &mut String) -> (Option<i32>, Flag) {
    let Some(value) = reading.value else {
        return (None, reading.flag);
    };
    let (stored, flag) = match value.rescale(decimals) {
        Rescaled::Exact(v) if v.abs() <= LARGEST => return (Some(v as i32), reading.flag),
        Rescaled::Rounded(v) if v.abs() <= LARGEST => (Some(v as i32), reading.flag),
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

/// A text column that is null but for some rows; `entries` are by rising row.
fn sparse(order: &[u32], entries: Vec<(u32, &str)>) -> ArrayRef {
    if entries.is_empty() {
        return new_null_array(&DataType::Utf8, order.len());
    }
    let mut column = StringBuilder::with_capacity(order.len(), entries.len());
    for row in order {
        match entries.binary_search_by_key(row, |entry| entry.0) {
            Ok(at) => column.append_value(entries[at].1),
            Err(_) => column.append_null(),
        }
    }
    Arc::new(column.finish())
}
