//! `[[switch]]`: relays that follow what is observed.

use std::time::Duration;

use dustwatch_observation::ParameterSet;
use serde::Deserialize;

use super::sources::{SourceSettings, parse_seconds};
use crate::switch::{Rule, SwitchSettings};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSwitch {
    parameter: String,
    window: Option<String>,
    on_above: f64,
    off_below: Option<f64>,
    min_run: Option<String>,
    source: usize,
    unit: u8,
    coil: u16,
    report_as: Option<String>,
}

/// A switch, or what is wrong with it.
pub(super) fn resolve(
    raw: RawSwitch,
    sources: &[SourceSettings],
    parameters: &ParameterSet,
) -> Result<SwitchSettings, String> {
    let parameter = |key: &str| {
        let known = || parameters.iter().map(|(_, p)| p.key.as_str()).collect::<Vec<_>>();
        let found = parameters.find(key);
        found.ok_or_else(|| format!("{key}: no such parameter; there are {}", known().join(", ")))
    };
    let length = |name: &str, text: Option<&str>, usual: u64| match text {
        None => Ok(Duration::from_secs(usual)),
        Some(text) => parse_seconds(text)
            .map(Duration::from_secs)
            .ok_or_else(|| format!("{name} {text:?} is not a length like 30s or 15m")),
    };
    let off_below = raw.off_below.unwrap_or(raw.on_above);
    if !(raw.on_above.is_finite() && off_below.is_finite()) || off_below > raw.on_above {
        return Err("off_below must not be above on_above".to_owned());
    }
    let source = raw.source.checked_sub(1);
    let source = source.filter(|at| matches!(sources.get(*at), Some(SourceSettings::Modbus(_))));
    let source = source.ok_or_else(|| format!("source {} is no modbus source", raw.source))?;
    if !(1..=247).contains(&raw.unit) {
        return Err(format!("unit {} is not an address from 1 to 247", raw.unit));
    }
    Ok(SwitchSettings {
        parameter: parameter(&raw.parameter)?,
        rule: Rule {
            window: length("window", raw.window.as_deref(), 15 * 60)?,
            on_above: raw.on_above,
            off_below,
            min_run: length("min_run", raw.min_run.as_deref(), 5 * 60)?,
        },
        source,
        unit: raw.unit,
        coil: raw.coil,
        report_as: raw.report_as.as_deref().map(parameter).transpose()?,
    })
}
