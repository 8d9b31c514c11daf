//! What an operator changes from afar: the payload of `…/config`, laid over `edge.toml`.
//!
//! ```json
//! {"id": "2026-08-01/3",
//!  "interval": "30s",
//!  "calibrate": {"tsp": {"slope": 1.08, "offset": -2.0}},
//!  "switch": {"1": {"on_above": 450, "off_below": 380}}}
//! ```
//!
//! Every key may be left out, and what is left out is as the file says: the payload is the whole difference, not a step. An
//! empty one takes all of it back. Nothing else can be changed: not where the agent publishes, nor what it runs.
//!
//! Invariant: what comes out is as consistent as what a file gives, or the reason why it would not be.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::sources::{averaging, interval_seconds, parse_seconds};
use super::{AgentSettings, RawLine, SourceSettings, lines};

/// Nobody needs more for this.
const MAX_BYTES: usize = 64 << 10;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRemote {
    /// A name of this change, told back.
    id: Option<String>,
    interval: Option<String>,
    #[serde(default)]
    calibrate: BTreeMap<String, RawLine>,
    /// By number, from 1.
    #[serde(default)]
    switch: BTreeMap<usize, RawThresholds>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawThresholds {
    on_above: f64,
    off_below: Option<f64>,
    min_run: Option<String>,
}

/// Settings with a change laid over them, and the change's name.
#[derive(Debug)]
pub(crate) struct Changed {
    pub(crate) settings: AgentSettings,
    pub(crate) id: Option<String>,
}

/// Lays a payload over the settings of the file; or says why that cannot be, with the key.
pub(crate) fn lay_over(file: &AgentSettings, payload: &[u8]) -> Result<Changed, String> {
    if payload.len() > MAX_BYTES {
        return Err(format!(
            "{} bytes are more than the {MAX_BYTES} of a change",
            payload.len()
        ));
    }
    let raw: RawRemote = match payload.trim_ascii() {
        b"" => RawRemote::default(),
        text => serde_json::from_slice(text).map_err(|error| error.to_string())?,
    };
    let mut settings = file.clone();
    if raw.interval.is_some() {
        let seconds = interval_seconds(raw.interval)?;
        for source in &mut settings.sources {
            set_interval(source, seconds)?;
        }
        settings.averaging = averaging(&settings.sources, &settings.device, &settings.parameters)
            .map_err(|(number, what)| format!("source {number}: {what}"))?;
    }
    let changed =
        lines(raw.calibrate, &settings.parameters).map_err(|(key, what)| format!("{key}: {what}"))?;
    settings.calibration = settings.calibration.with(changed);
    for (number, thresholds) in raw.switch {
        let count = settings.switches.len();
        let switch = number.checked_sub(1).and_then(|at| settings.switches.get_mut(at));
        let switch = switch.ok_or_else(|| format!("switch {number}: there are {count}, numbered from 1"))?;
        let off_below = thresholds.off_below.unwrap_or(thresholds.on_above);
        if !(thresholds.on_above.is_finite() && off_below <= thresholds.on_above) {
            return Err(format!("switch {number}: off_below must not be above on_above"));
        }
        (switch.rule.on_above, switch.rule.off_below) = (thresholds.on_above, off_below);
        if let Some(text) = thresholds.min_run {
            let seconds = parse_seconds(&text);
            let seconds = seconds
                .ok_or_else(|| format!("switch {number}: min_run {text:?} is not a length like 5m"))?;
            switch.rule.min_run = Duration::from_secs(seconds);
        }
    }
    Ok(Changed { settings, id: raw.id })
}

/// Loggers and programs have an interval of their own.
fn set_interval(source: &mut SourceSettings, seconds: u32) -> Result<(), String> {
    match source {
        SourceSettings::Uart(uart) => uart.interval_seconds = seconds,
        SourceSettings::Modbus(modbus) => {
            let poll = modbus.poll.as_secs();
            if !u64::from(seconds).is_multiple_of(poll) {
                return Err(format!(
                    "interval {seconds} s is no multiple of the {poll} s between two polls"
                ));
            }
            modbus.interval_seconds = seconds;
        }
        SourceSettings::Simulate { interval_seconds, .. } => *interval_seconds = seconds,
        SourceSettings::Exec { .. } | SourceSettings::Hj212(_) => {}
    }
    Ok(())
}
