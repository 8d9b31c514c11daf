//! Rejected messages as Arrow columns.

use std::sync::Arc;

use deltalake::arrow::array::{
    BinaryBuilder, Date32Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use dustwatch_observation::{Reason, Time};

use crate::{LakeError, rejected_schema};

/// One message that could not be taken, or of which a part could not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRow {
    /// When it was received.
    pub received_at: Time,
    /// Its topic, or `file:NAME:LINE` for an imported table's line.
    pub topic: String,
    /// What was sent, byte for byte.
    pub payload: Vec<u8>,
    /// Why it was not taken.
    pub reason: Reason,
    /// What exactly is wrong, for a person.
    pub detail: String,
    /// Local day of the receipt, as days since 1970.
    pub day: i32,
}

/// Builds batches of `rejected`.
#[derive(Debug, Default)]
pub struct RejectedBatchBuilder;

impl RejectedBatchBuilder {
    /// These rows as a batch in the columns of [`rejected_schema`].
    ///
    /// # Errors
    /// [`LakeError::Arrow`] is a defect of the program.
    pub fn build(rows: &[RejectedRow]) -> Result<RecordBatch, LakeError> {
        let mut received_at = TimestampMicrosecondBuilder::new().with_timezone("UTC");
        let (mut topic, mut reason, mut detail) =
            (StringBuilder::new(), StringBuilder::new(), StringBuilder::new());
        let mut payload = BinaryBuilder::new();
        let mut day = Date32Builder::new();
        for row in rows {
            received_at.append_value(row.received_at.as_micros());
            topic.append_value(&row.topic);
            payload.append_value(&row.payload);
            reason.append_value(row.reason.code());
            detail.append_value(&row.detail);
            day.append_value(row.day);
        }
        RecordBatch::try_new(
            rejected_schema(),
            vec![
                Arc::new(received_at.finish()),
                Arc::new(topic.finish()),
                Arc::new(payload.finish()),
                Arc::new(reason.finish()),
                Arc::new(detail.finish()),
                Arc::new(day.finish()),
            ],
        )
        .map_err(LakeError::arrow("rejected"))
    }
}
