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
use deltalake::arrow::array::{AsArray, Date32Array, RecordBatch, TimestampMicrosecondArray};
use deltalake::arrow::datatypes::SchemaRef;
use futures::StreamExt;

use crate::hashes::{RowHashes, column};
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

impl Version {
    /// The version that a row is.
    fn of(hashes: &RowHashes, row: usize) -> Self {
        Self {
            content: hashes.contents[row],
            delivery: hashes.deliveries[row],
        }
    }
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
        let mut row = 0;
        for run in rows.day.chunk_by(|a, b| a == b) {
            let entry = self.days.entry(run[0]).or_default();
            entry.used = self.tick;
            for row in row..row + run.len() {
                let verdict = entry.judge(hashes.keys[row], Version::of(&hashes, row));
                counts.admitted += u64::from(!matches!(verdict, Verdict::Duplicate));
                counts.corrections += u64::from(matches!(verdict, Verdict::Correction));
                counts.duplicates += u64::from(matches!(verdict, Verdict::Duplicate));
                keep.push(!matches!(verdict, Verdict::Duplicate));
            }
            row += run.len();
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
            let (key, version, at) = (hashes.keys[row], Version::of(&hashes, row), times.value(row));
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
