//! `calibration.toml`: what a model of monitor is known to read too high or too low, and how humid air is allowed for.
//!
//! What follows from it stands in columns of its own, beside what the device said, with the version of the file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::Deserialize;

use crate::ConfigError;
use crate::error::{read, toml_error};

/// Parameters that a humidity correction may be applied to. The formulas come from PM2.5 of smoke and of cities; coarse
/// mineral dust takes up no water to speak of, so TSP is not among them.
const HYGROSCOPIC: [&str; 2] = ["pm25", "pm10"];

/// κ of urban aerosol, where a file does not say another.
const KAPPA: f64 = 0.4;

/// The straight line that brings a model's readings to a reference: `slope` × reading + `offset`.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The model, as in `stations.csv`.
    pub model: String,
    /// The parameter.
    pub parameter: String,
    /// Its slope.
    pub slope: f64,
    /// Its offset, in the parameter's unit.
    pub offset: f64,
    /// First local day that it holds for; open when absent.
    pub valid_from: Option<NaiveDate>,
    /// Last local day; open when absent.
    pub valid_to: Option<NaiveDate>,
}

/// How the reading of a model is corrected for humid air.
#[derive(Debug, Clone, PartialEq)]
pub struct HumidityCorrection {
    /// The model, as in `stations.csv`.
    pub model: String,
    /// The parameter, `pm25` or `pm10`.
    pub parameter: String,
    /// The formula.
    pub method: HumidityMethod,
    /// κ, the hygroscopicity; used by κ-Köhler alone.
    pub kappa: f64,
    /// First local day that it holds for; open when absent.
    pub valid_from: Option<NaiveDate>,
    /// Last local day; open when absent.
    pub valid_to: Option<NaiveDate>,
}

/// The formulas; they stand in `analytics/sql/corrected.sql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HumidityMethod {
    /// The smoke map of the US EPA.
    Epa,
    /// Barkjohn's line.
    Barkjohn,
    /// κ-Köhler growth of the particles.
    KappaKoehler,
}

impl HumidityMethod {
    /// The word in the file and in the column `method`.
    pub fn as_str(self) -> &'static str {
        match self {
            HumidityMethod::Epa => "epa",
            HumidityMethod::Barkjohn => "barkjohn",
            HumidityMethod::KappaKoehler => "kappa_koehler",
        }
    }
}

/// What a `calibration.toml` says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Calibrations {
    /// The version that the file gives itself, with the CRC-32 of its text, since a change may forget to give another;
    /// empty without a file.
    pub version: String,
    /// Lines, by model and parameter; no two of one model and parameter hold on the same day.
    pub lines: Vec<Calibration>,
    /// Humidity corrections, likewise.
    pub humidity: Vec<HumidityCorrection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    version: String,
    #[serde(default)]
    calibration: Vec<RawLine>,
    #[serde(default)]
    humidity: Vec<RawHumidity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    model: String,
    parameter: String,
    slope: f64,
    offset: f64,
    valid_from: Option<String>,
    valid_to: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHumidity {
    model: String,
    parameter: String,
    method: HumidityMethod,
    kappa: Option<f64>,
    valid_from: Option<String>,
    valid_to: Option<String>,
}

impl Calibrations {
    pub(crate) fn load(file: &Path, is_parameter: &dyn Fn(&str) -> bool) -> Result<Self, ConfigError> {
        let text = read(file)?;
        let raw: RawFile = toml::from_str(&text).map_err(|e| toml_error(file, &text, &e))?;
        let check = Check {
            file: file.to_path_buf(),
            is_parameter,
        };
        if raw.version.trim().is_empty() {
            return Err(check.fault("version", "must not be empty"));
        }
        let mut out = Self {
            version: format!("{}-{:08x}", raw.version.trim(), crc32fast::hash(text.as_bytes())),
            ..Self::default()
        };
        let mut seen = Spans::default();
        for line in raw.calibration {
            out.lines.push(check.line(line, &mut seen)?);
        }
        let mut seen = Spans::default();
        for humidity in raw.humidity {
            out.humidity.push(check.humidity(humidity, &mut seen)?);
        }
        Ok(out)
    }
}

/// Days that entries of a model and parameter hold for.
type Spans = BTreeSet<(String, String, NaiveDate, NaiveDate)>;

/// Both ends of the time that an entry holds for.
type Validity = (Option<NaiveDate>, Option<NaiveDate>);

struct Check<'a> {
    file: PathBuf,
    is_parameter: &'a dyn Fn(&str) -> bool,
}

impl Check<'_> {
    fn fault(&self, key: &str, message: impl Into<String>) -> ConfigError {
        ConfigError::Value {
            origin: self.file.display().to_string(),
            key: key.to_owned(),
            message: message.into(),
        }
    }

    fn line(&self, raw: RawLine, seen: &mut Spans) -> Result<Calibration, ConfigError> {
        let key = format!("calibration of {} {}", raw.model, raw.parameter);
        if !(raw.slope.is_finite() && raw.slope > 0.0) {
            return Err(self.fault(&key, "slope must be above 0"));
        }
        if !raw.offset.is_finite() {
            return Err(self.fault(&key, "offset must be a number"));
        }
        let from_to = (raw.valid_from.as_deref(), raw.valid_to.as_deref());
        let (valid_from, valid_to) = self.validity(&key, &raw.model, &raw.parameter, from_to, seen)?;
        Ok(Calibration {
            model: raw.model,
            parameter: raw.parameter,
            slope: raw.slope,
            offset: raw.offset,
            valid_from,
            valid_to,
        })
    }

    fn humidity(&self, raw: RawHumidity, seen: &mut Spans) -> Result<HumidityCorrection, ConfigError> {
        let key = format!("humidity of {} {}", raw.model, raw.parameter);
        if !HYGROSCOPIC.contains(&raw.parameter.as_str()) {
            let only = HYGROSCOPIC.join(" and ");
            return Err(self.fault(&key, format!("the formulas hold for {only} only")));
        }
        let kappa = raw.kappa.unwrap_or(KAPPA);
        if !(kappa > 0.0 && kappa <= 2.0) {
            return Err(self.fault(&key, "kappa must be above 0 and at most 2"));
        }
        let from_to = (raw.valid_from.as_deref(), raw.valid_to.as_deref());
        let (valid_from, valid_to) = self.validity(&key, &raw.model, &raw.parameter, from_to, seen)?;
        Ok(HumidityCorrection {
            model: raw.model,
            parameter: raw.parameter,
            method: raw.method,
            kappa,
            valid_from,
            valid_to,
        })
    }

    fn validity(
        &self,
        key: &str,
        model: &str,
        parameter: &str,
        (from, to): (Option<&str>, Option<&str>),
        seen: &mut Spans,
    ) -> Result<Validity, ConfigError> {
        if model.trim().is_empty() {
            return Err(self.fault(key, "model must not be empty"));
        }
        if !(self.is_parameter)(parameter) {
            return Err(self.fault(key, format!("{parameter:?} is not in parameters.toml")));
        }
        let day = |name: &str, text: Option<&str>| {
            let day = text.map(str::parse::<NaiveDate>).transpose();
            day.map_err(|_| self.fault(key, format!("{name} is not a date like 2019-08-01")))
        };
        let (from, to) = (day("valid_from", from)?, day("valid_to", to)?);
        let (first, last) = (from.unwrap_or(NaiveDate::MIN), to.unwrap_or(NaiveDate::MAX));
        if first > last {
            return Err(self.fault(key, "valid_to is before valid_from"));
        }
        let overlaps = seen
            .iter()
            .any(|(m, p, f, l)| m == model && p == parameter && *f <= last && first <= *l);
        if overlaps {
            return Err(self.fault(key, "two entries hold on the same day"));
        }
        seen.insert((model.to_owned(), parameter.to_owned(), first, last));
        Ok((from, to))
    }
}
