//! HJ 212-2017: what data loggers of dust monitors speak (污染物在线监控（监测）系统数据传输标准).
//!
//! Place on the way: bytes of a connection in ([`Framer`]), segments out; a segment becomes a [`Message`], and a message the
//! [`Reported`] values of one time. What the field does otherwise than the standard is taken where it can mean one thing
//! only, and said otherwise; nothing is guessed. HJ/T 212-2005 and HJ 212-2025 have the same frame.
//!
//! Invariant: a value is the exact decimal that was sent, and everything of a message that was not understood is named.

mod answer;
mod crc;
mod frame;
mod message;
mod reported;

pub use answer::{answer, call};
pub use crc::{CrcMode, crc16, modbus_crc16};
pub use frame::{FrameFault, Framed, Framer};
pub use message::{Command, Item, Message, MessageFault, Version};
pub use reported::{Factors, Reported, Unit};
