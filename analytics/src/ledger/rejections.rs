//! Rejected messages as the ledger counts them: observation by observation.
//!
//! Invariant: an observation that was rejected twice counts once, as far as it can be told apart; a message that nobody
//! can read counts as one.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray};
use datafusion::datasource::MemTable;
use dustwatch_lake::{Lake, RejectedRow};
use dustwatch_observation::{Reason, Time, Topic, json};

use crate::AnalyticsError;

/// An observation that a rejected message spoke of, or messages that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rejection {
    device: String,
    epoch: String,
    seq: Option<i64>,
    /// Microseconds since 1970; absent when the time cannot be read, or cannot be right.
    at: Option<i64>,
    /// Local day of receipt, days since 1970.
    received_day: i32,
    messages: i64,
    /// Whether it is told apart at all.
    readable: bool,
}

/// What tells an observation apart: device, epoch, number, time.
type Identity = (String, String, Option<i64>, Option<i64>);

/// The table `ledger_rejected`: what was rejected on some local days of receipt or later.
pub(super) async fn table(
    lake: &Lake,
    received: RangeInclusive<i32>,
    future_tolerance_micros: i64,
) -> Result<Arc<MemTable>, AnalyticsError> {
    let mut rejected = lake.rejected(Some(received)).await?;
    let mut known = HashSet::new();
    let mut out = Vec::new();
    while let Some(rows) = rejected.next().await? {
        for row in &rows {
            out.extend(
                rejections(row, future_tolerance_micros)
                    .into_iter()
                    .filter(|r| !r.readable || known.insert(r.identity())),
            );
        }
    }
    columns(&out)
}

/// What a row speaks of. A topic that names no device says nothing about any monitor.
fn rejections(row: &RejectedRow, future_tolerance_micros: i64) -> Vec<Rejection> {
    let Ok(topic) = Topic::parse(&row.topic) else {
        return Vec::new();
    };
    let unreadable = |messages| Rejection {
        device: topic.device.to_string(),
        epoch: String::new(),
        seq: None,
        at: None,
        received_day: row.day,
        messages,
        readable: false,
    };
    if row.reason == Reason::RateLimited {
        let counted = row.detail.split(' ').next().and_then(|count| count.parse().ok());
        return vec![unreadable(counted.unwrap_or(1))];
    }
    let Some(outline) = json::outline(&row.payload) else {
        return vec![unreadable(1)];
    };
    let latest = row.received_at.plus_micros(future_tolerance_micros);
    let rejection = |mention: &json::Mention| {
        let at = mention.time.filter(|time| *time <= latest && *time >= EARLIEST);
        Rejection {
            epoch: outline.epoch.clone(),
            seq: mention.seq.and_then(|seq| i64::try_from(seq).ok()),
            at: at.map(Time::as_micros),
            readable: mention.seq.is_some() || at.is_some(),
            ..unreadable(1)
        }
    };
    outline.mentions.iter().map(rejection).collect()
}

/// Earliest time that an observation may have, as the ingester judges: 2000-01-01.
const EARLIEST: Time = Time::from_millis(946_684_800_000);

impl Rejection {
    fn identity(&self) -> Identity {
        // A number tells more than a time: the same one may be sent again with another time.
        let at = self.at.filter(|_| self.seq.is_none());
        (self.device.clone(), self.epoch.clone(), self.seq, at)
    }
}

fn columns(rejections: &[Rejection]) -> Result<Arc<MemTable>, AnalyticsError> {
    let all = rejections.iter();
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "device",
            Arc::new(StringArray::from_iter_values(all.clone().map(|r| &r.device))),
        ),
        (
            "epoch",
            Arc::new(StringArray::from_iter_values(all.clone().map(|r| &r.epoch))),
        ),
        (
            "seq",
            Arc::new(all.clone().map(|r| r.seq).collect::<Int64Array>()),
        ),
        ("at", Arc::new(all.clone().map(|r| r.at).collect::<Int64Array>())),
        (
            "received_day",
            Arc::new(Date32Array::from_iter_values(all.clone().map(|r| r.received_day))),
        ),
        (
            "messages",
            Arc::new(Int64Array::from_iter_values(all.clone().map(|r| r.messages))),
        ),
        (
            "readable",
            Arc::new(all.map(|r| Some(r.readable)).collect::<BooleanArray>()),
        ),
    ];
    let nullable = columns.into_iter().map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(nullable)?;
    Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
}
