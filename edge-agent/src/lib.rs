//! The edge agent: source → calibrate → pack → spool → publish.
//!
//! The agent stands beside the monitors. What a source (`source/`) reports is [`calibrate`]d, kept in the [`spool`] on the
//! agent's own disk, and [`publish`]ed until the ingester has confirmed it; only then is it given up. The same
//! publisher serves two tools: [`replay`] publishes a real table as if its stations were devices, and [`simulate`]
//! publishes a [`network`] that nobody built.
//!
//! Invariant: an observation is forgotten only after somebody durable has said that it has it.

pub mod agent;
pub mod calibrate;
pub mod check;
mod crew;
mod error;
mod health;
pub mod network;
pub mod pack;
mod progress;
pub mod publish;
mod pump;
mod random;
pub mod replay;
mod service;
pub mod settings;
mod shutdown;
pub mod simulate;
mod source;
pub mod spool;
pub mod switch;

pub use error::EdgeError;
pub use health::Trouble;
pub use progress::{Progress, Report};
pub use shutdown::{Shutdown, ShutdownTrigger};
