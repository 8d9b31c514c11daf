//! `[[source]]` of kind `hj212`: data loggers that connect, one or many.
//!
//! Invariant: every logger of a list has a device of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use dustwatch_config::load_toml;
use dustwatch_observation::DeviceId;
use dustwatch_observation::hj212::{Command, CrcMode, Unit};
use serde::Deserialize;

use super::sources::{Place, interval_seconds, parse_seconds};
use crate::source::{Backfill, Hj212Settings, LoggerSettings};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHj212 {
    listen: String,
    mn: Option<String>,
    loggers: Option<PathBuf>,
    crc: Option<String>,
    command: Option<u16>,
    #[serde(default)]
    units: BTreeMap<String, String>,
    backfill: Option<String>,
    interval: Option<String>,
}

/// A line of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLogger {
    device: String,
    command: Option<u16>,
    units: Option<BTreeMap<String, String>>,
}

/// What a source says of its loggers, or what is wrong with it.
pub(super) fn resolve(raw: RawHj212, place: &Place<'_>) -> Result<Hj212Settings, String> {
    if raw.mn.is_some() && raw.loggers.is_some() {
        return Err("mn is for one logger, loggers for a list of them: leave one out".to_owned());
    }
    let mut settings = Hj212Settings {
        listen: raw
            .listen
            .parse()
            .map_err(|_| format!("listen {:?} is not an address like 0.0.0.0:9212", raw.listen))?,
        mn: raw.mn,
        loggers: None,
        crc: raw.crc.map_or(Ok(CrcMode::Spec), |crc| {
            crc.parse().map_err(|what| format!("crc {what}"))
        })?,
        command: command_of(raw.command.unwrap_or(2011))?,
        units: units_of(raw.units)?,
        backfill: backfill(raw.backfill, raw.interval)?,
    };
    if settings.backfill.is_some() && settings.mn.is_none() && raw.loggers.is_none() {
        return Err("backfill needs mn or loggers: without them loggers are not told apart".to_owned());
    }
    if let Some(file) = raw.loggers {
        settings.loggers = Some(list(&(place.beside)(&file), &settings)?);
    }
    Ok(settings)
}

/// The loggers of a file, by MN; each has what the source says where it says nothing of its own.
fn list(file: &std::path::Path, usual: &Hj212Settings) -> Result<BTreeMap<String, LoggerSettings>, String> {
    let raw: BTreeMap<String, RawLogger> = load_toml(file).map_err(|error| error.to_string())?;
    if raw.is_empty() {
        return Err(format!("{}: no logger is in it", file.display()));
    }
    let mut devices = BTreeSet::new();
    let mut loggers = BTreeMap::new();
    for (mn, raw) in raw {
        let fault = |what: String| format!("{}: {mn}: {what}", file.display());
        let device = DeviceId::new(&raw.device).map_err(|error| fault(error.to_string()))?;
        if !devices.insert(raw.device) {
            return Err(fault(format!("device {device} is another logger's already")));
        }
        let logger = LoggerSettings {
            device,
            command: raw.command.map_or(Ok(usual.command), command_of).map_err(fault)?,
            units: match raw.units {
                None => usual.units.clone(),
                Some(units) => units_of(units).map_err(fault)?,
            },
        };
        loggers.insert(mn, logger);
    }
    Ok(loggers)
}

fn backfill(reach: Option<String>, interval: Option<String>) -> Result<Option<Backfill>, String> {
    let interval = Duration::from_secs(u64::from(interval_seconds(interval)?));
    let Some(reach) = reach else {
        return Ok(None);
    };
    let seconds = parse_seconds(&reach);
    let seconds = seconds.ok_or_else(|| format!("backfill {reach:?} is not a length like 12h or 2d"))?;
    Ok(Some(Backfill {
        interval,
        reach: Duration::from_secs(seconds),
    }))
}

fn command_of(number: u16) -> Result<Command, String> {
    Command::of_data(number).map_err(|what| format!("command {what}"))
}

fn units_of(raw: BTreeMap<String, String>) -> Result<BTreeMap<String, Unit>, String> {
    let units = raw.into_iter().map(|(factor, unit)| match unit.parse() {
        Ok(unit) => Ok((factor, unit)),
        Err(error) => Err(format!("units.{factor}: {error}")),
    });
    units.collect()
}
