//! `dustwatch.toml` as it is written: every key optional, unknown keys refused.
//!
//! Next: [`crate::settings`] gives each key left out its default and checks what remains.

use std::path::PathBuf;

use serde::Deserialize;

use crate::alarm::RawAlarm;
use crate::frames::RawFrames;
use crate::hotspots::RawHotspots;
use crate::notice::RawDue;
use crate::qc::RawQc;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawSettings {
    pub(crate) district: RawDistrict,
    pub(crate) broker: RawBroker,
    pub(crate) journal: RawJournal,
    pub(crate) lake: RawLake,
    pub(crate) standards: RawStandards,
    pub(crate) rules: RawRules,
    pub(crate) qc: RawQc,
    pub(crate) alarm: RawAlarm,
    pub(crate) hotspots: RawHotspots,
    pub(crate) hj212: RawFrames,
    pub(crate) dustfall: RawDustfall,
    pub(crate) notice: RawNotice,
    pub(crate) serve: RawServe,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawDistrict {
    pub(crate) code: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) timezone: Option<String>,
    pub(crate) townships: Option<PathBuf>,
    pub(crate) stations: Option<PathBuf>,
    pub(crate) parameters: Option<PathBuf>,
    pub(crate) ledgers: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawBroker {
    pub(crate) url: Option<String>,
    pub(crate) embedded: Option<bool>,
    pub(crate) client_id: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) ack_after: Option<String>,
    pub(crate) max_payload_bytes: Option<u32>,
    pub(crate) unknown_device: Option<String>,
    pub(crate) future_tolerance_seconds: Option<u32>,
    pub(crate) rejects_per_device_per_hour: Option<u32>,
    pub(crate) reject_bytes_per_device_per_hour: Option<u64>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) client_cert_file: Option<PathBuf>,
    pub(crate) client_key_file: Option<PathBuf>,
    pub(crate) share: Option<String>,
    pub(crate) session_expiry_seconds: Option<u32>,
    pub(crate) shard: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawJournal {
    pub(crate) dir: Option<PathBuf>,
    pub(crate) segment_bytes: Option<u64>,
    pub(crate) group_commit_ms: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawLake {
    pub(crate) uri: Option<String>,
    pub(crate) commit_interval_seconds: Option<u32>,
    pub(crate) commit_rows: Option<u32>,
    pub(crate) open_day_files: Option<u32>,
    pub(crate) keep_versions_days: Option<u32>,
    pub(crate) retain_days: Option<u32>,
    pub(crate) shutdown_seconds: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawStandards {
    pub(crate) hour_min_percent: Option<u8>,
    pub(crate) week_min_days: Option<u16>,
    pub(crate) half_month_min_days: Option<u16>,
    pub(crate) month_min_days: Option<u16>,
    pub(crate) february_min_days: Option<u16>,
    pub(crate) year_min_days: Option<u16>,
    pub(crate) range_min_percent: Option<u8>,
    pub(crate) tsp_day_min_hours: Option<u8>,
    pub(crate) tsp_month_min_days: Option<u16>,
    pub(crate) tsp_year_min_days: Option<u16>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawRules {
    pub(crate) r1_n: Option<u32>,
    pub(crate) r1_warn_delta: Option<f64>,
    pub(crate) r2_k: Option<u32>,
    pub(crate) r2_improved: Option<String>,
    pub(crate) r3_basis: Option<String>,
    pub(crate) r3_combine: Option<String>,
    pub(crate) r3c_months: Option<u32>,
    pub(crate) r4_limit: Option<f64>,
    pub(crate) r4_period: Option<String>,
    pub(crate) r5_limit: Option<u32>,
    pub(crate) r5_decreases: Option<u32>,
    pub(crate) last_n: Option<u32>,
    pub(crate) boundary: Option<String>,
    pub(crate) limit_compare: Option<String>,
    pub(crate) streak_missing: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawDustfall {
    pub(crate) points: Option<PathBuf>,
    pub(crate) exposure_min_days: Option<f64>,
    pub(crate) exposure_max_days: Option<f64>,
    pub(crate) detection_limit: Option<f64>,
    pub(crate) nd_policy: Option<String>,
    pub(crate) parallel_max_percent: Option<f64>,
    pub(crate) crucible_max_difference_mg: Option<f64>,
    pub(crate) exchange_last_days: Option<u32>,
    pub(crate) net_max_g: Option<f64>,
    pub(crate) void_notes: Option<Vec<String>>,
    pub(crate) district_dustfall: Option<String>,
    pub(crate) year_min_months: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawNotice {
    pub(crate) agency: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) document_prefix: Option<String>,
    pub(crate) recipients: Option<Vec<String>>,
    pub(crate) copies: Option<Vec<String>>,
    pub(crate) contact: Option<String>,
    pub(crate) template: Option<PathBuf>,
    pub(crate) due: Option<RawDue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawServe {
    pub(crate) listen: Option<String>,
    pub(crate) metrics_listen: Option<String>,
}
