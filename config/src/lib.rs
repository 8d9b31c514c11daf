//! What is decided before a process starts.
//!
//! [`Settings`] is the one validated struct that every process is built from: read from `dustwatch.toml`, or the
//! built-in Mentougou district when there is none. Beside it stand the [`Registry`] of stations and townships, the
//! parameters, and the [`standards`] by date. Loading a configuration opens no port and starts no thread.
//!
//! Invariant: a `Settings` that exists is consistent; every error names the file and the line or key at fault.

mod address;
mod alarm;
mod broker;
mod builtin;
mod calibration;
mod describe;
mod dustfall;
mod error;
mod frames;
mod hotspots;
pub mod ledgers;
mod mapping;
mod notice;
mod parameters;
mod qc;
mod raw;
mod registry;
mod resolve;
mod rules;
mod settings;
mod shard;
pub mod standards;
mod station;
mod tls;
mod township;

pub use address::{AddressError, BrokerAddress};
pub use alarm::{AlarmLevel, AlarmRule, AlarmSet, AlarmSettings, Background, Compare, Webhook, WindowMean};
pub use calibration::{Calibration, Calibrations, HumidityCorrection, HumidityMethod};
pub use dustfall::{
    DistrictDustfall, DustfallPoint, DustfallSettings, NdPolicy, is_collector_area, is_collector_diameter,
};
pub use error::{ConfigError, load_toml};
pub use frames::{FrameReading, FrameSettings};
pub use hotspots::HotspotSettings;
pub use ledgers::LedgerKind;
pub use mapping::mapping;
pub use notice::{Delivery, DeliveryKind, DueSettings};
pub use qc::{QC_TESTS, QcSettings, QcThresholds};
pub use registry::Registry;
pub use settings::{
    AckAfter, BrokerOverrides, BrokerSettings, DistrictSettings, JournalSettings, LakeSettings,
    NoticeSettings, PASSWORD_VARIABLE, RuleSettings, Settings, StandardSettings, UnknownDevice,
};
pub use shard::{Shard, ShardError};
pub use station::{Station, StationKind};
pub use tls::{ClientIdentity, TlsFault, TlsPart, TlsSettings};
pub use township::Township;
