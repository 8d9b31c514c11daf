//! From broker to table, each observation exactly once.
//!
//! One stage a file, one message type a hop, in this order:
//!
//! ```text
//! receive ──Delivery──▶ journaling ──Journaled──▶ decode ──Sealed──▶ commit ──▶ lake
//!    ▲                      │                        │                  │
//!    └──PUBACK── acknowledge ◀──── receipts ─────────┴───── ledger ─────┘  (…/ack per device)
//! ```
//!
//! Invariants: a PUBACK leaves after the journal has synced the message (or after the table commit, by setting), in
//! the order of arrival, on the connection it came on; a commit carries the journal position it reaches, and the
//! journal is cut only behind it; every queue is bounded, and a slow stage stops the one before it, the reading from the
//! broker last.

mod acknowledge;
mod announce;
mod batch;
mod broker;
mod commit;
mod confirm;
mod counts;
mod decode;
mod decoding;
mod delivery;
mod districts;
mod door;
mod durable;
mod error;
mod frames;
mod group;
mod import;
mod journaling;
mod judge;
mod ledger;
mod limit;
mod link;
mod maintenance;
mod metrics;
mod mqtt;
mod pipeline;
mod process;
mod receive;
mod replay;
mod shutdown;
mod stats;

pub use announce::announce;
pub use broker::EmbeddedBroker;
pub use door::{Observatory, open_door};
pub use error::IngestError;
pub use import::{ImportReport, import};
pub use pipeline::{Pipeline, Summary};
pub use replay::{ReplayCounts, ReplayReport, ReplayRequest, replay_rejected};
pub use stats::{Snapshot, Stats};
