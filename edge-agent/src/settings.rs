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
//!
//! [[source]]
//! kind = "uart"                      # a particle module on a serial line
//! module = "pms7003"                 # or pms5003, sds011
//! device = "/dev/ttyS1"
//! interval = "1m"                    # its values are averaged over it
//!
//! [calibrate.tsp]                    # true = slope × read + offset
//! slope = 1.08
//! offset = -2.0
//! ```
//!
//! Invariant: settings that exist are consistent; an error names the file and the line or key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dustwatch_config::{AddressError, Settings, TlsPart, TlsSettings, load_toml};
use dustwatch_observation::hj212::{Command, CrcMode};
use dustwatch_observation::{DeviceId, DistrictCode, ParameterSet};
use serde::Deserialize;

use crate::EdgeError;
use crate::calibrate::{Calibration, Line};
use crate::publish::{BrokerAddress, Confirm};
pub use crate::source::{Hj212Settings, Module, UartSettings};

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
    /// Corrections.
    pub calibration: Calibration,
}

/// One place that observations come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSettings {
    /// A program that prints one JSON observation a line.
    Exec {
        /// Program and arguments.
        command: Vec<String>,
    },
    /// Data loggers that connect.
    Hj212(Hj212Settings),
    /// A particle module on a serial line.
    Uart(UartSettings),
    /// An invented monitor.
    Simulate {
        /// Between two observations.
        interval_seconds: u32,
        /// What everything follows from.
        seed: u64,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    agent: RawAgent,
    #[serde(default)]
    source: Vec<RawSource>,
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
    sync_interval_ms: Option<u64>,
    batch: Option<usize>,
    confirm: Option<String>,
    resend_after_s: Option<u64>,
    /// A `dustwatch.toml`, for its parameters and its time zone; the built-in district without.
    config: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum RawSource {
    Exec {
        command: Vec<String>,
    },
    Hj212 {
        listen: String,
        mn: Option<String>,
        crc: Option<String>,
        command: Option<u16>,
        #[serde(default)]
        units: BTreeMap<String, String>,
    },
    Uart {
        module: String,
        device: PathBuf,
        interval: Option<String>,
    },
    Simulate {
        interval: Option<String>,
        seed: Option<u64>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    slope: Option<f64>,
    offset: Option<f64>,
}

impl AgentSettings {
    /// The settings of a file; paths in it are relative to it.
    ///
    /// # Errors
    /// [`EdgeError::Io`] when it cannot be read; [`EdgeError::Usage`] or [`EdgeError::Config`] with the file and the
    /// line or key at fault.
    pub fn load(file: &Path) -> Result<Self, EdgeError> {
        let raw: RawFile = load_toml(file)?;
        let fault = |key: &str, what: String| EdgeError::Usage(format!("{}: {key}: {what}", file.display()));
        let beside = |path: PathBuf| {
            file.parent()
                .map_or_else(|| path.clone(), |folder| folder.join(&path))
        };
        let agent = raw.agent;
        let shared = Settings::load(agent.config.map(&beside).as_deref())?;
        let parameters = Arc::clone(&shared.parameters);
        let sources = raw.source.into_iter().enumerate();
        let sources: Vec<SourceSettings> = sources
            .map(|(index, source)| {
                resolve_source(source).map_err(|what| fault(&format!("source {}", index + 1), what))
            })
            .collect::<Result<_, _>>()?;
        if sources.is_empty() {
            return Err(fault("source", "at least one [[source]] is needed".to_owned()));
        }
        let batch = agent.batch.unwrap_or(1);
        if !(1..=1000).contains(&batch) {
            return Err(fault("agent.batch", "must be 1 to 1000".to_owned()));
        }
        let sync_ms = agent.sync_interval_ms.unwrap_or(1000);
        if !(1..=60_000).contains(&sync_ms) {
            return Err(fault("agent.sync_interval_ms", "must be 1 to 60000".to_owned()));
        }
        let resend_s = agent.resend_after_s.unwrap_or(10);
        if !(1..=3600).contains(&resend_s) {
            return Err(fault("agent.resend_after_s", "must be 1 to 3600".to_owned()));
        }
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
            device: DeviceId::new(&agent.device).map_err(|e| fault("agent.device", e.to_string()))?,
            broker,
            tls,
            username: agent.username,
            spool: beside(agent.spool.unwrap_or_else(|| PathBuf::from("spool"))),
            sync_interval: Duration::from_millis(sync_ms),
            batch,
            resend_after: Duration::from_secs(resend_s),
            confirm: agent
                .confirm
                .map_or(Ok(Confirm::default()), |text| text.parse())
                .map_err(|e: EdgeError| fault("agent.confirm", e.to_string()))?,
            offset_seconds: offset_seconds(&shared),
            calibration: calibration(raw.calibrate, &parameters, &fault)?,
            parameters,
            sources,
        })
    }
}

fn resolve_source(raw: RawSource) -> Result<SourceSettings, String> {
    match raw {
        RawSource::Exec { command } if command.first().is_none_or(String::is_empty) => {
            Err("command must name a program".to_owned())
        }
        RawSource::Exec { command } => Ok(SourceSettings::Exec { command }),
        RawSource::Hj212 {
            listen,
            mn,
            crc,
            command,
            units,
        } => Ok(SourceSettings::Hj212(Hj212Settings {
            listen: listen
                .parse()
                .map_err(|_| format!("listen {listen:?} is not an address like 0.0.0.0:9212"))?,
            mn,
            crc: crc_mode(crc.as_deref())?,
            command: data_command(command.unwrap_or(2011))?,
            units: units
                .into_iter()
                .map(|(factor, unit)| match unit.parse() {
                    Ok(unit) => Ok((factor, unit)),
                    Err(error) => Err(format!("units.{factor}: {error}")),
                })
                .collect::<Result<_, _>>()?,
        })),
        RawSource::Uart {
            module,
            device,
            interval,
        } => Ok(SourceSettings::Uart(UartSettings {
            device,
            module: match module.as_str() {
                "pms5003" | "pms7003" => Module::Pms,
                "sds011" => Module::Sds011,
                _ => return Err(format!("module {module:?} is none of pms5003, pms7003, sds011")),
            },
            interval_seconds: interval_seconds(interval)?,
        })),
        RawSource::Simulate { interval, seed } => Ok(SourceSettings::Simulate {
            interval_seconds: interval_seconds(interval)?,
            seed: seed.unwrap_or(1),
        }),
    }
}

/// A reporting interval; a minute when none is said.
fn interval_seconds(text: Option<String>) -> Result<u32, String> {
    let text = text.unwrap_or_else(|| "1m".to_owned());
    parse_seconds(&text)
        .and_then(|s| u32::try_from(s).ok())
        .filter(|s| 3600 % s == 0)
        .ok_or_else(|| format!("interval {text:?} is not a length like 30s or 1m that divides an hour"))
}

fn crc_mode(text: Option<&str>) -> Result<CrcMode, String> {
    match text {
        None | Some("spec") => Ok(CrcMode::Spec),
        Some("spec_or_modbus") => Ok(CrcMode::SpecOrModbus),
        Some("ignore") => Ok(CrcMode::Ignore),
        Some(other) => Err(format!("crc {other:?} is none of spec, spec_or_modbus, ignore")),
    }
}

fn data_command(number: u16) -> Result<Command, String> {
    let command = Command::of(number);
    match command.is_data() {
        true => Ok(command),
        false => Err(format!("command {number} is none of 2011, 2051, 2061, 2031")),
    }
}

fn calibration(
    raw: BTreeMap<String, RawLine>,
    parameters: &ParameterSet,
    fault: &dyn Fn(&str, String) -> EdgeError,
) -> Result<Calibration, EdgeError> {
    let mut lines = Vec::with_capacity(raw.len());
    for (key, line) in raw {
        let name = format!("calibrate.{key}");
        let id = parameters.find(&key).ok_or_else(|| {
            let known: Vec<&str> = parameters.iter().map(|(_, p)| p.key.as_str()).collect();
            fault(
                &name,
                format!("no such parameter; there are {}", known.join(", ")),
            )
        })?;
        let (slope, offset) = (line.slope.unwrap_or(1.0), line.offset.unwrap_or(0.0));
        if !(slope.is_finite() && offset.is_finite()) || slope <= 0.0 {
            return Err(fault(
                &name,
                "slope must be above 0, and both must be finite".to_owned(),
            ));
        }
        lines.push(Line {
            parameter: id,
            slope,
            offset,
            decimals: parameters.get(id).decimals,
        });
    }
    Ok(Calibration::new(lines))
}

/// The distance of a district's time zone from UTC, in seconds, eastwards positive.
///
/// A district's days have whole-hour offsets; zones that change theirs get the one of the middle of winter.
pub fn offset_seconds(settings: &Settings) -> i32 {
    use chrono::{Offset, TimeZone};
    let winter = chrono::DateTime::UNIX_EPOCH.naive_utc() + chrono::Duration::days(50 * 365);
    settings
        .district
        .timezone
        .offset_from_utc_datetime(&winter)
        .fix()
        .local_minus_utc()
}

/// Seconds of a length like `30s`, `1m`, `1h`, `2d`; at least one.
pub fn parse_seconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok()?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(factor).filter(|seconds| *seconds > 0)
}
