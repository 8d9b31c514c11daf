//! Identity: (device, time) is one observation, however often it arrives.
//!
//! Before rows are appended, those that the table has already are taken out: a redelivery, a replay after a crash, a
//! second import. A row with the same identity and another content is a correction and is appended; readers take the
//! latest received. A correction that was itself corrected does not come back by being delivered again; a device that
//! means it sends it under a new number.
//!
//! What the table has is read a local day at a time, when the first row of that day arrives, and kept as three 64-bit
//! hashes a row (about 40 bytes of memory); the days used longest ago are forgotten first, and days that another
//! writer has touched since.
//!
//! Two rows are taken for the same only when two hashes with keys of their own agree, both over device and time, the
//! second one over every value too.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::RangeInclusive;

use datafusion::common::ScalarValue;
use datafusion::execution::context::SessionContext;
use datafusion::prelude::{col, lit};
use deltalake::arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, RecordBatch, TimestampMicrosecondArray,
};
use deltalake::arrow::datatypes::{DataType, Decimal128Type, Int64Type, SchemaRef};
use deltalake::arrow::error::ArrowError;
use futures::StreamExt;

use crate::names::NONE;
use crate::writer::canonical;
use crate::{Appender, Lake, LakeError, ObservationRows, TableKind, TouchedDays};

/// Rows remembered before the days used longest ago are forgotten.
const MAX_KEYS: usize = 1_000_000;

/// Days read in one scan, so that a scan stays small.
const DAYS_A_SCAN: usize = 16;

type Hashed<V> = HashMap<u64, V, BuildHasherDefault<AlreadyHashed>>;

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
    /// Hash of (device, time) → what was received last.
    latest: Hashed<Version>,
    /// Deliveries that a later one corrected.
    superseded: HashSet<u64, BuildHasherDefault<AlreadyHashed>>,
    used: u64,
}

/// One content of an identity, and the delivery that brought it.
#[derive(Debug, Clone, Copy)]
struct Version {
    content: u64,
    delivery: u64,
}

/// What a row is to the table.
enum Verdict {
    New,
    Duplicate,
    Correction,
}

impl Day {
    /// Judges a row, and remembers it unless it is a duplicate.
    fn judge(&mut self, key: u64, version: Version) -> Verdict {
        let Some(latest) = self.latest.get_mut(&key) else {
            self.latest.insert(key, version);
            return Verdict::New;
        };
        if latest.content == version.content || self.superseded.contains(&version.delivery) {
            return Verdict::Duplicate;
        }
        self.superseded.insert(latest.delivery);
        *latest = version;
        Verdict::Correction
    }
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
    /// The rows must then be appended, or their days be forgotten.
    ///
    /// # Errors
    /// [`LakeError::Store`] when a day cannot be read; nothing is remembered then.
    pub async fn admit(
        &mut self,
        appender: &mut Appender,
        rows: &mut ObservationRows,
    ) -> Result<IdentityCounts, LakeError> {
        self.tick += 1;
        match appender.foreign_days().await? {
            TouchedDays::Days(days) => self.days.retain(|day, _| !days.contains(day)),
            TouchedDays::Unknown => self.days.clear(),
        }
        let mut wanted = BTreeSet::new();
        let mut before = None;
        for day in &rows.day {
            if before.replace(*day) != Some(*day) && !self.days.contains_key(day) {
                wanted.insert(*day);
            }
        }
        if !wanted.is_empty() {
            self.load(appender, &wanted).await?;
        }
        let hashes = RowHashes::of_rows(rows);
        let mut counts = IdentityCounts::default();
        let mut keep = Vec::with_capacity(rows.len());
        for (row, day) in rows.day.iter().enumerate() {
            let entry = self.days.entry(*day).or_default();
            entry.used = self.tick;
            let verdict = entry.judge(hashes.keys[row], hashes.version(row));
            counts.admitted += u64::from(!matches!(verdict, Verdict::Duplicate));
            counts.corrections += u64::from(matches!(verdict, Verdict::Correction));
            counts.duplicates += u64::from(matches!(verdict, Verdict::Duplicate));
            keep.push(!matches!(verdict, Verdict::Duplicate));
        }
        self.forget();
        rows.retain(&keep);
        Ok(counts)
    }

    /// Forgets what it knows of the days of these rows, which were admitted and then not appended.
    pub fn forget_days(&mut self, rows: &ObservationRows) {
        for day in &rows.day {
            self.days.remove(day);
        }
    }

    /// Reads what the table has of some days, neighbouring ones together; most days of a backfill it has not at all.
    async fn load(&mut self, appender: &mut Appender, wanted: &BTreeSet<i32>) -> Result<(), LakeError> {
        let mut spans: Vec<RangeInclusive<i32>> = Vec::new();
        for day in wanted.intersection(appender.days()) {
            match spans.last_mut() {
                Some(span) if day - span.end() <= 1 && span.clone().count() < DAYS_A_SCAN => {
                    *span = *span.start()..=*day;
                }
                _ => spans.push(*day..=*day),
            }
        }
        if !spans.is_empty() {
            appender.refresh().await?;
        }
        let mut known = HashMap::new();
        for span in spans {
            read_days(appender, span, &self.schema, &mut known).await?;
        }
        for day in wanted {
            self.days.insert(*day, known.remove(day).unwrap_or_default());
        }
        Ok(())
    }

    fn forget(&mut self) {
        let mut keys: usize = self.days.values().map(|day| day.latest.len()).sum();
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
            keys -= self.days.remove(&oldest).map_or(0, |day| day.latest.len());
        }
    }
}

/// Adds what the table has of some local days.
async fn read_days(
    appender: &Appender,
    span: RangeInclusive<i32>,
    schema: &SchemaRef,
    known: &mut HashMap<i32, Day>,
) -> Result<(), LakeError> {
    let fail = |error| LakeError::scan("observations")(error);
    let provider = appender.table().table_provider().await.map_err(fail)?;
    let date = |day: i32| lit(ScalarValue::Date32(Some(day)));
    let frame = SessionContext::new()
        .read_table(provider)
        .map_err(fail)?
        .filter(col("day").between(date(*span.start()), date(*span.end())))
        .map_err(fail)?;
    let mut stream = frame.execute_stream().await.map_err(fail)?;
    let mut received: Hashed<i64> = HashMap::default();
    while let Some(batch) = stream.next().await {
        let batch = canonical(&batch.map_err(fail)?, schema).map_err(LakeError::arrow("observations"))?;
        let hashes = RowHashes::of(&batch).map_err(LakeError::arrow("observations"))?;
        let times = timestamps(&batch, "received_at")?;
        let days = column(&batch, "day").map_err(LakeError::arrow("observations"))?;
        let days: &Date32Array = days.as_primitive();
        for (row, day) in days.values().iter().enumerate() {
            let (key, version, at) = (hashes.keys[row], hashes.version(row), times.value(row));
            let day = known.entry(*day).or_default();
            let Some(latest) = day.latest.get_mut(&key) else {
                day.latest.insert(key, version);
                received.insert(key, at);
                continue;
            };
            let before = received.entry(key).or_insert(at);
            let older = if at >= *before {
                *before = at;
                std::mem::replace(latest, version)
            } else {
                version
            };
            if older.content != latest.content {
                day.superseded.insert(older.delivery);
            }
        }
    }
    Ok(())
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

/// Where the hashes of identities and of contents begin.
const KEY_START: u64 = 0x9e37_79b9_7f4a_7c15;
const CONTENT_START: u64 = 0x2545_f491_4f6c_dd1d;
/// Salt of the table's first column, and of its first parameter, behind device, two times, epoch and seq.
const FIRST_COLUMN: u64 = 3;
const FIRST_VALUE: u64 = FIRST_COLUMN + 5;

/// Three hashes a row: of its identity, of its content, and of the delivery that brought it.
struct RowHashes {
    keys: Vec<u64>,
    contents: Vec<u64>,
    deliveries: Vec<u64>,
}

impl RowHashes {
    /// Of rows on their way to the table: the same as [`RowHashes::of`] of their batch, without making one.
    fn of_rows(rows: &ObservationRows) -> Self {
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
    fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
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

    fn version(&self, row: usize) -> Version {
        Version {
            content: self.contents[row],
            delivery: self.deliveries[row],
        }
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
