//! The ingester's confirmation: everything of an epoch up to a number is durable.

use serde::{Deserialize, Serialize};

/// Payload of a device's retained `…/ack` topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The agent's epoch that the number belongs to.
    pub epoch: String,
    /// Everything of that epoch up to and including this number is durable.
    pub seq: u64,
}

impl Ack {
    /// The payload.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a payload; `None` when it is not an acknowledgement.
    pub fn from_json(payload: &[u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }
}
