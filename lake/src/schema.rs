//! Columns and their types: a contract with everyone who reads the tables.
//!
//! A parameter's column is `decimal(9, d)`, d its `decimals`: what was sent is stored exactly, sums are exact, and
//! Parquet packs it as deltas of integers (figures in ARCHITECTURE.md). A value that the column cannot hold exactly
//! is rounded half to even, and what was sent stands in the column `original`.

use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, TimeZone};
use chrono_tz::Tz;
use deltalake::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use dustwatch_observation::{ParameterSet, Time};

/// Column with the texts of values that their columns cannot hold exactly: a JSON object, parameter to number.
pub const ORIGINAL_COLUMN: &str = "original";

/// Digits of a parameter column.
pub(crate) const PRECISION: u8 = 9;

/// Name of a parameter's flag column.
pub fn flag_column(parameter: &str) -> String {
    format!("{parameter}_flag")
}

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Columns of `observations`; the parameters' columns follow the fixed ones, then their flags.
pub fn observation_schema(parameters: &ParameterSet) -> SchemaRef {
    let mut fields = vec![
        Field::new("device", DataType::Utf8, false),
        Field::new("observed_at", timestamp(), false),
        Field::new("received_at", timestamp(), false),
        Field::new("epoch", DataType::Utf8, true),
        Field::new("seq", DataType::Int64, true),
    ];
    for (_, p) in parameters.iter() {
        // decimals is at most 6 by the invariant of ParameterSet, so it fits an i8.
        fields.push(Field::new(
            &p.key,
            DataType::Decimal128(PRECISION, p.decimals as i8),
            true,
        ));
    }
    for (_, p) in parameters.iter() {
        fields.push(Field::new(flag_column(&p.key), DataType::Utf8, true));
    }
    fields.push(Field::new(ORIGINAL_COLUMN, DataType::Utf8, true));
    fields.push(Field::new("day", DataType::Date32, false));
    Arc::new(Schema::new(fields))
}

/// Columns of `rejected`.
pub fn rejected_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("received_at", timestamp(), false),
        Field::new("topic", DataType::Utf8, false),
        Field::new("payload", DataType::Binary, false),
        Field::new("reason", DataType::Utf8, false),
        Field::new("detail", DataType::Utf8, true),
        Field::new("day", DataType::Date32, false),
    ]))
}

/// Columns of `rejected_replays`: a row of `rejected` (by its time, topic, [`fingerprint`] of the payload and reason) of
/// which nothing is left to be taken, and when it was replayed.
pub fn replays_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("replayed_at", timestamp(), false),
        Field::new("received_at", timestamp(), false),
        Field::new("topic", DataType::Utf8, false),
        Field::new("fingerprint", DataType::Int64, false),
        Field::new("reason", DataType::Utf8, false),
        Field::new("day", DataType::Date32, false),
    ]))
}

/// Tells payloads apart: FNV-1a of their bytes, 64 bits, as a signed number.
pub fn fingerprint(payload: &[u8]) -> i64 {
    let start = 0xcbf2_9ce4_8422_2325u64;
    let hash = payload.iter().fold(start, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash as i64
}

/// Columns of `hourly`. `mean` is the quotient of an exact sum, `n` the valid observations it was made from.
pub fn hourly_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("device", DataType::Utf8, false),
        Field::new("hour", timestamp(), false),
        Field::new("parameter", DataType::Utf8, false),
        Field::new("mean", DataType::Float64, true),
        Field::new("min", DataType::Float64, true),
        Field::new("max", DataType::Float64, true),
        Field::new("n", DataType::Int32, false),
        Field::new("expected", DataType::Int32, false),
        Field::new("valid", DataType::Boolean, false),
        Field::new("month", DataType::Utf8, false),
    ]))
}

/// Columns that every table has that people hand in, after its own: where an entry stood (`FILE:LINE`) and when it was
/// imported. The latest import of an entry wins.
fn handed_in(mut fields: Vec<Field>) -> SchemaRef {
    fields.push(Field::new("source", DataType::Utf8, false));
    fields.push(Field::new(IMPORTED_AT_COLUMN, timestamp(), false));
    Arc::new(Schema::new(fields))
}

/// Column with the instant of an import.
pub(crate) const IMPORTED_AT_COLUMN: &str = "imported_at";

/// Columns of `enforcement`: what a department did on a local day in a township under one of the plan's seven actions.
/// Counts; `penalty_yuan` in yuan.
pub fn enforcement_schema() -> SchemaRef {
    handed_in(vec![
        Field::new("date", DataType::Date32, false),
        Field::new("department", DataType::Utf8, false),
        Field::new("township", DataType::Utf8, false),
        Field::new("action", DataType::Utf8, false),
        Field::new("inspections", DataType::Int64, false),
        Field::new("cases", DataType::Int64, false),
        Field::new("penalty_yuan", DataType::Int64, false),
        Field::new("closed", DataType::Int64, false),
        Field::new("month", DataType::Utf8, false),
    ])
}

/// Columns of `city_bulletin`: the city's list of its worst townships of a period. `period` as `2019-08-H1`, `district`
/// and `township` as the list writes them (some districts of it, a development zone for one, have no code), `code` the
/// township's where it is one of `townships.csv`, `rank_from_worst` 1 for the highest value (null for a township that is
/// told with its value and is not on the list), `value` in µg/m³ where it is told, `flag` the remarks of the import:
/// reasons out of docs/handed-in-files.md, with commas between.
pub fn city_bulletin_schema() -> SchemaRef {
    handed_in(vec![
        Field::new("period", DataType::Utf8, false),
        Field::new("parameter", DataType::Utf8, false),
        Field::new("district", DataType::Utf8, false),
        Field::new("township", DataType::Utf8, false),
        Field::new("code", DataType::Utf8, true),
        Field::new("rank_from_worst", DataType::Int64, true),
        Field::new("value", DataType::Decimal128(PRECISION, 1), true),
        Field::new("flag", DataType::Utf8, true),
    ])
}

/// Digits of a ledger's value.
pub const LEDGER_PRECISION: u8 = 18;
/// Places of a ledger's value.
pub const LEDGER_SCALE: u8 = 6;

/// Columns of `ledger`: what a table of a `kind` says of a `subject` (a township's code, a section's name) on a local day
/// (a month's first for tables by month) at a `point` of it (a road; empty for tables without) about an `item`: a
/// `value` in the item's unit, a grade's place from 1 with its label as `text`, or a `text` alone.
pub fn ledger_schema() -> SchemaRef {
    handed_in(vec![
        Field::new("kind", DataType::Utf8, false),
        Field::new("subject", DataType::Utf8, false),
        Field::new("date", DataType::Date32, false),
        Field::new("point", DataType::Utf8, false),
        Field::new("item", DataType::Utf8, false),
        // LEDGER_SCALE is a small constant, so it fits an i8.
        Field::new(
            "value",
            DataType::Decimal128(LEDGER_PRECISION, LEDGER_SCALE as i8),
            true,
        ),
        Field::new("text", DataType::Utf8, true),
        Field::new("month", DataType::Utf8, false),
    ])
}

/// Columns of `dustfall`: one sample of a point. `site` its code, `township` where it stood, `sample` the laboratory's
/// number, `replicate` which of parallel samples, `method` `manual` or `automatic`. `m1_g` crucible and residue, `m0_g`
/// empty crucible, `m2_g` blank, in g, each `_second_g` another weighing of the same; of an automatic monitor `m0_g` is
/// its tare and `m1_g` tare and gain; null where a laboratory gave its result only. `diameter_cm` as measured,
/// `area_cm2` the mouth as the result uses it, `exposure_days` to 0.1 d, `deposition` in t/(km²·30 d), `status` `valid`,
/// `below_detection` or `invalid`, `reason` why it is invalid, `remark` what else was noticed; `month` the local month
/// that it counts for.
pub fn dustfall_schema() -> SchemaRef {
    let grams = |name: &str| Field::new(name, DataType::Decimal128(12, 6), true);
    handed_in(vec![
        Field::new("site", DataType::Utf8, false),
        Field::new("township", DataType::Utf8, false),
        Field::new("sample", DataType::Utf8, false),
        Field::new("replicate", DataType::Utf8, false),
        Field::new("method", DataType::Utf8, false),
        Field::new("exposed_from", timestamp(), false),
        Field::new("exposed_to", timestamp(), false),
        grams("m1_g"),
        grams("m1_second_g"),
        grams("m0_g"),
        grams("m0_second_g"),
        grams("m2_g"),
        Field::new("diameter_cm", DataType::Decimal128(6, 2), true),
        Field::new("area_cm2", DataType::Decimal128(12, 6), true),
        Field::new("exposure_days", DataType::Decimal128(7, 1), false),
        Field::new("deposition", DataType::Decimal128(18, 10), true),
        Field::new("status", DataType::Utf8, false),
        Field::new("reason", DataType::Utf8, true),
        Field::new("remark", DataType::Utf8, true),
        Field::new("note", DataType::Utf8, true),
        Field::new("month", DataType::Utf8, false),
    ])
}

/// Columns of `qc_flags`: what a test of quality control (`q1` … `q11`) found. `level` is `invalid` or `suspect`, about the
/// value (device, observed_at, parameter), or `note`, about the hour that begins at `observed_at`; the parameter of a
/// note about whole observations is `*`.
pub fn qc_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("device", DataType::Utf8, false),
        Field::new("observed_at", timestamp(), false),
        Field::new("parameter", DataType::Utf8, false),
        Field::new("test", DataType::Utf8, false),
        Field::new("level", DataType::Utf8, false),
        Field::new("detail", DataType::Utf8, true),
        Field::new("day", DataType::Date32, false),
    ]))
}

/// Columns of `alarms`: a stretch of windows in a row, within a local day, whose means broke a rule of `alarm_rules`. `mean` is
/// the mean of the windows' means, `peak` the highest of them, `threshold` what that one had to stay at or below,
/// `background` what it was compared with besides; `continued` says that the stretch began on the day before.
pub fn alarms_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("device", DataType::Utf8, false),
        Field::new("parameter", DataType::Utf8, false),
        Field::new("rule", DataType::Utf8, false),
        Field::new("level", DataType::Utf8, false),
        Field::new("started_at", timestamp(), false),
        Field::new("ended_at", timestamp(), false),
        Field::new("windows", DataType::Int32, false),
        Field::new("peak", DataType::Float64, false),
        Field::new("mean", DataType::Float64, false),
        Field::new("threshold", DataType::Float64, false),
        Field::new("background", DataType::Float64, true),
        Field::new("continued", DataType::Boolean, false),
        Field::new("month", DataType::Utf8, false),
    ]))
}

/// Local days of instants, as days since 1970: what partitions are named by.
///
/// Remembers the day it answered last, since a stream mostly stays in one.
#[derive(Debug, Clone)]
pub struct LocalDays {
    timezone: Tz,
    day: i32,
    span: std::ops::Range<i64>,
}

impl LocalDays {
    /// Days of this time zone.
    pub fn new(timezone: Tz) -> Self {
        Self {
            timezone,
            day: 0,
            span: 0..0,
        }
    }

    /// The local day of an instant, as days since 1970-01-01; `None` outside the calendar.
    pub fn day_of(&mut self, time: Time) -> Option<i32> {
        let micros = time.as_micros();
        if self.span.contains(&micros) {
            return Some(self.day);
        }
        let local = time.to_chrono()?.with_timezone(&self.timezone).date_naive();
        let start = self.start_of(local)?;
        let end = self.start_of(local.succ_opt()?)?;
        self.day = local.num_days_from_ce() - NaiveDate::default().num_days_from_ce();
        self.span = start..end;
        Some(self.day)
    }

    /// The instants of a local day (days since 1970): microseconds, end exclusive; `None` outside the calendar.
    pub fn span_of(&self, day: i32) -> Option<std::ops::Range<i64>> {
        let local = NaiveDate::default().checked_add_signed(chrono::Duration::days(day.into()))?;
        Some(self.start_of(local)?..self.start_of(local.succ_opt()?)?)
    }

    /// The instant at which a local day begins, in microseconds.
    fn start_of(&self, day: NaiveDate) -> Option<i64> {
        let midnight = day.and_hms_opt(0, 0, 0)?;
        let start: DateTime<Tz> = (0..4)
            .filter_map(|hours| {
                self.timezone
                    .from_local_datetime(&(midnight + chrono::Duration::hours(hours)))
                    .earliest()
            })
            .next()?;
        Some(start.timestamp_micros())
    }
}
