//! Acknowledge: sends PUBACKs, in the order of arrival, on the connection that waits for them.
//!
//! Receipts come in the order of the journal, which is the order of arrival, a group at a time, and a group goes out in
//! one write. A receipt of an earlier connection is void, since the broker numbers anew and the message comes again.
//!
//! The same half of the connection asks for the topics of districts that are new.
//!
//! The queue of receipts has no limit of its own, since the reading task waits for the journal, and the journal must
//! not wait for the reading task in turn. MQTT limits it: a connection has 65,535 packet ids to give out.

use std::sync::atomic::Ordering;

use dustwatch_failpoint::{self as failpoint, Point};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::delivery::Receipt;
use crate::mqtt::{ConnectionError, Writer};
use crate::receive::Topics;
use crate::stats::{Stats, add};

/// Sends the acknowledgements of a connection, and PINGREQs, until the senders of receipts are gone.
pub(crate) async fn run(
    writer: &mut Writer,
    connection: u64,
    receipts: &mut mpsc::UnboundedReceiver<Vec<Receipt>>,
    topics: &mut Topics,
    stats: &Stats,
) -> Result<(), ConnectionError> {
    let mut ping = tokio::time::interval(Writer::PING_INTERVAL);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            group = receipts.recv() => {
                let Some(group) = group else {
                    return writer.disconnect().await;
                };
                let ids = group.iter().filter(|receipt| receipt.connection == connection);
                writer.acknowledge(ids.clone().map(|receipt| receipt.packet)).await?;
                let acknowledged = ids.count() as u64;
                add(&stats.acknowledged, acknowledged);
                stats.unacknowledged.fetch_sub(acknowledged, Ordering::Relaxed);
                failpoint::pass(Point::ReceiptsSent);
            }
            _ = ping.tick() => writer.ping().await?,
            () = topics.grown(), if topics.are_confirmed() => topics.ask(writer).await?,
        }
    }
}
