//! Hashes of rows: of what identifies one, of what it says, and of the delivery that brought it.
//!
//! Place on the way: under identity. Rows in memory and rows of the table hash alike, whichever way they are read.
//!
//! Invariant: hashes stay in memory, so their keys may change from one version of the program to the next.

use deltalake::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use deltalake::arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use deltalake::arrow::error::ArrowError;

use crate::ObservationRows;
use crate::names::NONE;

/// Where the hashes of identities and of contents begin.
const KEY_START: u64 = 0x9e37_79b9_7f4a_7c15;
const CONTENT_START: u64 = 0x2545_f491_4f6c_dd1d;
/// Salt of the table's first column, and of its first parameter, behind device, two times, epoch and seq.
const FIRST_COLUMN: u64 = 3;
const FIRST_VALUE: u64 = FIRST_COLUMN + 5;

/// Three hashes a row: of its identity, of its content, and of the delivery that brought it.
pub(crate) struct RowHashes {
    pub(crate) keys: Vec<u64>,
    pub(crate) contents: Vec<u64>,
    pub(crate) deliveries: Vec<u64>,
}

impl RowHashes {
    /// Of rows on their way to the table: the same as [`RowHashes::of`] of their batch, without making one.
    pub(crate) fn of_rows(rows: &ObservationRows) -> Self {
        let salted = |start: u64, index: u64| -> Vec<u64> {
            let names = rows.names.texts().iter();
            names
                .map(|name| mix_bytes(start, name.as_bytes(), salt(index)))
                .collect()
        };
        let (key_of, content_of) = (salted(KEY_START, 1), salted(CONTENT_START, 2));
        let (key_time, content_time) = (salt(1), salt(2));
        let first = FIRST_VALUE;
        let value_salts: Vec<u64> = (0..rows.parameters() as u64).map(|i| salt(first + i)).collect();
        let mut keys = Vec::with_capacity(rows.len());
        let mut contents = Vec::with_capacity(rows.len());
        for row in 0..rows.len() {
            let (device, time) = (rows.device[row] as usize, rows.observed_at[row] as u64);
            keys.push(fold(key_of[device] ^ time, key_time));
            let mut content = fold(content_of[device] ^ time, content_time);
            for (value, salt) in rows.values(row).zip(&value_salts) {
                if let Some(value) = value {
                    content = fold(content ^ i64::from(value) as u64, *salt);
                }
            }
            contents.push(content);
        }
        let flags = first + rows.parameters() as u64;
        for (row, parameter, flag) in rows.flags() {
            contents[row] = mix_bytes(contents[row], flag.as_bytes(), salt(flags + parameter as u64));
        }
        let original = flags + rows.parameters() as u64;
        for (row, text) in rows.originals() {
            contents[row] = mix_bytes(contents[row], text.as_bytes(), salt(original));
        }
        let deliveries = (0..rows.len()).map(|row| {
            let mut hash = contents[row];
            if rows.epoch[row] != NONE {
                hash = mix_bytes(hash, rows.names.text(rows.epoch[row]).as_bytes(), salt(1));
            }
            match rows.seq(row) {
                Some(seq) => fold(hash ^ seq as u64, salt(2)),
                None => hash,
            }
        });
        Self {
            deliveries: deliveries.collect(),
            keys,
            contents,
        }
    }

    /// Of rows as the table has them.
    pub(crate) fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let mut keys = vec![KEY_START; batch.num_rows()];
        let mut contents = vec![CONTENT_START; batch.num_rows()];
        for name in ["device", "observed_at"] {
            mix_column(&mut keys, &column(batch, name)?, 1)?;
            mix_column(&mut contents, &column(batch, name)?, 2)?;
        }
        // epoch and seq tell deliveries apart, not contents; day follows from the time.
        for (index, field) in (FIRST_COLUMN..).zip(batch.schema().fields()) {
            if !["device", "observed_at", "received_at", "epoch", "seq", "day"]
                .contains(&field.name().as_str())
            {
                mix_column(&mut contents, &column(batch, field.name())?, index)?;
            }
        }
        let mut deliveries = contents.clone();
        mix_column(&mut deliveries, &column(batch, "epoch")?, 1)?;
        mix_column(&mut deliveries, &column(batch, "seq")?, 2)?;
        Ok(Self {
            keys,
            contents,
            deliveries,
        })
    }
}

pub(crate) fn column(batch: &RecordBatch, name: &str) -> Result<ArrayRef, ArrowError> {
    batch
        .column_by_name(name)
        .cloned()
        .ok_or_else(|| ArrowError::SchemaError(format!("column {name} is missing")))
}

/// Mixes a column's values into the rows' hashes. A null changes nothing: the salt keeps columns apart.
fn mix_column(hashes: &mut [u64], column: &ArrayRef, salt: u64) -> Result<(), ArrowError> {
    let salt = self::salt(salt);
    if column.null_count() == column.len() {
        return Ok(());
    }
    match column.data_type() {
        DataType::Utf8 => {
            for (hash, value) in hashes.iter_mut().zip(column.as_string::<i32>()) {
                if let Some(value) = value {
                    *hash = mix_bytes(*hash, value.as_bytes(), salt);
                }
            }
        }
        DataType::Decimal128(..) => {
            for (hash, value) in hashes.iter_mut().zip(column.as_primitive::<Decimal128Type>()) {
                if let Some(value) = value {
                    *hash = fold(*hash ^ (value as u64), salt);
                }
            }
        }
        DataType::Timestamp(..) => {
            for (hash, value) in hashes
                .iter_mut()
                .zip(column.as_primitive::<deltalake::arrow::datatypes::TimestampMicrosecondType>())
            {
                if let Some(value) = value {
                    *hash = fold(*hash ^ (value as u64), salt);
                }
            }
        }
        DataType::Int64 => {
            for (hash, value) in hashes.iter_mut().zip(column.as_primitive::<Int64Type>()) {
                if let Some(value) = value {
                    *hash = fold(*hash ^ (value as u64), salt);
                }
            }
        }
        other => return Err(ArrowError::NotYetImplemented(format!("identity over {other}"))),
    }
    Ok(())
}

fn mix_bytes(mut hash: u64, bytes: &[u8], salt: u64) -> u64 {
    hash = fold(hash ^ bytes.len() as u64, salt);
    for chunk in bytes.chunks(8) {
        let mut word = [0u8; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = fold(hash ^ u64::from_le_bytes(word), salt);
    }
    hash
}

/// What keeps the columns' values apart.
fn salt(index: u64) -> u64 {
    fold(index, 0xa076_1d64_78bd_642f)
}

/// The two halves of a 128-bit product, folded: a fast and thorough mixer.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0xe703_7ed1_a0b4_28db) * u128::from(b | 1);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use dustwatch_observation::{Decimal, Flag, Observation, ParameterSet, Reading, Time};
    use proptest::prelude::*;

    use super::*;

    fn observation(parameters: &ParameterSet, row: &Row) -> Observation {
        let mut observation = Observation::new(parameters.len());
        observation.device.push_str(&row.device);
        observation.epoch.push_str(&row.epoch);
        observation.seq = row.seq;
        observation.time = Time::from_micros(row.time);
        for ((id, _), (value, flagged)) in parameters.iter().zip(&row.values) {
            *observation.reading_mut(id) = Reading {
                value: value.map(|(mantissa, scale)| Decimal::new(mantissa.into(), scale)),
                flag: if *flagged { Flag::Fault } else { Flag::Normal },
            };
        }
        observation
    }

    #[derive(Debug, Clone)]
    struct Row {
        device: String,
        epoch: String,
        seq: Option<u64>,
        time: i64,
        values: Vec<(Option<(i32, u8)>, bool)>,
    }

    fn row() -> impl Strategy<Value = Row> {
        let value = (prop::option::of((any::<i32>(), 0u8..5)), any::<bool>());
        let head = (
            "[a-c]{1,12}",
            "[0-9a-f]{0,4}",
            prop::option::of(0u64..9),
            0i64..1_000_000,
        );
        (head, prop::collection::vec(value, 9)).prop_map(|((device, epoch, seq, time), values)| Row {
            device,
            epoch,
            seq,
            time,
            values,
        })
    }

    proptest! {
        #[test]
        fn rows_in_memory_hash_as_the_rows_of_the_table(rows in prop::collection::vec(row(), 1..30), keep: Vec<bool>) {
            let settings = dustwatch_config::Settings::load(None).unwrap();
            let parameters: Arc<ParameterSet> = settings.parameters;
            let mut compact = ObservationRows::new(parameters.clone());
            for row in &rows {
                compact.append(&observation(&parameters, row), Time::from_micros(5), 0);
            }
            let keep: Vec<bool> = keep.into_iter().chain(std::iter::repeat(true)).take(rows.len()).collect();
            compact.retain(&keep);
            let (ours, tables) = (RowHashes::of_rows(&compact), RowHashes::of(&compact.to_batch().unwrap()).unwrap());
            prop_assert_eq!(ours.keys, tables.keys);
            prop_assert_eq!(ours.contents, tables.contents);
            prop_assert_eq!(ours.deliveries, tables.deliveries);
        }
    }
}
