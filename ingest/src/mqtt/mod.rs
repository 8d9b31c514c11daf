//! The receiving MQTT connection, over the client library's codecs.
//!
//! Place on the way: under the first stage. The library's own event loop reads and answers a message at a time, two
//! system calls each; an ingester reads what has gathered and acknowledges a group in one write. So the connection is
//! ours ([`connection`]), and so is the cutting of the stream into packets ([`frame`]), which keeps an oversized packet
//! out of memory; what stands in a packet is the library's business ([`protocol`]).
//!
//! Invariant: nothing here decides when a message is acknowledged.

mod connection;
mod frame;
mod protocol;
mod transport;

pub(crate) use connection::{ConnectionError, Reader, Target, Writer, open};
pub(crate) use protocol::{Packet, Version};
