//! Identity: (device, time) is one observation, however often it arrives.
//!
//! Before rows are appended, those that the table has already are taken out: a redelivery, a replay after a crash, a
//! second import. A row with the same identity and another content is a correction and is appended; readers take the
//! latest received. What the table has is read a local day at a time, when the first row of that day arrives, and
//! kept as two 64-bit hashes a row (about 32 bytes of memory); the days used longest ago are forgotten first.
//!
//! Two rows are taken for the same only when both hashes agree, the second one over device, time and every value: a
//! chance of 2⁻¹²⁸ a pair. Rows of other writers that appear after a day was read are seen by readers as duplicates
//! and counted once there (the view `observations`).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use datafusion::common::ScalarValue;
use datafusion::execution::context::SessionContext;
use datafusion::prelude::{col, lit};
use deltalake::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, RecordBatch, TimestampMicrosecondArray,
};
use deltalake::arrow::compute::{cast, filter_record_batch};
use deltalake::arrow::datatypes::{DataType, Decimal128Type, SchemaRef};
use deltalake::arrow::error::ArrowError;
use futures::StreamExt;

use crate::{Appender, Lake, LakeError, TableKind};

/// Rows remembered before the days used longest ago are forgotten.
const MAX_KEYS: usize = 6_000_000;

/// What became of the rows of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IdentityCounts {
    /// Rows that are new.
    pub admitted: u64,
    /// Rows that the table, or the batch before them, had already.
    pub duplicates: u64,
    /// Rows with another content for a known identity; they are among the admitted.
    pub corrections: u64,
}

/// Remembers which observations the table has.
#[derive(Debug)]
pub struct Identity {
    schema: SchemaRef,
    days: HashMap<i32, Day>,
    tick: u64,
}

#[derive(Debug, Default)]
struct Day {
    /// Hash of (device, time) → hash of the latest content.
    seen: HashMap<u64, u64, BuildHasherDefault<AlreadyHashed>>,
    used: u64,
}

impl Identity {
    /// An identity that remembers nothing yet, for the tables of this lake.
    pub fn new(lake: &Lake) -> Self {
        Self {
            schema: lake.schema(TableKind::Observations),
            days: HashMap::new(),
            tick: 0,
        }
    }

    /// Takes out the rows that the appender's table has already, and remembers the others as had.
    ///
    /// The rows must then be appended, or this identity be thrown away.
    ///
    /// # Errors
    /// [`LakeError::Store`] when a day cannot be read; nothing is remembered then.
    pub async fn admit(
        &mut self,
        appender: &mut Appender,
        batch: RecordBatch,
    ) -> Result<(RecordBatch, IdentityCounts), LakeError> {
        let arrow = LakeError::arrow("observations");
        let day_column = column(&batch, "day").map_err(LakeError::arrow("observations"))?;
        let days: Date32Array = day_column.as_primitive().clone();
        self.tick += 1;
        let mut wanted: Vec<i32> = days.values().to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        wanted.retain(|day| !self.days.contains_key(day));
        if !wanted.is_empty() {
            // Other writers may have been here.
            appender.refresh().await?;
            for day in wanted {
                let seen = read_day(appender, day, &self.schema).await?;
                self.days.insert(
                    day,
                    Day {
                        seen,
                        used: self.tick,
                    },
                );
            }
        }
        let hashes = RowHashes::of(&batch).map_err(arrow)?;
        let mut counts = IdentityCounts::default();
        let mut keep = Vec::with_capacity(batch.num_rows());
        for (row, day) in days.values().iter().enumerate() {
            let entry = self.days.entry(*day).or_default();
            entry.used = self.tick;
            let before = entry.seen.get(&hashes.keys[row]).copied();
            let is_new = before != Some(hashes.contents[row]);
            if is_new {
                entry.seen.insert(hashes.keys[row], hashes.contents[row]);
                counts.admitted += 1;
                counts.corrections += u64::from(before.is_some());
            } else {
                counts.duplicates += 1;
            }
            keep.push(is_new);
        }
        self.forget();
        if counts.duplicates == 0 {
            return Ok((batch, counts));
        }
        let rows = filter_record_batch(&batch, &BooleanArray::from(keep))
            .map_err(LakeError::arrow("observations"))?;
        Ok((rows, counts))
    }

    fn forget(&mut self) {
        let mut keys: usize = self.days.values().map(|day| day.seen.len()).sum();
        while keys > MAX_KEYS && self.days.len() > 1 {
            let Some(oldest) = self
                .days
                .iter()
                .min_by_key(|(_, day)| day.used)
                .map(|(day, _)| *day)
            else {
                return;
            };
            if self.days[&oldest].used == self.tick {
                return;
            }
            keys -= self.days.remove(&oldest).map_or(0, |day| day.seen.len());
        }
    }
}

/// What the table has of a local day: the latest received content of each identity.
async fn read_day(
    appender: &Appender,
    day: i32,
    schema: &SchemaRef,
) -> Result<HashMap<u64, u64, BuildHasherDefault<AlreadyHashed>>, LakeError> {
    let fail = |error| LakeError::scan("observations")(error);
    let provider = appender.table().table_provider().await.map_err(fail)?;
    let context = SessionContext::new();
    let frame = context
        .read_table(provider)
        .map_err(fail)?
        .filter(col("day").eq(lit(ScalarValue::Date32(Some(day)))))
        .map_err(fail)?;
    let mut stream = frame.execute_stream().await.map_err(fail)?;
    let mut latest: HashMap<u64, (u64, i64), BuildHasherDefault<AlreadyHashed>> = HashMap::default();
    while let Some(batch) = stream.next().await {
        let batch = canonical(&batch.map_err(fail)?, schema).map_err(LakeError::arrow("observations"))?;
        let hashes = RowHashes::of(&batch).map_err(LakeError::arrow("observations"))?;
        let received = timestamps(&batch, "received_at")?;
        for row in 0..batch.num_rows() {
            let at = received.value(row);
            let entry = latest
                .entry(hashes.keys[row])
                .or_insert((hashes.contents[row], at));
            if at >= entry.1 {
                *entry = (hashes.contents[row], at);
            }
        }
    }
    Ok(latest
        .into_iter()
        .map(|(key, (content, _))| (key, content))
        .collect())
}

fn timestamps(batch: &RecordBatch, name: &str) -> Result<TimestampMicrosecondArray, LakeError> {
    let column = batch.column_by_name(name).ok_or_else(|| LakeError::Layout {
        table: "observations",
        message: format!("column {name} is missing"),
    })?;
    Ok(column
        .as_primitive::<deltalake::arrow::datatypes::TimestampMicrosecondType>()
        .clone())
}

/// The batch with the types that the ingester builds; scans return views and dictionaries.
fn canonical(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
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

/// Two hashes a row: of its identity, and of its content.
struct RowHashes {
    keys: Vec<u64>,
    contents: Vec<u64>,
}

impl RowHashes {
    fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let mut keys = vec![0x9e37_79b9_7f4a_7c15u64; batch.num_rows()];
        for name in ["device", "observed_at"] {
            mix_column(&mut keys, &column(batch, name)?, 1)?;
        }
        let mut contents: Vec<u64> = keys.iter().map(|key| fold(*key, 0x2545_f491_4f6c_dd1d)).collect();
        for (index, field) in (2u64..).zip(batch.schema().fields()) {
            // epoch and seq tell deliveries apart, not contents; day follows from the time.
            if !["device", "observed_at", "received_at", "epoch", "seq", "day"]
                .contains(&field.name().as_str())
            {
                mix_column(&mut contents, &column(batch, field.name())?, index)?;
            }
        }
        Ok(Self { keys, contents })
    }
}

fn column(batch: &RecordBatch, name: &str) -> Result<ArrayRef, ArrowError> {
    batch
        .column_by_name(name)
        .cloned()
        .ok_or_else(|| ArrowError::SchemaError(format!("column {name} is missing")))
}

/// Mixes a column's values into the rows' hashes. A null changes nothing: the salt keeps columns apart.
fn mix_column(hashes: &mut [u64], column: &ArrayRef, salt: u64) -> Result<(), ArrowError> {
    let salt = fold(salt, 0xa076_1d64_78bd_642f);
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

/// The two halves of a 128-bit product, folded: a fast and thorough mixer.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0xe703_7ed1_a0b4_28db) * u128::from(b | 1);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Hands a key that is a hash already through to the map.
#[derive(Debug, Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}
