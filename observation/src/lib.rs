//! What a monitor says, and how it is written on the wire.
//!
//! Every other room speaks in these nouns: an [`Observation`] is all parameters of one device at one time; a
//! [`Topic`] says where it is published; the [`json`] codec is the payload contract. Nothing here knows Arrow or a
//! network, so that a gateway at a construction site compiles it too.
//!
//! Invariant: a number that a device sent is carried as the exact [`Decimal`] it wrote, never through a float.

mod ack;
mod clock;
mod decimal;
mod flag;
pub mod hj212;
mod id;
pub mod json;
mod observation;
mod parameter;
mod reason;
pub mod table;
mod time;
mod topic;

pub use ack::Ack;
pub use clock::{Clock, ManualClock, SystemClock};
pub use decimal::{Decimal, DecimalError, Rescaled};
pub use flag::Flag;
pub use id::{DeviceId, DistrictCode, IdError};
pub use observation::{Observation, Reading};
pub use parameter::{Parameter, ParameterId, ParameterSet, ParameterSetError};
pub use reason::Reason;
pub use time::{Time, TimeError};
pub use topic::{Topic, TopicError, TopicKind};
