//! `edge.toml`: what an agent is for, as its installer writes it.
//!
//! ```toml
//! [agent]
//! district = "110109"
//! device = "110109-DY-0003"
//! broker = "mqtt://127.0.0.1:1883"   # the default; or mqtts://HOST:8883
//! username = "site-3"                # password in DUSTWATCH_BROKER_PASSWORD
//! ca_file = "ca.crt"                 # with mqtts://, who signed the broker's certificate; the system's list without
//! client_cert_file = "site-3.crt"    # if the broker asks for one, with
//! client_key_file = "site-3.key"     # its key
//! spool = "spool"                    # a folder, beside this file
//! spool_limit_mb = 1024              # so much of the disk it may take
//! spool_max_age = "365d"             # what is older is given up; any age without
//! spool_full = "wait"                # when there is no room: sources wait; or drop_oldest, drop_newest
//! sync_interval_ms = 1000            # up to so much is lost with the power
//! batch = 1                          # observations of a message
//! confirm = "ingester"               # or "broker", for brokers of others
//! resend_after_s = 10
//! config = "dustwatch.toml"          # for its parameters and time zone; built in without
//!
//! [[source]]
//! kind = "exec"                      # prints one JSON observation a line
//! command = ["/usr/local/bin/read-monitor", "--json"]
//!
//! [[source]]
//! kind = "simulate"                  # an invented monitor
//! interval = "1m"
//! seed = 1
//!
//! [[source]]
//! kind = "hj212"                     # data loggers connect and report (HJ 212)
//! listen = "0.0.0.0:9212"
//! mn = "110109006000000000000001"    # the logger's; any without
//! crc = "spec"                       # or spec_or_modbus, ignore
//! command = 2011                     # which data are kept: 2011, 2051, 2061 or 2031
//! units = { a34001 = "mg/m3" }       # where the logger sends others than ug/m3 and kPa
//! backfill = "2d"                    # means of so long ago are asked for when a logger left some out; without, none are
//! interval = "1m"                    # between two means of 2051, which a gap is told by
//! loggers = "loggers.toml"           # instead of mn: many loggers, each a device, in a file of
//!                                    # 110109006000000000000001 = { device = "110109-DY-0004" }, by MN; each may
//!                                    # have its own command and units
//!
//! [[source]]
//! kind = "uart"                      # a particle module on a serial line
//! module = "pms7003"                 # or pms5003, sds011
//! device = "/dev/ttyS1"
//! interval = "1m"                    # its values are averaged over it
//!
//! [[source]]
//! kind = "modbus"                    # units that are asked for their registers
//! line = "/dev/ttyS2"                # with baud, parity, stop_bits if the maps' are not right
//! # connect = "192.168.1.20:502"     # instead of a line: Modbus TCP; frames = "rtu" behind a serial server
//! interval = "1m"                    # values are averaged over it
//! poll = "5s"                        # how often each unit is asked
//! timeout_ms = 500                   # how long an answer is waited for
//! retries = 2
//!
//! [[source.unit]]
//! map = "sds069"                     # built in, or a file: "our-monitor.toml"
//! address = 1                        # on the bus; the map's without
//! only = ["tsp", "pm10"]             # of what it has; everything without
//!
//! [[switch]]                         # a relay that follows the dust: a spray cannon
//! parameter = "tsp"
//! window = "15m"                     # what the mean is taken over
//! on_above = 500                     # in the parameter's unit
//! off_below = 400
//! min_run = "5m"
//! source = 2                         # the relay's bus: the second [[source]]
//! unit = 9                           # the relay's address there
//! coil = 0
//! report_as = "spray"                # a parameter that its state, 0 or 1, is reported as; if at all
//!
//! [calibrate.tsp]                    # true = slope × read + offset
//! slope = 1.08
//! offset = -2.0
//! ```
//!
//! Invariant: settings that exist are consistent; an error names the file and the line or key.

mod loggers;
pub(crate) mod remote;
mod sources;
mod switches;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dustwatch_config::{AddressError, Settings, TlsPart, TlsSettings, load_toml};
use dustwatch_observation::{DeviceId, DistrictCode, ParameterSet};
use serde::Deserialize;

use crate::EdgeError;
use crate::calibrate::{Calibration, Line};
use crate::publish::{BrokerAddress, Confirm};
pub(crate) use crate::source::Averaging;
pub use crate::source::modbus;
pub use crate::source::{Backfill, Hj212Settings, LoggerSettings, Module, UartSettings};
use crate::spool::{SpoolLimits, WhenFull};
use crate::switch::SwitchSettings;
use sources::{Place, RawSource, averaging, resolve_source};
pub use sources::{SourceSettings, parse_seconds};
use switches::RawSwitch;

/// MiB that the spool may take without a setting: some ten million observations.
const DEFAULT_SPOOL_MB: u64 = 1024;
/// A few segments: what is given up is given up by the segment.
const MIN_SPOOL_MB: u64 = 16;
const MAX_SPOOL_MB: u64 = 1 << 20;

/// Everything that is decided before an agent starts.
#[derive(Debug, Clone)]
pub struct AgentSettings {
    /// The district in the topics.
    pub district: DistrictCode,
    /// The agent's device.
    pub device: DeviceId,
    /// Where to publish.
    pub broker: BrokerAddress,
    /// How to encrypt, with `mqtts://`.
    pub tls: Option<TlsSettings>,
    /// User name at the broker.
    pub username: Option<String>,
    /// The spool's folder.
    pub spool: PathBuf,
    /// How much the spool may hold.
    pub spool_limits: SpoolLimits,
    /// Longest time that an observation is only in memory; up to this much is lost with the power.
    pub sync_interval: Duration,
    /// Observations of a message.
    pub batch: usize,
    /// What allows the agent to forget.
    pub confirm: Confirm,
    /// When to send again what was not confirmed.
    pub resend_after: Duration,
    /// Offset that times are written with, in seconds east of UTC.
    pub offset_seconds: i32,
    /// What can be measured.
    pub parameters: Arc<ParameterSet>,
    /// Where observations come from.
    pub sources: Vec<SourceSettings>,
    /// Relays that follow what is observed.
    pub switches: Vec<SwitchSettings>,
    /// What of them is averaged.
    pub(crate) averaging: Option<Averaging>,
    /// Corrections.
    pub calibration: Calibration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    agent: RawAgent,
    #[serde(default)]
    source: Vec<RawSource>,
    #[serde(default)]
    switch: Vec<RawSwitch>,
    #[serde(default)]
    calibrate: BTreeMap<String, RawLine>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAgent {
    district: String,
    device: String,
    broker: Option<String>,
    username: Option<String>,
    ca_file: Option<PathBuf>,
    client_cert_file: Option<PathBuf>,
    client_key_file: Option<PathBuf>,
    spool: Option<PathBuf>,
    spool_limit_mb: Option<u64>,
    spool_max_age: Option<String>,
    spool_full: Option<String>,
    sync_interval_ms: Option<u64>,
    batch: Option<u64>,
    confirm: Option<String>,
    resend_after_s: Option<u64>,
    /// A `dustwatch.toml`, for its parameters and its time zone; the built-in district without.
    config: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    slope: Option<f64>,
    offset: Option<f64>,
}

impl AgentSettings {
    /// Whether the agent speaks for other devices than its own.
    pub fn for_others(&self) -> bool {
        let loggers = self.sources.iter().filter_map(|source| match source {
            SourceSettings::Hj212(source) => source.loggers.as_ref(),
            _ => None,
        });
        let mut devices = loggers.flat_map(|loggers| loggers.values().map(|logger| &logger.device));
        devices.any(|device| *device != self.device)
    }

    /// The settings of a file; paths in it are relative to it.
    ///
    /// # Errors
    /// [`EdgeError::Io`] when it cannot be read; [`EdgeError::Usage`] or [`EdgeError::Config`] with the file and the
    /// line or key at fault.
    pub fn load(file: &Path) -> Result<Self, EdgeError> {
        let raw: RawFile = load_toml(file)?;
        let fault = |key: &str, what: String| EdgeError::Usage(format!("{}: {key}: {what}", file.display()));
        let beside_file = |path: &Path| {
            file.parent()
                .map_or_else(|| path.to_path_buf(), |folder| folder.join(path))
        };
        let beside = |path: PathBuf| beside_file(&path);
        let agent = raw.agent;
        let spool_limits =
            spool_limits(&agent).map_err(|(key, what)| fault(&format!("agent.{key}"), what))?;
        let shared = Settings::load(agent.config.map(&beside).as_deref())?;
        let parameters = Arc::clone(&shared.parameters);
        let place = Place {
            parameters: &parameters,
            beside: &beside_file,
        };
        let sources = resolve_sources(raw.source, &place, &fault)?;
        let switches = raw.switch.into_iter().enumerate();
        let switches = switches.map(|(index, raw)| {
            switches::resolve(raw, &sources, &parameters)
                .map_err(|what| fault(&format!("switch {}", index + 1), what))
        });
        let switches = switches.collect::<Result<_, _>>()?;
        let device = DeviceId::new(&agent.device).map_err(|e| fault("agent.device", e.to_string()))?;
        let averaging = averaging(&sources, &device, &parameters)
            .map_err(|(number, what)| fault(&format!("source {number}"), what))?;
        let bounded = |key: &str, value: Option<u64>, usual: u64, most: u64| match value.unwrap_or(usual) {
            value if (1..=most).contains(&value) => Ok(value),
            _ => Err(fault(&format!("agent.{key}"), format!("must be 1 to {most}"))),
        };
        let batch = bounded("batch", agent.batch, 1, 1000)? as usize;
        let sync_ms = bounded("sync_interval_ms", agent.sync_interval_ms, 1000, 60_000)?;
        let resend_s = bounded("resend_after_s", agent.resend_after_s, 10, 3600)?;
        let broker = agent.broker.unwrap_or_else(|| "mqtt://127.0.0.1:1883".to_owned());
        let broker: BrokerAddress = broker
            .parse()
            .map_err(|e: AddressError| fault("agent.broker", e.to_string()))?;
        let [ca, cert, key] =
            [agent.ca_file, agent.client_cert_file, agent.client_key_file].map(|file| file.map(&beside));
        let tls = TlsSettings::resolve(&broker, ca, cert, key).map_err(|wrong| {
            let key = match wrong.part {
                TlsPart::Ca => "agent.ca_file",
                TlsPart::Cert => "agent.client_cert_file",
                TlsPart::Key => "agent.client_key_file",
            };
            fault(key, wrong.message)
        })?;
        Ok(Self {
            district: DistrictCode::new(&agent.district)
                .map_err(|e| fault("agent.district", e.to_string()))?,
            device,
            broker,
            tls,
            username: agent.username,
            spool: beside(agent.spool.unwrap_or_else(|| PathBuf::from("spool"))),
            spool_limits,
            sync_interval: Duration::from_millis(sync_ms),
            batch,
            resend_after: Duration::from_secs(resend_s),
            confirm: agent
                .confirm
                .map_or(Ok(Confirm::default()), |text| text.parse())
                .map_err(|e: EdgeError| fault("agent.confirm", e.to_string()))?,
            offset_seconds: shared.district.offset_seconds(),
            calibration: Calibration::new(
                lines(raw.calibrate, &parameters).map_err(|(key, what)| fault(&key, what))?,
            ),
            parameters,
            sources,
            switches,
            averaging,
        })
    }
}

/// The sources, each with its number when it is wrong.
fn resolve_sources(
    raw: Vec<RawSource>,
    place: &Place<'_>,
    fault: &dyn Fn(&str, String) -> EdgeError,
) -> Result<Vec<SourceSettings>, EdgeError> {
    if raw.is_empty() {
        return Err(fault("source", "at least one [[source]] is needed".to_owned()));
    }
    let resolved = raw.into_iter().enumerate().map(|(index, source)| {
        resolve_source(source, place).map_err(|what| fault(&format!("source {}", index + 1), what))
    });
    resolved.collect()
}

/// The limits of the spool, or the key that is wrong, and why.
fn spool_limits(agent: &RawAgent) -> Result<SpoolLimits, (&'static str, String)> {
    let megabytes = agent.spool_limit_mb.unwrap_or(DEFAULT_SPOOL_MB);
    if !(MIN_SPOOL_MB..=MAX_SPOOL_MB).contains(&megabytes) {
        return Err((
            "spool_limit_mb",
            format!("must be {MIN_SPOOL_MB} to {MAX_SPOOL_MB}"),
        ));
    }
    let age = agent.spool_max_age.as_deref().map(|text| {
        parse_seconds(text).ok_or_else(|| {
            (
                "spool_max_age",
                format!("{text:?} is not a length like 12h or 365d"),
            )
        })
    });
    let when_full = agent
        .spool_full
        .as_deref()
        .map(|text| text.parse().map_err(|what: String| ("spool_full", what)));
    Ok(SpoolLimits {
        bytes: megabytes << 20,
        age: age.transpose()?.map(Duration::from_secs),
        when_full: when_full.transpose()?.unwrap_or(WhenFull::Wait),
    })
}

/// Corrections by parameter, or the key that is wrong, and why.
fn lines(raw: BTreeMap<String, RawLine>, parameters: &ParameterSet) -> Result<Vec<Line>, (String, String)> {
    let mut lines = Vec::with_capacity(raw.len());
    for (key, line) in raw {
        let name = format!("calibrate.{key}");
        let Some(id) = parameters.find(&key) else {
            let known: Vec<&str> = parameters.iter().map(|(_, p)| p.key.as_str()).collect();
            return Err((name, format!("no such parameter; there are {}", known.join(", "))));
        };
        let (slope, offset) = (line.slope.unwrap_or(1.0), line.offset.unwrap_or(0.0));
        if !(slope.is_finite() && offset.is_finite()) || slope <= 0.0 {
            return Err((name, "slope must be above 0, and both must be finite".to_owned()));
        }
        lines.push(Line {
            parameter: id,
            slope,
            offset,
            decimals: parameters.get(id).decimals,
        });
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_example_is_one_that_an_agent_takes() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/edge");
        let mut kinds = std::collections::HashSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let file = entry.unwrap().path();
            // A part of the example for a gateway.
            if file.ends_with("loggers.toml") {
                continue;
            }
            let settings = AgentSettings::load(&file).unwrap();
            for source in &settings.sources {
                kinds.insert(std::mem::discriminant(source));
            }
            assert_eq!(settings.device.as_str(), "110109-DY-0003");
        }
        assert_eq!(kinds.len(), 4, "exec, hj212, modbus, uart");
    }
}
