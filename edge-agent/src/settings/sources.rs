//! `[[source]]`: where observations come from.
//!
//! Invariant: what is averaged has one interval, and no parameter is averaged from two sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dustwatch_observation::{DeviceId, ParameterSet};
use serde::Deserialize;

use super::loggers::{self, RawHj212};
use crate::source::modbus::{BusSettings, LineSpeed, ModbusSettings, Parity, RegisterMap, UnitSettings};
use crate::source::{Averaging, Hj212Settings, Module, UartSettings};

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
    /// Units that are asked for their registers.
    Modbus(ModbusSettings),
    /// An invented monitor.
    Simulate {
        /// Between two observations.
        interval_seconds: u32,
        /// What everything follows from.
        seed: u64,
    },
}

impl SourceSettings {
    /// The kind, as the file names it.
    pub fn kind(&self) -> &'static str {
        match self {
            SourceSettings::Exec { .. } => "exec",
            SourceSettings::Hj212(_) => "hj212",
            SourceSettings::Uart(_) => "uart",
            SourceSettings::Modbus(_) => "modbus",
            SourceSettings::Simulate { .. } => "simulate",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum RawSource {
    Exec {
        command: Vec<String>,
    },
    Hj212(RawHj212),
    Uart {
        module: String,
        device: PathBuf,
        interval: Option<String>,
    },
    Modbus(RawModbus),
    Simulate {
        interval: Option<String>,
        seed: Option<u64>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawModbus {
    line: Option<PathBuf>,
    connect: Option<String>,
    frames: Option<String>,
    baud: Option<u32>,
    parity: Option<Parity>,
    stop_bits: Option<u8>,
    interval: Option<String>,
    poll: Option<String>,
    timeout_ms: Option<u64>,
    retries: Option<u32>,
    #[serde(default)]
    unit: Vec<RawUnit>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUnit {
    map: String,
    address: Option<u8>,
    only: Option<Vec<String>>,
}

/// What a source is read against: the known parameters, and where its files are.
pub(super) struct Place<'a> {
    pub(super) parameters: &'a ParameterSet,
    pub(super) beside: &'a dyn Fn(&Path) -> PathBuf,
}

pub(super) fn resolve_source(raw: RawSource, place: &Place<'_>) -> Result<SourceSettings, String> {
    match raw {
        RawSource::Exec { command } if command.first().is_none_or(String::is_empty) => {
            Err("command must name a program".to_owned())
        }
        RawSource::Exec { command } => Ok(SourceSettings::Exec { command }),
        RawSource::Hj212(raw) => loggers::resolve(raw, place).map(SourceSettings::Hj212),
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
        RawSource::Modbus(raw) => resolve_modbus(raw, place).map(SourceSettings::Modbus),
        RawSource::Simulate { interval, seed } => Ok(SourceSettings::Simulate {
            interval_seconds: interval_seconds(interval)?,
            seed: seed.unwrap_or(1),
        }),
    }
}

fn resolve_modbus(raw: RawModbus, place: &Place<'_>) -> Result<ModbusSettings, String> {
    let mut units = Vec::with_capacity(raw.unit.len());
    for (index, unit) in raw.unit.iter().enumerate() {
        let fault = |what: String| format!("unit {}: {what}", index + 1);
        let map = RegisterMap::find(&unit.map, place.beside, unit.only.as_deref(), place.parameters)
            .map_err(fault)?;
        let address = unit.address.unwrap_or(map.unit);
        if !(1..=247).contains(&address) {
            return Err(fault(format!("address {address} is not from 1 to 247")));
        }
        if units.iter().any(|other: &UnitSettings| other.address == address) {
            return Err(fault(format!(
                "address {address} is another unit's: give one of them another address, at the device and here"
            )));
        }
        units.push(UnitSettings { address, map });
    }
    let first = units.first().ok_or("at least one [[source.unit]] is needed")?;
    let bus = resolve_bus(&raw, first.map.speed)?;
    if let (BusSettings::Serial { speed, .. }, None) = (&bus, raw.baud)
        && let Some(other) = units.iter().find(|unit| unit.map.speed != *speed)
    {
        return Err(format!(
            "{} speaks at {} baud and {} at {}: set one speed at the devices, and say it as baud here",
            first.map.name, speed.baud, other.map.name, other.map.speed.baud
        ));
    }
    let interval_seconds = interval_seconds(raw.interval)?;
    let poll = raw.poll.unwrap_or_else(|| "5s".to_owned());
    let poll = parse_seconds(&poll)
        .filter(|seconds| u64::from(interval_seconds).is_multiple_of(*seconds))
        .ok_or_else(|| format!("poll {poll:?} is not a length like 5s that divides the interval"))?;
    let timeout_ms = raw.timeout_ms.unwrap_or(500);
    if !(10..=10_000).contains(&timeout_ms) {
        return Err("timeout_ms must be 10 to 10000".to_owned());
    }
    let retries = raw.retries.unwrap_or(2);
    if retries > 10 {
        return Err("retries must be 0 to 10".to_owned());
    }
    Ok(ModbusSettings {
        bus,
        units,
        poll: Duration::from_secs(poll),
        timeout: Duration::from_millis(timeout_ms),
        retries,
        interval_seconds,
    })
}

fn resolve_bus(raw: &RawModbus, usual: LineSpeed) -> Result<BusSettings, String> {
    let rtu_frames = match raw.frames.as_deref() {
        None | Some("tcp") => false,
        Some("rtu") => true,
        Some(other) => return Err(format!("frames {other:?} is neither tcp nor rtu")),
    };
    match (&raw.line, &raw.connect) {
        (Some(_), None) if raw.frames.is_some() => Err("frames goes with connect, not with line".to_owned()),
        (Some(device), None) => {
            let speed = LineSpeed {
                baud: raw.baud.unwrap_or(usual.baud),
                parity: raw.parity.unwrap_or(usual.parity),
                stop_bits: raw.stop_bits.unwrap_or(usual.stop_bits),
            };
            if speed.baud == 0 || !(1..=2).contains(&speed.stop_bits) {
                return Err("baud must be above 0, and stop_bits 1 or 2".to_owned());
            }
            Ok(BusSettings::Serial {
                device: device.clone(),
                speed,
            })
        }
        (None, Some(address)) if address.contains(':') => Ok(BusSettings::Tcp {
            address: address.clone(),
            rtu_frames,
        }),
        (None, Some(address)) => Err(format!(
            "connect {address:?} is not an address like 192.168.1.20:502"
        )),
        _ => Err("one of line and connect is needed".to_owned()),
    }
}

/// What is averaged of all sources together; `None` when no source needs it. Otherwise the number of a source that does not go
/// with the others, and why.
pub(super) fn averaging(
    sources: &[SourceSettings],
    own: &DeviceId,
    parameters: &ParameterSet,
) -> Result<Option<Averaging>, (usize, String)> {
    let mut all: Option<Averaging> = None;
    let mut loggers = None;
    for (number, source) in (1..).zip(sources) {
        let (interval_seconds, expected) = match source {
            SourceSettings::Uart(uart) => (uart.interval_seconds, uart.expected(parameters)),
            SourceSettings::Modbus(modbus) => (modbus.interval_seconds, modbus.expected()),
            SourceSettings::Hj212(source) => {
                loggers = loggers.or(Some(number).filter(|_| source.is_of(own)));
                continue;
            }
            SourceSettings::Exec { .. } | SourceSettings::Simulate { .. } => continue,
        };
        let all = all.get_or_insert_with(|| Averaging {
            interval_seconds,
            expected: BTreeMap::new(),
        });
        if all.interval_seconds != interval_seconds {
            let what = format!(
                "interval is {interval_seconds} s here and {} s before; a device reports at one interval",
                all.interval_seconds
            );
            return Err((number, what));
        }
        for (id, count) in expected {
            if all.expected.insert(id, count).is_some() {
                let key = &parameters.get(id).key;
                let what = format!(
                    "{key} comes from another source or unit already; leave it out of one of them \
                     (only = [...] for a unit)"
                );
                return Err((number, what));
            }
        }
    }
    match (all, loggers) {
        (Some(_), Some(number)) => Err((
            number,
            "what a logger reports and what is averaged here would be two observations of the same time, \
             and one would replace the other; run a second agent, with a device and a spool of its own"
                .to_owned(),
        )),
        (all, _) => Ok(all),
    }
}

/// A reporting interval; a minute when none is said.
pub(super) fn interval_seconds(text: Option<String>) -> Result<u32, String> {
    let text = text.unwrap_or_else(|| "1m".to_owned());
    parse_seconds(&text)
        .and_then(|s| u32::try_from(s).ok())
        .filter(|s| 3600 % s == 0)
        .ok_or_else(|| format!("interval {text:?} is not a length like 30s or 1m that divides an hour"))
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
