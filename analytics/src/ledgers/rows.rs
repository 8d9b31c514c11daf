//! Entries of a ledger as rows of the table.

use chrono::NaiveDate;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use dustwatch_lake::{LEDGER_PRECISION, LEDGER_SCALE, ledger_schema};
use dustwatch_observation::Time;

use crate::AnalyticsError;
use crate::dimensions::text;
use crate::handed_in::{dates_and_months, decimals, imported_at, texts};

/// What a cell of a ledger's file says.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) subject: String,
    pub(super) date: NaiveDate,
    pub(super) point: String,
    pub(super) item: String,
    /// An integer of 10^-[`LEDGER_SCALE`].
    pub(super) value: Option<i64>,
    pub(super) text: Option<String>,
    pub(super) source: String,
}

/// Entries of one kind as rows of `ledger`.
pub(super) fn batch(kind: &str, entries: &[Entry], now: Time) -> Result<RecordBatch, AnalyticsError> {
    let days: Vec<NaiveDate> = entries.iter().map(|e| e.date).collect();
    let (dates, months) = dates_and_months(&days);
    let columns: Vec<ArrayRef> = vec![
        texts(entries.iter().map(|_| kind)),
        texts(entries.iter().map(|e| e.subject.as_str())),
        dates,
        texts(entries.iter().map(|e| e.point.as_str())),
        texts(entries.iter().map(|e| e.item.as_str())),
        decimals(entries.iter().map(|e| e.value), LEDGER_PRECISION, LEDGER_SCALE)?,
        text(entries.iter().map(|e| e.text.as_ref())),
        months,
        texts(entries.iter().map(|e| e.source.as_str())),
        imported_at(now, entries.len()),
    ];
    Ok(RecordBatch::try_new(ledger_schema(), columns)?)
}
