//! What files that people hand in have in common: places, days, counts, lines that are there twice.
//!
//! Place on the way: between a [`Sheet`] and the module of a question, which makes entries of its lines. Invariants: a
//! place, day or word that is not known is refused, never guessed; of the lines of one entry the first is taken and the
//! others are refused, so that nobody has to guess which one holds.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, StringArray, TimestampMicrosecondArray,
};
use datafusion::prelude::SessionContext;
use dustwatch_config::{Settings, Township};
use dustwatch_lake::{Lake, TableKind, TableVersion};
use dustwatch_observation::{Decimal, Rescaled, Time};

use crate::period::day_number;
use crate::session::{blank, register_handed_in};
use crate::{AnalyticsError, Refusal, Sheet, SheetLine, SheetReport};

/// The configuration's tables, the functions, and handed-in tables, each entry once.
pub(crate) async fn context(
    lake: &Lake,
    settings: &Settings,
    kinds: &[TableKind],
) -> Result<SessionContext, AnalyticsError> {
    let context = blank(settings)?;
    for kind in kinds {
        register_handed_in(&context, &lake.read(*kind, None).await?).await?;
    }
    Ok(context)
}

/// As [`context`], with one table in a version that was read already.
pub(crate) async fn context_of(
    settings: &Settings,
    table: &TableVersion,
) -> Result<SessionContext, AnalyticsError> {
    let context = blank(settings)?;
    register_handed_in(&context, table).await?;
    Ok(context)
}

/// What the lines of a sheet say, and the report that counts them and names those that were refused.
pub(crate) fn take<T>(
    sheet: &Sheet,
    mut one: impl FnMut(&SheetLine<'_>) -> Result<T, Refusal>,
) -> (Vec<T>, SheetReport) {
    let mut report = SheetReport::default();
    let mut taken = Vec::new();
    for line in sheet.lines() {
        report.lines += 1;
        match line.and_then(|line| one(&line)) {
            Ok(entry) => taken.push(entry),
            Err(refusal) => report.refused.push(refusal),
        }
    }
    (taken, report)
}

/// The local day of an instant.
pub(crate) fn local_day(settings: &Settings, now: Time) -> Result<NaiveDate, AnalyticsError> {
    let instant = now.to_chrono();
    instant
        .map(|at| at.with_timezone(&settings.district.timezone).date_naive())
        .ok_or_else(|| AnalyticsError::Request("the clock is out of the calendar".to_owned()))
}

/// Which entries of a file have been seen, and in which line.
#[derive(Debug)]
pub(crate) struct Seen<K>(HashMap<K, u64>);

impl<K: Eq + Hash> Seen<K> {
    pub(crate) fn new() -> Self {
        Self(HashMap::new())
    }

    /// Refuses a line whose entry an earlier one has.
    pub(crate) fn first(&mut self, line: &SheetLine<'_>, entry: K) -> Result<(), Refusal> {
        match self.0.get(&entry) {
            Some(earlier) => {
                let detail = format!("line {earlier} is about the same entry, and was taken");
                Err(line.refuse("duplicate_line", detail))
            }
            None => {
                self.0.insert(entry, line.number);
                Ok(())
            }
        }
    }
}

/// The township of the district that a cell names, by code, name or alias.
pub(crate) fn own_township<'a>(
    settings: &'a Settings,
    line: &SheetLine<'_>,
    column: &str,
) -> Result<&'a Township, Refusal> {
    let text = line.required(column)?;
    let found = settings
        .registry
        .townships_named(settings.district.code.as_str(), text);
    match found[..] {
        [township] => Ok(township),
        [] => Err(line.refuse(
            "unknown_township",
            format!("{column} {text:?} is no township of {}", settings.district.name),
        )),
        _ => Err(line.refuse(
            "ambiguous_township",
            format!("{column} {text:?} is the alias of several townships"),
        )),
    }
}

/// A local day or month's first day that must be there and must not lie behind today.
pub(crate) fn no_later(
    line: &SheetLine<'_>,
    column: &str,
    day: Option<NaiveDate>,
    today: NaiveDate,
) -> Result<NaiveDate, Refusal> {
    let day = day.ok_or_else(|| line.refuse("empty_cell", format!("{column} is empty")))?;
    if day > today {
        let detail = format!("{column} {day} lies in the future: today is {today}");
        return Err(line.refuse("future_date", detail));
    }
    Ok(day)
}

/// A whole number of at least 0; `None` when the cell is empty.
pub(crate) fn count(line: &SheetLine<'_>, column: &str) -> Result<Option<i64>, Refusal> {
    let Some(number) = line.decimal(column)? else {
        return Ok(None);
    };
    match number.rescale(0) {
        Rescaled::Exact(count) if count < 0 => {
            Err(line.refuse("negative_value", format!("{column} {count} is negative")))
        }
        Rescaled::Exact(count) => Ok(Some(count)),
        _ => Err(line.refuse("bad_cell", format!("{column} {number} is not a whole number"))),
    }
}

/// A number as integers of 10^-`scale`, exactly.
pub(crate) fn exact(
    line: &SheetLine<'_>,
    column: &str,
    number: Decimal,
    scale: u8,
    digits: u8,
) -> Result<i64, Refusal> {
    match number.rescale(scale) {
        Rescaled::Exact(mantissa) if mantissa.unsigned_abs() < 10u64.pow(digits.into()) => Ok(mantissa),
        Rescaled::Rounded(_) => Err(line.refuse(
            "too_fine",
            format!("{column} {number} has more than {scale} places"),
        )),
        _ => Err(line.refuse("bad_cell", format!("{column} {number} is too large"))),
    }
}

/// A column of texts that are always there.
pub(crate) fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// The columns `date` and `month` of local days.
pub(crate) fn dates_and_months(days: &[NaiveDate]) -> (ArrayRef, ArrayRef) {
    let months: Vec<String> = days.iter().map(|day| day.format("%Y-%m").to_string()).collect();
    let dates = Date32Array::from_iter_values(days.iter().map(|day| day_number(*day)));
    (Arc::new(dates), texts(months.iter().map(String::as_str)))
}

/// A column of decimals, given as integers of 10^-`scale`.
pub(crate) fn decimals(
    values: impl Iterator<Item = Option<i64>>,
    precision: u8,
    scale: u8,
) -> Result<ArrayRef, AnalyticsError> {
    let values: Decimal128Array = values.map(|value| value.map(i128::from)).collect();
    // A scale is at most 18, so it fits an i8.
    Ok(Arc::new(values.with_precision_and_scale(precision, scale as i8)?))
}

/// The column `imported_at`.
pub(crate) fn imported_at(now: Time, rows: usize) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(vec![now.as_micros(); rows]).with_timezone("UTC"))
}
