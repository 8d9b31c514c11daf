//! `[alarm]` and `config/alarms/*.toml`: from when on dust or noise at a site is an alarm.
//!
//! Place on the way: analytics reads the rules as the SQL table `alarm_rules`; one evaluator asks them of what has just
//! come and of history. Rules come in sets, one file a region, and a district chooses sets by name, so that what is
//! decided elsewhere can be tried here.
//!
//! Invariants: a rule that exists has a window that divides an hour, a parameter of `parameters.toml`, and a background
//! exactly when it compares with one; the keys of the sets in force are distinct.

use std::path::PathBuf;

use dustwatch_observation::Decimal;
use serde::Deserialize;

use crate::resolve::Origin;
use crate::{ConfigError, StationKind};

mod raw;

/// `[alarm]`: which rules are in force, and who is told.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmSettings {
    /// The sets in force, in the order in which they were named.
    pub sets: Vec<AlarmSet>,
    /// Seconds between two looks at what has come, in `up` and `alarms watch` (10).
    pub every_seconds: u64,
    /// Whether alarms are published on a device's topic `…/alarm`.
    pub publish: bool,
    /// Where alarms are posted as JSON; nowhere when absent.
    pub webhook: Option<Webhook>,
}

/// The address of a webhook. What stands behind its host is a secret with most receivers, and is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook(String);

impl Webhook {
    /// Takes an address; the error does not repeat it, since it may be the secret without its scheme.
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        if url.starts_with("http://") || url.starts_with("https://") {
            Ok(Self(url.to_owned()))
        } else {
            Err("does not begin with http:// or https://")
        }
    }

    /// The whole address, to post to.
    pub fn address(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or_default();
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // A user and password before the host are no less secret.
        write!(
            f,
            "{scheme}://{}/***",
            host.rsplit('@').next().unwrap_or_default()
        )
    }
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// The rules of one region.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmSet {
    /// Its name, as `alarm.regions` says it.
    pub region: String,
    /// Name as printed.
    pub name: String,
    /// Name in English.
    pub name_en: String,
    /// The standard and clause, or that there is none.
    pub source: String,
    /// Whether the figures were checked against the text of the standard.
    pub verified: bool,
    /// Its rules.
    pub rules: Vec<AlarmRule>,
}

/// From when on something is an alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmRule {
    /// Key: the column `rule` of the table `alarms`.
    pub key: String,
    /// How bad it is.
    pub level: AlarmLevel,
    /// Key of the parameter.
    pub parameter: String,
    /// Minutes of a window; divides an hour.
    pub minutes: u32,
    /// How the values of a window become one.
    pub mean: WindowMean,
    /// What the mean is compared with.
    pub compare: Compare,
    /// The limit in the parameter's unit, or the factor of `times_background`. Above it is an exceedance.
    pub limit: Decimal,
    /// Windows in a row that must exceed.
    pub intervals: u32,
    /// Exceedances of a local day that are not counted.
    pub allowed_a_day: u32,
    /// Percent of the observations that the interval lets expect which a window needs.
    pub min_percent: u32,
    /// Relative humidity in percent above which an observation does not take part; an observation without one does.
    pub humidity_max: Option<u32>,
    /// First local hour in which windows count, and the hour before which they end; the night goes over midnight.
    pub hours: Option<(u32, u32)>,
    /// Kinds of stations that it is asked of.
    pub kinds: Vec<StationKind>,
}

/// How bad an alarm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmLevel {
    /// An exceedance.
    Alarm,
    /// An exceedance of a second, higher limit.
    Severe,
}

/// How the values of a window become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowMean {
    /// Their arithmetic mean.
    Arithmetic,
    /// Their energy mean, for levels in dB (equivalent continuous level, GB 3096-2008, 3.3).
    Energy,
}

/// What a window's mean is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Compare {
    /// The limit.
    Limit,
    /// The background plus the limit; a background above the cap counts as the cap.
    AboveBackground(Background, Option<Decimal>),
    /// The background times the limit.
    TimesBackground(Background),
}

/// Whose stations of kind `township` are the background, by the mean of their means in the same window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    /// Those of the township.
    Township,
    /// Those of the whole district.
    District,
}

impl AlarmLevel {
    /// The word in files and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            AlarmLevel::Alarm => "alarm",
            AlarmLevel::Severe => "severe",
        }
    }
}

impl WindowMean {
    /// The word in files and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            WindowMean::Arithmetic => "arithmetic",
            WindowMean::Energy => "energy",
        }
    }
}

impl Compare {
    /// The word in files and tables.
    pub fn as_str(&self) -> &'static str {
        match self {
            Compare::Limit => "limit",
            Compare::AboveBackground(..) => "above_background",
            Compare::TimesBackground(..) => "times_background",
        }
    }

    /// Whose background it is compared with.
    pub fn background(&self) -> Option<Background> {
        match self {
            Compare::Limit => None,
            Compare::AboveBackground(of, _) | Compare::TimesBackground(of) => Some(*of),
        }
    }
}

impl Background {
    /// The word in files and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Background::Township => "township",
            Background::District => "district",
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawAlarm {
    regions: Option<Vec<String>>,
    rules: Option<PathBuf>,
    every_seconds: Option<u64>,
    publish: Option<bool>,
    webhook: Option<String>,
}

/// The set that is in force unless others are named.
const DEFAULT_REGION: &str = "mentougou";

impl AlarmSettings {
    pub(crate) fn resolve(
        keys: RawAlarm,
        origin: &Origin<'_>,
        is_parameter: &dyn Fn(&str) -> bool,
    ) -> Result<Self, ConfigError> {
        let folder = keys.rules.map(|folder| origin.beside(&folder));
        let known = raw::sets(folder.as_deref(), is_parameter)?;
        let mut chosen: Vec<AlarmSet> = Vec::new();
        // A district that cannot measure what the default is about has no rules until it names some.
        let default = || {
            let is_default = |set: &&AlarmSet| set.region == DEFAULT_REGION;
            known
                .iter()
                .filter(is_default)
                .map(|set| set.region.clone())
                .collect()
        };
        for region in keys.regions.unwrap_or_else(default) {
            let set = known.iter().find(|set| set.region == region).ok_or_else(|| {
                let names: Vec<&str> = known.iter().map(|set| set.region.as_str()).collect();
                origin.error(
                    "alarm.regions",
                    format!("{region:?} is none of {}", names.join(", ")),
                )
            })?;
            let twice = set.rules.iter().map(|rule| &rule.key).find(|key| {
                let mut rules = chosen.iter().flat_map(|set| &set.rules);
                rules.any(|rule| rule.key == **key)
            });
            if let Some(key) = twice {
                let message = format!("rule {key:?} of {region} is in another of these sets too");
                return Err(origin.error("alarm.regions", message));
            }
            chosen.push(set.clone());
        }
        let every_seconds = keys.every_seconds.unwrap_or(10);
        if !(1..=3600).contains(&every_seconds) {
            return Err(origin.error("alarm.every_seconds", "must be 1 to 3600".to_owned()));
        }
        let webhook = keys.webhook.as_deref().map(Webhook::parse).transpose();
        let webhook = webhook.map_err(|message| origin.error("alarm.webhook", message.to_owned()))?;
        Ok(Self {
            sets: chosen,
            every_seconds,
            publish: keys.publish.unwrap_or(true),
            webhook,
        })
    }

    /// The rules in force, with the set of each.
    pub fn rules(&self) -> impl Iterator<Item = (&AlarmSet, &AlarmRule)> {
        self.sets
            .iter()
            .flat_map(|set| set.rules.iter().map(move |rule| (set, rule)))
    }

    /// Every key of `[alarm]` with the value in force.
    pub fn describe(&self) -> Vec<(&'static str, String)> {
        let regions: Vec<&str> = self.sets.iter().map(|set| set.region.as_str()).collect();
        vec![
            ("regions", regions.join(" ")),
            ("every_seconds", self.every_seconds.to_string()),
            ("publish", self.publish.to_string()),
            (
                "webhook",
                self.webhook.as_ref().map(Webhook::to_string).unwrap_or_default(),
            ),
        ]
    }
}
