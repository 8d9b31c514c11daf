//! `[hj212]`: how raw HJ 212 frames are read that gateways publish on `…/hj212`.

use std::collections::BTreeMap;

use dustwatch_observation::hj212::{Command, CrcMode, Unit};
use serde::Deserialize;

use crate::ConfigError;
use crate::resolve::Origin;

/// How the frames of a logger are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameReading {
    /// Which checksums are believed (the standard's).
    pub crc: CrcMode,
    /// Which data are kept (2011): the others say the same of the same times in another way.
    pub command: Command,
    /// Units that factors are sent in, by factor, where they are others than µg/m³ and kPa.
    pub units: BTreeMap<String, Unit>,
}

/// `[hj212]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameSettings {
    usual: FrameReading,
    devices: BTreeMap<String, FrameReading>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawFrames {
    crc: Option<String>,
    command: Option<u16>,
    units: Option<BTreeMap<String, String>>,
    devices: BTreeMap<String, RawReading>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawReading {
    crc: Option<String>,
    command: Option<u16>,
    units: Option<BTreeMap<String, String>>,
}

impl FrameSettings {
    pub(crate) fn resolve(raw: RawFrames, origin: &Origin<'_>) -> Result<Self, ConfigError> {
        let standard = FrameReading {
            crc: CrcMode::Spec,
            command: Command::RealTime,
            units: BTreeMap::new(),
        };
        let section = RawReading {
            crc: raw.crc,
            command: raw.command,
            units: raw.units,
        };
        let usual =
            reading(section, &standard).map_err(|(key, what)| origin.error(&format!("hj212.{key}"), what))?;
        let mut devices = BTreeMap::new();
        for (device, raw) in raw.devices {
            let fault =
                |(key, what): (String, String)| origin.error(&format!("hj212.devices.{device}.{key}"), what);
            let reading = reading(raw, &usual).map_err(fault)?;
            devices.insert(device, reading);
        }
        Ok(Self { usual, devices })
    }

    /// How the frames of a device are read.
    pub fn of(&self, device: &str) -> &FrameReading {
        self.devices.get(device).unwrap_or(&self.usual)
    }

    /// Every key of `[hj212]` with the value in force.
    pub(crate) fn describe(&self, add: &mut dyn FnMut(&str, String)) {
        let mut one = |place: &str, reading: &FrameReading| {
            let units = reading
                .units
                .iter()
                .map(|(factor, unit)| format!("{factor} {unit}"));
            let units: Vec<String> = units.collect();
            add(&format!("{place}.crc"), reading.crc.to_string());
            add(&format!("{place}.command"), reading.command.number().to_string());
            add(&format!("{place}.units"), units.join(", "));
        };
        one("hj212", &self.usual);
        for (device, reading) in &self.devices {
            one(&format!("hj212.devices.{device}"), reading);
        }
    }
}

/// What is said, and of the others what is usual; or the key that is wrong, and why.
fn reading(raw: RawReading, usual: &FrameReading) -> Result<FrameReading, (String, String)> {
    let mut reading = usual.clone();
    if let Some(crc) = raw.crc {
        reading.crc = crc.parse().map_err(|what| ("crc".to_owned(), what))?;
    }
    if let Some(command) = raw.command {
        reading.command = Command::of_data(command).map_err(|what| ("command".to_owned(), what))?;
    }
    if let Some(units) = raw.units {
        reading.units.clear();
        for (factor, unit) in units {
            let unit = unit.parse().map_err(|what| (format!("units.{factor}"), what))?;
            reading.units.insert(factor, unit);
        }
    }
    Ok(reading)
}
