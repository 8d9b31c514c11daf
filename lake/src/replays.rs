//! Which rows of `rejected` have been taken since: the table `rejected_replays`.
//!
//! Nothing is ever deleted from `rejected`; what a replay has taken is noted here. Invariant: a row is noted after its
//! observations were committed, so that a replay that is cut short is made up for by the next one.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use datafusion::execution::context::SessionContext;
use deltalake::arrow::array::{
    AsArray, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use deltalake::arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use dustwatch_observation::{Reason, Time};
use futures::StreamExt;

use crate::rejected_reader::received_on;
use crate::writer::canonical;
use crate::{Appender, Lake, LakeError, RejectedRow, TableKind, fingerprint, replays_schema};

/// A row of `rejected` as its replay names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReplayedRow {
    received_at: Time,
    topic: String,
    fingerprint: i64,
    reason: Reason,
    day: i32,
}

impl From<&RejectedRow> for ReplayedRow {
    fn from(row: &RejectedRow) -> Self {
        Self {
            received_at: row.received_at,
            topic: row.topic.clone(),
            fingerprint: fingerprint(&row.payload),
            reason: row.reason,
            day: row.day,
        }
    }
}

/// What has been replayed, of some days of receipt.
#[derive(Debug, Default)]
pub struct Replays {
    known: HashSet<(Time, String, i64)>,
}

impl Replays {
    /// Reads what was noted of rows received on some local days (days since 1970), or on any.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the table cannot be read.
    pub async fn read(lake: &Lake, days: Option<RangeInclusive<i32>>) -> Result<Self, LakeError> {
        let table = lake.read(TableKind::Replays, None).await?;
        let mut known = HashSet::new();
        if table.version.is_none() {
            return Ok(Self { known });
        }
        let name = TableKind::Replays.name();
        let fail = |error| LakeError::scan(name)(error);
        let mut stream = SessionContext::new()
            .read_table(table.provider)
            .map_err(fail)?
            .filter(received_on(days))
            .map_err(fail)?
            .execute_stream()
            .await
            .map_err(fail)?;
        while let Some(batch) = stream.next().await {
            let batch =
                canonical(&batch.map_err(fail)?, &replays_schema()).map_err(LakeError::arrow(name))?;
            let received_at = batch.column(1).as_primitive::<TimestampMicrosecondType>();
            let topic = batch.column(2).as_string::<i32>();
            let fingerprint = batch.column(3).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let time = Time::from_micros(received_at.value(row));
                known.insert((time, topic.value(row).to_owned(), fingerprint.value(row)));
            }
        }
        Ok(Self { known })
    }

    /// Whether a row of `rejected` has been taken since.
    pub fn contains(&self, row: &ReplayedRow) -> bool {
        // The reason is left out: the same message has one reason.
        self.known
            .contains(&(row.received_at, row.topic.clone(), row.fingerprint))
    }

    /// Notes rows as taken, in one commit.
    ///
    /// # Errors
    /// [`LakeError::Store`], [`LakeError::Disk`]: nothing was noted; it may be tried again.
    pub async fn note(
        lake: &Lake,
        rows: &[ReplayedRow],
        replayed_at: Time,
        app_id: &str,
        position: u64,
    ) -> Result<(), LakeError> {
        if rows.is_empty() {
            return Ok(());
        }
        let utc = |times: Vec<i64>| Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"));
        let batch = RecordBatch::try_new(
            replays_schema(),
            vec![
                utc(vec![replayed_at.as_micros(); rows.len()]),
                utc(rows.iter().map(|r| r.received_at.as_micros()).collect()),
                Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.topic))),
                Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.fingerprint))),
                Arc::new(StringArray::from_iter_values(
                    rows.iter().map(|r| r.reason.code()),
                )),
                Arc::new(Date32Array::from_iter_values(rows.iter().map(|r| r.day))),
            ],
        )
        .map_err(LakeError::arrow(TableKind::Replays.name()))?;
        let mut appender = Appender::open(lake, TableKind::Replays, app_id).await?;
        appender.append(&[batch], position).await.map(|_| ())
    }
}
