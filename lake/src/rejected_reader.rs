//! Reading `rejected` back: to try again what was not taken, and to count it.
//!
//! Invariant: a few rows are in memory at a time, since a payload may have megabytes; a row with a reason that this
//! program does not know is left out, and said.

use std::ops::RangeInclusive;

use datafusion::common::ScalarValue;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SessionContext;
use datafusion::prelude::{Expr, SessionConfig, col, lit};
use deltalake::arrow::array::{Array, AsArray, RecordBatch};
use deltalake::arrow::datatypes::{Date32Type, TimestampMicrosecondType};
use dustwatch_observation::{Reason, Time};
use futures::StreamExt;

use crate::writer::canonical;
use crate::{Lake, LakeError, RejectedRow, TableKind, rejected_schema};

/// Rows that are read at once.
const ROWS: usize = 64;

/// Rows of `rejected`, some at a time.
pub struct RejectedReader {
    stream: Option<SendableRecordBatchStream>,
    version: Option<u64>,
}

impl std::fmt::Debug for RejectedReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RejectedReader")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Lake {
    /// The rows of `rejected` at the table's newest version: those received on some local days (days since 1970), or all.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the table cannot be read.
    pub async fn rejected(&self, days: Option<RangeInclusive<i32>>) -> Result<RejectedReader, LakeError> {
        let table = self.read(TableKind::Rejected, None).await?;
        let Some(version) = table.version else {
            return Ok(RejectedReader {
                stream: None,
                version: None,
            });
        };
        let fail = |error| LakeError::scan("rejected")(error);
        let config = SessionConfig::new()
            .with_batch_size(ROWS)
            .with_target_partitions(1);
        let stream = SessionContext::new_with_config(config)
            .read_table(table.provider)
            .map_err(fail)?
            .filter(received_on(days))
            .map_err(fail)?
            .execute_stream()
            .await
            .map_err(fail)?;
        Ok(RejectedReader {
            stream: Some(stream),
            version: Some(version),
        })
    }
}

/// The filter for local days of receipt; every day when there are none.
pub(crate) fn received_on(days: Option<RangeInclusive<i32>>) -> Expr {
    let date = |day: i32| lit(ScalarValue::Date32(Some(day)));
    match days {
        Some(days) => col("day").between(date(*days.start()), date(*days.end())),
        None => lit(true),
    }
}

impl RejectedReader {
    /// The version that is read; `None` when nothing has been rejected yet.
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// The next rows; `None` when there are no more.
    ///
    /// # Errors
    /// [`LakeError::Store`] when a file cannot be read, [`LakeError::Arrow`] when it has other columns.
    pub async fn next(&mut self) -> Result<Option<Vec<RejectedRow>>, LakeError> {
        let Some(stream) = &mut self.stream else {
            return Ok(None);
        };
        match stream.next().await {
            None => Ok(None),
            Some(batch) => rows(&batch.map_err(LakeError::scan("rejected"))?).map(Some),
        }
    }
}

fn rows(batch: &RecordBatch) -> Result<Vec<RejectedRow>, LakeError> {
    let batch = canonical(batch, &rejected_schema()).map_err(LakeError::arrow("rejected"))?;
    let received_at = batch.column(0).as_primitive::<TimestampMicrosecondType>();
    let topic = batch.column(1).as_string::<i32>();
    let payload = batch.column(2).as_binary::<i32>();
    let reason = batch.column(3).as_string::<i32>();
    let detail = batch.column(4).as_string::<i32>();
    let day = batch.column(5).as_primitive::<Date32Type>();
    let mut out = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let Some(known) = Reason::from_code(reason.value(row)) else {
            tracing::warn!(reason = reason.value(row), "a reason of another program's");
            continue;
        };
        out.push(RejectedRow {
            received_at: Time::from_micros(received_at.value(row)),
            topic: topic.value(row).to_owned(),
            payload: payload.value(row).to_vec(),
            reason: known,
            detail: if detail.is_null(row) {
                String::new()
            } else {
                detail.value(row).to_owned()
            },
            day: day.value(row),
        });
    }
    Ok(out)
}
