//! `[qc]`: which tests of quality control run, with which thresholds, and what becomes of a value that failed one.
//!
//! Next: analytics reads them as the SQL tables `qc_settings` and `qc_lists`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::ConfigError;
use crate::calibration::Calibrations;
use crate::resolve::Origin;

/// The tests that can be evaluated, in their order. `q10` compares averages that a device delivers with the mean of its
/// instantaneous values; no column tells the two apart, so it cannot.
pub const QC_TESTS: [&str; 10] = ["q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q11"];

/// Models of monitors that weigh light, not dust, in the built-in district and of widespread modules.
const LIGHT_SCATTERING: [&str; 5] = ["LS-TSP", "LS-PM", "SDS011", "PMS5003", "PMS7003"];
/// Townships of the built-in district that reach above 1,500 m.
const MOUNTAINS: [&str; 3] = ["110109105", "110109106", "110109107"];

/// `[qc]`: quality control. The defaults are the recommended ones of the field.
#[derive(Debug, Clone, PartialEq)]
pub struct QcSettings {
    /// The tests that run, of [`QC_TESTS`].
    pub tests: Vec<String>,
    /// Whether suspect values stay out of the statistics; invalid ones always do.
    pub exclude_suspect: bool,
    /// Their thresholds.
    pub thresholds: QcThresholds,
    /// The file of calibrations, if there is one.
    pub calibration_file: Option<PathBuf>,
    /// What it says.
    pub calibrations: Calibrations,
}

/// From where on a test fails.
#[derive(Debug, Clone, PartialEq)]
pub struct QcThresholds {
    /// Q1: lowest air pressure in kPa outside the mountains (80); in them it is `min` of `parameters.toml`.
    pub plain_pressure_min: f64,
    /// Q1: codes of townships in the mountains.
    pub mountain_townships: Vec<String>,
    /// Q2: minutes of one value that make a monitor with an hourly feed stuck (360).
    pub stuck_hourly_minutes: u32,
    /// Q2: minutes of one value that make any other monitor stuck (60).
    pub stuck_minutes: u32,
    /// Q2: parameters that are not tested.
    pub stuck_exempt: Vec<String>,
    /// Q3: how many times the median absolute deviation of its neighbours a spike stands out (6).
    pub spike_mad_factor: u32,
    /// Q3: how far it stands out at the least, in µg/m³ (200).
    pub spike_min: u32,
    /// Q4: percent by which a smaller size class may exceed a larger one (10).
    pub size_order_percent: u32,
    /// Q4: µg/m³ by which PM2.5 may exceed that besides (5).
    pub size_order_pm25: u32,
    /// Q4: µg/m³ by which PM10 may exceed that besides (10).
    pub size_order_pm10: u32,
    /// Q5: residual of TSP over its line on PM10, in percent of its mean, below which it was computed (0.5).
    pub derived_residual_percent: f64,
    /// Q6: modified z-score that a station must exceed (3.5).
    pub neighbour_z: f64,
    /// Q6: consecutive hours of it (3).
    pub neighbour_hours: u32,
    /// Q6: smallest deviation among the neighbours that is counted with, in µg/m³ (5).
    pub neighbour_min_deviation: f64,
    /// Q7: minutes that receipt may lie from the time of observation (10).
    pub clock_minutes: u32,
    /// Q8: hours after which what arrives is backfill (48).
    pub backfill_hours: u32,
    /// Q9: relative humidity in percent from which light scattering is not trusted (85).
    pub humid_percent: f64,
    /// Q9: whether such values are suspect; otherwise there is a note.
    pub humid_is_suspect: bool,
    /// Q9: models that measure by light scattering, as in `stations.csv`.
    pub light_scattering_models: Vec<String>,
    /// Q11: parameters that must all be zero (2).
    pub zeros_min_parameters: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawQc {
    tests: Option<Vec<String>>,
    suspect: Option<String>,
    plain_pressure_min: Option<f64>,
    mountain_townships: Option<Vec<String>>,
    stuck_hourly_minutes: Option<u32>,
    stuck_minutes: Option<u32>,
    stuck_exempt: Option<Vec<String>>,
    spike_mad_factor: Option<u32>,
    spike_min: Option<u32>,
    size_order_percent: Option<u32>,
    size_order_pm25: Option<u32>,
    size_order_pm10: Option<u32>,
    derived_residual_percent: Option<f64>,
    neighbour_z: Option<f64>,
    neighbour_hours: Option<u32>,
    neighbour_min_deviation: Option<f64>,
    clock_minutes: Option<u32>,
    backfill_hours: Option<u32>,
    humid_percent: Option<f64>,
    humid_level: Option<String>,
    light_scattering_models: Option<Vec<String>>,
    zeros_min_parameters: Option<u32>,
    calibration: Option<PathBuf>,
}

/// What names are checked against.
pub(crate) struct Known<'a> {
    pub(crate) is_parameter: &'a dyn Fn(&str) -> bool,
    pub(crate) is_township: &'a dyn Fn(&str) -> bool,
}

impl QcSettings {
    pub(crate) fn resolve(
        mut raw: RawQc,
        origin: &Origin<'_>,
        known: &Known<'_>,
    ) -> Result<Self, ConfigError> {
        let check = Check { origin };
        let calibration_file = raw.calibration.as_ref().map(|path| origin.beside(path));
        let calibrations = match &calibration_file {
            Some(file) => Calibrations::load(file, known.is_parameter)?,
            None => Calibrations::default(),
        };
        Ok(Self {
            tests: check.tests(raw.tests.take())?,
            exclude_suspect: check.word("suspect", raw.suspect.take(), "exclude", "include")?,
            thresholds: QcThresholds::resolve(raw, &check, known)?,
            calibration_file,
            calibrations,
        })
    }

    /// Every key of `[qc]` with the value in force, as `dustwatch.toml` would write it.
    pub fn describe(&self) -> Vec<(&'static str, String)> {
        let word = |is: bool, yes: &str, no: &str| if is { yes } else { no }.to_owned();
        let file = self.calibration_file.as_ref();
        let of = &self.thresholds;
        vec![
            ("tests", self.tests.join(" ")),
            ("suspect", word(self.exclude_suspect, "exclude", "include")),
            ("plain_pressure_min", of.plain_pressure_min.to_string()),
            ("mountain_townships", of.mountain_townships.join(" ")),
            ("stuck_hourly_minutes", of.stuck_hourly_minutes.to_string()),
            ("stuck_minutes", of.stuck_minutes.to_string()),
            ("stuck_exempt", of.stuck_exempt.join(" ")),
            ("spike_mad_factor", of.spike_mad_factor.to_string()),
            ("spike_min", of.spike_min.to_string()),
            ("size_order_percent", of.size_order_percent.to_string()),
            ("size_order_pm25", of.size_order_pm25.to_string()),
            ("size_order_pm10", of.size_order_pm10.to_string()),
            (
                "derived_residual_percent",
                of.derived_residual_percent.to_string(),
            ),
            ("neighbour_z", of.neighbour_z.to_string()),
            ("neighbour_hours", of.neighbour_hours.to_string()),
            ("neighbour_min_deviation", of.neighbour_min_deviation.to_string()),
            ("clock_minutes", of.clock_minutes.to_string()),
            ("backfill_hours", of.backfill_hours.to_string()),
            ("humid_percent", of.humid_percent.to_string()),
            ("humid_level", word(of.humid_is_suspect, "suspect", "note")),
            ("light_scattering_models", of.light_scattering_models.join(" ")),
            ("zeros_min_parameters", of.zeros_min_parameters.to_string()),
            (
                "calibration",
                file.map(|f| f.display().to_string()).unwrap_or_default(),
            ),
        ]
    }
}

impl QcThresholds {
    fn resolve(raw: RawQc, check: &Check<'_>, known: &Known<'_>) -> Result<Self, ConfigError> {
        let stuck_exempt = raw.stuck_exempt.unwrap_or_default();
        check.all(
            "stuck_exempt",
            &stuck_exempt,
            known.is_parameter,
            "parameters.toml",
        )?;
        let mountains = raw.mountain_townships;
        let named = mountains.as_deref().unwrap_or_default();
        check.all("mountain_townships", named, known.is_township, "townships.csv")?;
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        let models = raw.light_scattering_models;
        Ok(Self {
            plain_pressure_min: check.number("plain_pressure_min", raw.plain_pressure_min, 80.0, 120.0)?,
            mountain_townships: mountains.unwrap_or_else(|| words(&MOUNTAINS)),
            stuck_hourly_minutes: check.count(
                "stuck_hourly_minutes",
                raw.stuck_hourly_minutes,
                360,
                120..=1440,
            )?,
            stuck_minutes: check.count("stuck_minutes", raw.stuck_minutes, 60, 2..=1440)?,
            stuck_exempt,
            spike_mad_factor: check.count("spike_mad_factor", raw.spike_mad_factor, 6, 1..=1000)?,
            spike_min: check.count("spike_min", raw.spike_min, 200, 0..=100_000)?,
            size_order_percent: check.count("size_order_percent", raw.size_order_percent, 10, 0..=1000)?,
            size_order_pm25: check.count("size_order_pm25", raw.size_order_pm25, 5, 0..=100_000)?,
            size_order_pm10: check.count("size_order_pm10", raw.size_order_pm10, 10, 0..=100_000)?,
            derived_residual_percent: check.number(
                "derived_residual_percent",
                raw.derived_residual_percent,
                0.5,
                10.0,
            )?,
            neighbour_z: check.number("neighbour_z", raw.neighbour_z, 3.5, 1000.0)?,
            neighbour_hours: check.count("neighbour_hours", raw.neighbour_hours, 3, 1..=24)?,
            neighbour_min_deviation: check.number(
                "neighbour_min_deviation",
                raw.neighbour_min_deviation,
                5.0,
                1e5,
            )?,
            clock_minutes: check.count("clock_minutes", raw.clock_minutes, 10, 1..=600)?,
            backfill_hours: check.count("backfill_hours", raw.backfill_hours, 48, 1..=87_600)?,
            humid_percent: check.number("humid_percent", raw.humid_percent, 85.0, 100.0)?,
            humid_is_suspect: !check.word("humid_level", raw.humid_level, "note", "suspect")?,
            light_scattering_models: models.unwrap_or_else(|| words(&LIGHT_SCATTERING)),
            zeros_min_parameters: check.count(
                "zeros_min_parameters",
                raw.zeros_min_parameters,
                2,
                2..=256,
            )?,
        })
    }
}

/// Checks of single keys.
struct Check<'a> {
    origin: &'a Origin<'a>,
}

impl Check<'_> {
    fn error(&self, key: &str, message: String) -> ConfigError {
        self.origin.error(&format!("qc.{key}"), message)
    }

    fn tests(&self, tests: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
        let Some(named) = tests else {
            return Ok(QC_TESTS.map(str::to_owned).to_vec());
        };
        for test in &named {
            if test == "q10" {
                let why = "q10 cannot be evaluated: no column tells averages from instantaneous values";
                return Err(self.error("tests", why.to_owned()));
            }
            if !QC_TESTS.contains(&test.as_str()) {
                return Err(self.error("tests", format!("{test:?} is none of {}", QC_TESTS.join(", "))));
            }
        }
        let kept = QC_TESTS.iter().filter(|test| named.iter().any(|n| n == *test));
        Ok(kept.map(|test| (*test).to_owned()).collect())
    }

    fn all(
        &self,
        key: &str,
        names: &[String],
        is_known: &dyn Fn(&str) -> bool,
        file: &str,
    ) -> Result<(), ConfigError> {
        match names.iter().find(|name| !is_known(name)) {
            Some(name) => Err(self.error(key, format!("{name:?} is not in {file}"))),
            None => Ok(()),
        }
    }

    /// Whether the word is the first of two; it is when it is left out.
    fn word(&self, key: &str, word: Option<String>, first: &str, second: &str) -> Result<bool, ConfigError> {
        match word.as_deref() {
            None => Ok(true),
            Some(word) if word == first => Ok(true),
            Some(word) if word == second => Ok(false),
            Some(word) => Err(self.error(key, format!("{word:?} is none of {first}, {second}"))),
        }
    }

    fn count(
        &self,
        key: &str,
        value: Option<u32>,
        default: u32,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<u32, ConfigError> {
        let value = value.unwrap_or(default);
        if range.contains(&value) {
            Ok(value)
        } else {
            Err(self.error(key, format!("must be {} to {}", range.start(), range.end())))
        }
    }

    fn number(&self, key: &str, value: Option<f64>, default: f64, most: f64) -> Result<f64, ConfigError> {
        let value = value.unwrap_or(default);
        if value.is_finite() && value > 0.0 && value <= most {
            Ok(value)
        } else {
            Err(self.error(key, format!("must be above 0 and at most {most}")))
        }
    }
}
