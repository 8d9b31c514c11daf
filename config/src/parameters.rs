//! `parameters.toml`: what can be measured, in which unit, to which resolution.

use std::path::Path;

use dustwatch_observation::{Decimal, Parameter, ParameterSet};
use serde::Deserialize;

use crate::ConfigError;
use crate::error::toml_error;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    parameter: Vec<RawParameter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawParameter {
    key: String,
    name: String,
    #[serde(default)]
    name_en: Option<String>,
    unit: String,
    decimals: u8,
    #[serde(default)]
    published_decimals: u8,
    #[serde(default = "twenty")]
    day_min_hours: u8,
    #[serde(default)]
    min: Option<f64>,
    #[serde(default)]
    max: Option<f64>,
}

fn twenty() -> u8 {
    20
}

/// The parameters that a text in the form of `parameters.toml` describes; the path is for messages only.
pub(crate) fn parse(file: &Path, text: &str) -> Result<ParameterSet, ConfigError> {
    let raw: RawFile = toml::from_str(text).map_err(|e| toml_error(file, text, &e))?;
    let value_error = |key: String, message: String| ConfigError::Value {
        origin: file.display().to_string(),
        key,
        message,
    };
    let mut list = Vec::with_capacity(raw.parameter.len());
    for p in raw.parameter {
        if !(1..=24).contains(&p.day_min_hours) {
            return Err(value_error(
                format!("{}.day_min_hours", p.key),
                "must be 1 to 24".to_owned(),
            ));
        }
        let bound = |name: &str, value: Option<f64>| {
            value
                .map(|v| Decimal::from_f64(v, 6))
                .transpose()
                .map_err(|e| value_error(format!("{}.{name}", p.key), e.to_string()))
        };
        list.push(Parameter {
            min: bound("min", p.min)?,
            max: bound("max", p.max)?,
            name_en: p.name_en.unwrap_or_else(|| p.name.clone()),
            key: p.key,
            name: p.name,
            unit: p.unit,
            decimals: p.decimals,
            published_decimals: p.published_decimals,
            day_min_hours: p.day_min_hours,
        });
    }
    ParameterSet::new(list).map_err(|e| value_error("parameter".to_owned(), e.to_string()))
}
