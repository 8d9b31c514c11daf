//! Acknowledge: sends PUBACKs, in the order of arrival, on the connection that waits for them.
//!
//! Receipts come in the order of the journal, which is the order of arrival. Each carries the client of its
//! connection; when that has ended, the receipt is void, since the broker numbers anew and the message comes again.
//!
//! The queue of receipts has no limit of its own, since the polling task waits for the journal, and the journal must
//! not wait for the polling task in turn. MQTT limits it: a connection has 65,535 packet ids to give out.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::delivery::Receipt;
use crate::link::to_acknowledge;
use crate::stats::{Stats, add};

/// Sends an acknowledgement for each receipt, until the senders are gone.
pub(crate) async fn run(mut receipts: mpsc::UnboundedReceiver<Vec<Receipt>>, stats: Arc<Stats>) {
    while let Some(group) = receipts.recv().await {
        for receipt in group {
            if receipt.client.ack(&to_acknowledge(receipt.packet)).await.is_ok() {
                add(&stats.acknowledged, 1);
            }
        }
    }
}
