//! The payload of `obs`: one observation, or many of one device, as UTF-8 JSON.
//!
//! The agent encodes; the ingester peeks (what is there to confirm) and decodes. The codec stands on the hot path, so
//! it scans the bytes itself: no tree, no float, no allocation per observation.
//!
//! On the way: `scan` knows JSON, `fields` reads one observation, `one_pass` what is without a fault; `envelope` finds
//! the head of any other message, and `decode` reads that thoroughly; `peek` reads the numbers only, `outline` the numbers and times of what is rejected; `encode` writes what `decode` reads.
//!
//! Invariant: what [`encode_one`] and [`encode_many`] write, [`Decoder`] reads back equal; a payload whose JSON is
//! broken anywhere yields one fault and no observation.

mod decode;
mod digits;
mod encode;
mod envelope;
mod fault;
mod fields;
mod keys;
mod one_pass;
mod outline;
mod peek;
mod scan;
mod skip;
mod text;

pub use decode::{Decoded, Decoder};
pub use encode::{encode_many, encode_one};
pub use fault::Fault;
pub use outline::{Mention, Outline, outline};
pub use peek::{Head, peek};

/// Longest epoch that an agent may choose, in bytes.
pub const MAX_EPOCH_BYTES: usize = 64;
