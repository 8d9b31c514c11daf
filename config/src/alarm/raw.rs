//! A set of rules as its file writes it.
//!
//! Next: [`super::AlarmSettings`] chooses among the sets. Every complaint names the file, the rule and the key.

use std::path::Path;

use dustwatch_observation::Decimal;
use serde::Deserialize;

use super::{AlarmLevel, AlarmRule, AlarmSet, Background, Compare, WindowMean};
use crate::error::{read, toml_error};
use crate::{ConfigError, StationKind, builtin};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSet {
    region: String,
    name: String,
    name_en: String,
    source: String,
    #[serde(default)]
    verified: bool,
    rule: Vec<RawRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    key: String,
    level: Option<String>,
    parameter: String,
    minutes: u32,
    mean: Option<String>,
    compare: Option<String>,
    background: Option<String>,
    background_cap: Option<toml::Value>,
    limit: toml::Value,
    intervals: Option<u32>,
    allowed_a_day: Option<u32>,
    min_percent: Option<u32>,
    humidity_max: Option<u32>,
    from_hour: Option<u32>,
    to_hour: Option<u32>,
    kinds: Option<Vec<String>>,
}

/// The built-in sets and those of a folder; one of the folder replaces the built-in one of its region.
pub(super) fn sets(
    folder: Option<&Path>,
    is_parameter: &dyn Fn(&str) -> bool,
) -> Result<Vec<AlarmSet>, ConfigError> {
    let mut sets = Vec::new();
    for (name, text) in builtin::ALARMS {
        // A district may have other parameters than the built-in one: what it cannot measure it cannot choose.
        let set = parse(&Path::new("built-in alarms").join(name), text, &|_| true)?;
        if set.rules.iter().all(|rule| is_parameter(&rule.parameter)) {
            sets.push(set);
        }
    }
    for file in folder.map_or_else(|| Ok(Vec::new()), crate::ledgers::files)? {
        let set = parse(&file, &read(&file)?, is_parameter)?;
        sets.retain(|other| other.region != set.region);
        sets.push(set);
    }
    sets.sort_by(|a, b| a.region.cmp(&b.region));
    Ok(sets)
}

fn parse(file: &Path, text: &str, is_parameter: &dyn Fn(&str) -> bool) -> Result<AlarmSet, ConfigError> {
    let raw: RawSet = toml::from_str(text).map_err(|e| toml_error(file, text, &e))?;
    let mut rules: Vec<AlarmRule> = Vec::new();
    for rule in raw.rule {
        let key = rule.key.clone();
        let complain = |field: &str, message: String| ConfigError::Value {
            origin: file.display().to_string(),
            key: format!("rule {key:?}: {field}"),
            message,
        };
        if rules.iter().any(|other| other.key == key) {
            return Err(complain("key", "is there twice".to_owned()));
        }
        rules.push(resolve_rule(rule, is_parameter).map_err(|(field, message)| complain(field, message))?);
    }
    Ok(AlarmSet {
        region: raw.region,
        name: raw.name,
        name_en: raw.name_en,
        source: raw.source,
        verified: raw.verified,
        rules,
    })
}

type Fault = (&'static str, String);

fn resolve_rule(raw: RawRule, is_parameter: &dyn Fn(&str) -> bool) -> Result<AlarmRule, Fault> {
    if !is_parameter(&raw.parameter) {
        return Err((
            "parameter",
            format!("{:?} is not in parameters.toml", raw.parameter),
        ));
    }
    if raw.minutes == 0 || 60 % raw.minutes != 0 {
        return Err(("minutes", format!("{} does not divide an hour", raw.minutes)));
    }
    let within = |field: &'static str, value: u32, low: u32, high: u32| match value {
        value if (low..=high).contains(&value) => Ok(value),
        _ => Err((field, format!("must be {low} to {high}"))),
    };
    let limit = decimal("limit", &raw.limit)?;
    if limit.mantissa() <= 0 {
        return Err(("limit", "must be above 0".to_owned()));
    }
    let hours = match (raw.from_hour, raw.to_hour) {
        (None, None) => None,
        (Some(from), Some(to)) if from == to => return Err(("to_hour", "is from_hour too".to_owned())),
        (Some(from), Some(to)) => Some((within("from_hour", from, 0, 23)?, within("to_hour", to, 0, 24)?)),
        _ => return Err(("from_hour", "from_hour and to_hour go together".to_owned())),
    };
    Ok(AlarmRule {
        level: word(
            "level",
            raw.level.as_deref(),
            &[("alarm", AlarmLevel::Alarm), ("severe", AlarmLevel::Severe)],
        )?,
        mean: word(
            "mean",
            raw.mean.as_deref(),
            &[
                ("arithmetic", WindowMean::Arithmetic),
                ("energy", WindowMean::Energy),
            ],
        )?,
        compare: compare(&raw)?,
        limit,
        intervals: within("intervals", raw.intervals.unwrap_or(1), 1, 60 / raw.minutes * 24)?,
        allowed_a_day: within("allowed_a_day", raw.allowed_a_day.unwrap_or(0), 0, 1440)?,
        min_percent: within("min_percent", raw.min_percent.unwrap_or(75), 1, 100)?,
        humidity_max: raw
            .humidity_max
            .map(|max| within("humidity_max", max, 1, 100))
            .transpose()?,
        hours,
        kinds: kinds(raw.kinds)?,
        key: raw.key,
        parameter: raw.parameter,
        minutes: raw.minutes,
    })
}

fn compare(raw: &RawRule) -> Result<Compare, Fault> {
    let cap = raw
        .background_cap
        .as_ref()
        .map(|cap| decimal("background_cap", cap))
        .transpose()?;
    let scopes = [
        ("township", Background::Township),
        ("district", Background::District),
    ];
    let background = raw
        .background
        .as_deref()
        .map(|text| word("background", Some(text), &scopes))
        .transpose()?;
    let kind = word(
        "compare",
        raw.compare.as_deref(),
        &[("limit", 0), ("above_background", 1), ("times_background", 2)],
    )?;
    match (kind, background, cap) {
        (0, None, None) => Ok(Compare::Limit),
        (1, Some(of), cap) => Ok(Compare::AboveBackground(of, cap)),
        (2, Some(of), None) => Ok(Compare::TimesBackground(of)),
        (0, ..) => Err(("background", "is for comparisons with a background".to_owned())),
        (_, None, _) => Err(("background", "is missing: township or district".to_owned())),
        _ => Err(("background_cap", "is for above_background".to_owned())),
    }
}

fn kinds(words: Option<Vec<String>>) -> Result<Vec<StationKind>, Fault> {
    let words = words.unwrap_or_else(|| vec![StationKind::Site.as_str().to_owned()]);
    let kind = |text: &String| {
        StationKind::from_word(text).ok_or_else(|| ("kinds", format!("{text:?} is no kind of station")))
    };
    words.iter().map(kind).collect()
}

/// The meaning of a word out of a list; the first is the default.
fn word<T: Copy>(field: &'static str, text: Option<&str>, words: &[(&str, T)]) -> Result<T, Fault> {
    let Some(text) = text else { return Ok(words[0].1) };
    let found = words.iter().find(|(known, _)| *known == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
        (field, format!("{text:?} is none of {}", known.join(", ")))
    })
}

/// A number as it is written, 500 or 0.5 or "0.5".
fn decimal(field: &'static str, value: &toml::Value) -> Result<Decimal, Fault> {
    let text = match value {
        toml::Value::Integer(whole) => whole.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::String(text) => text.clone(),
        other => return Err((field, format!("{other} is no number"))),
    };
    Decimal::parse(text.as_bytes()).map_err(|error| (field, format!("{text:?}: {error}")))
}
