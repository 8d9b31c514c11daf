//! The rules in force as SQL tables: `alarm_rules`, `alarm_rule_kinds`.
//!
//! Invariant: they say what the settings say, under the keys of `config/alarms/*.toml`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array};
use dustwatch_config::{AlarmRule, AlarmSet, Compare, Settings, StationKind};

use crate::AnalyticsError;
use crate::dimensions::{Columns, NamedTable, table, text};

/// The tables with their names.
pub(crate) fn tables(settings: &Settings) -> Result<Vec<NamedTable>, AnalyticsError> {
    Ok(vec![
        ("alarm_rules", table(rules(settings))?),
        ("alarm_rule_kinds", table(kinds(settings))?),
    ])
}

fn rules(settings: &Settings) -> Columns {
    let list: Vec<(&AlarmSet, &AlarmRule)> = settings.alarm.rules().collect();
    let words = |of: fn(&AlarmRule) -> &str| text(list.iter().map(|(_, rule)| Some(of(rule))));
    let of_set = |of: fn(&AlarmSet) -> &str| text(list.iter().map(|(set, _)| Some(of(set))));
    let wholes = |of: fn(&AlarmRule) -> Option<u32>| -> ArrayRef {
        let numbers = list.iter().map(|(_, rule)| of(rule).map(i64::from));
        Arc::new(numbers.collect::<Int64Array>())
    };
    let numbers = |of: fn(&AlarmRule) -> Option<f64>| -> ArrayRef {
        Arc::new(list.iter().map(|(_, rule)| of(rule)).collect::<Float64Array>())
    };
    let verified = list.iter().map(|(set, _)| Some(set.verified));
    vec![
        ("rule", words(|rule| &rule.key)),
        ("region", of_set(|set| &set.region)),
        ("level", words(|rule| rule.level.as_str())),
        ("parameter", words(|rule| &rule.parameter)),
        ("minutes", wholes(|rule| Some(rule.minutes))),
        ("mean", words(|rule| rule.mean.as_str())),
        ("compare", words(|rule| rule.compare.as_str())),
        ("limit", numbers(|rule| Some(rule.limit.to_f64()))),
        (
            "background",
            text(
                list.iter()
                    .map(|(_, rule)| rule.compare.background().map(|of| of.as_str())),
            ),
        ),
        (
            "background_cap",
            numbers(|rule| match &rule.compare {
                Compare::AboveBackground(_, cap) => cap.map(|cap| cap.to_f64()),
                _ => None,
            }),
        ),
        ("intervals", wholes(|rule| Some(rule.intervals))),
        ("allowed_a_day", wholes(|rule| Some(rule.allowed_a_day))),
        ("min_percent", wholes(|rule| Some(rule.min_percent))),
        ("humidity_max", wholes(|rule| rule.humidity_max)),
        ("from_hour", wholes(|rule| rule.hours.map(|(from, _)| from))),
        ("to_hour", wholes(|rule| rule.hours.map(|(_, to)| to))),
        ("source", of_set(|set| &set.source)),
        ("verified", Arc::new(verified.collect::<BooleanArray>())),
    ]
}

fn kinds(settings: &Settings) -> Columns {
    let pairs: Vec<(&str, StationKind)> = settings
        .alarm
        .rules()
        .flat_map(|(_, rule)| rule.kinds.iter().map(move |kind| (rule.key.as_str(), *kind)))
        .collect();
    vec![
        ("rule", text(pairs.iter().map(|pair| Some(pair.0)))),
        ("kind", text(pairs.iter().map(|pair| Some(pair.1.as_str())))),
    ]
}
