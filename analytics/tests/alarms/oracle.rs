//! The rules once more, slowly: every window looked at by itself, exact fractions, no SQL.

use std::collections::{BTreeMap, BTreeSet};

use dustwatch_config::{AlarmRule, AlarmSettings, Background, Compare, StationKind, WindowMean};

use crate::MINUTE;

const DAY: i64 = 24 * 60 * MINUTE;
/// The district is eight hours east.
const EAST: i64 = 8 * 60 * MINUTE;

/// A monitor by the minute.
#[derive(Debug, Clone)]
pub(crate) struct Monitor {
    pub(crate) device: &'static str,
    pub(crate) kind: StationKind,
    pub(crate) township: &'static str,
}

/// What a monitor said: tenths of a parameter's unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    pub(crate) monitor: usize,
    pub(crate) micros: i64,
    pub(crate) tsp: Option<i64>,
    pub(crate) pm10: Option<i64>,
    pub(crate) humidity: Option<i64>,
    pub(crate) normal: bool,
}

/// A mean in tenths: sum and number.
#[derive(Debug, Clone, Copy)]
struct Mean(i128, i128);

impl Mean {
    fn unit(self) -> f64 {
        self.0 as f64 / self.1 as f64 / 10.0
    }
}

/// What the table has to say, from everything that was said.
pub(crate) fn alarms(settings: &AlarmSettings, monitors: &[Monitor], said: &[Said]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (_, rule) in settings.rules() {
        assert_eq!(
            rule.mean,
            WindowMean::Arithmetic,
            "the oracle knows exact means only"
        );
        for (at, monitor) in monitors.iter().enumerate() {
            if rule.kinds.contains(&monitor.kind) {
                lines.extend(of_monitor(rule, monitors, said, at));
            }
        }
    }
    lines.sort_by(|a, b| a.0.cmp(&b.0));
    lines
}

fn of_monitor(rule: &AlarmRule, monitors: &[Monitor], said: &[Said], at: usize) -> Vec<Line> {
    let width = i64::from(rule.minutes) * MINUTE;
    let starts: BTreeSet<i64> = said.iter().map(|s| s.micros.div_euclid(width) * width).collect();
    let mut exceeding: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
    let mut of_day: BTreeMap<i64, u32> = BTreeMap::new();
    for start in starts {
        let Some(mean) = window(rule, said, at, start) else {
            continue;
        };
        let Some(threshold) = threshold(rule, monitors, said, at, start) else {
            continue;
        };
        if mean.unit() - threshold <= 1e-9 {
            continue;
        }
        let count = of_day.entry(day(start)).or_default();
        *count += 1;
        if *count > rule.allowed_a_day {
            exceeding.insert(start, (mean.unit(), threshold));
        }
    }
    let mut lines = Vec::new();
    let windows: Vec<i64> = exceeding.keys().copied().collect();
    for stretch in windows.chunk_by(|a, b| a + width == *b) {
        if stretch.len() < rule.intervals as usize {
            continue;
        }
        for part in stretch.chunk_by(|a, b| day(*a) == day(*b)) {
            lines.push(line(
                rule,
                monitors[at].device,
                part,
                &exceeding,
                part[0] != stretch[0],
            ));
        }
    }
    lines
}

/// The mean of a monitor's window, if there is enough of it.
fn window(rule: &AlarmRule, said: &[Said], at: usize, start: i64) -> Option<Mean> {
    let end = start + i64::from(rule.minutes) * MINUTE;
    let mut mean = Mean(0, 0);
    for s in said
        .iter()
        .filter(|s| s.monitor == at && s.micros >= start && s.micros < end)
    {
        let value = if rule.parameter == "tsp" { s.tsp } else { s.pm10 };
        let humid = s
            .humidity
            .zip(rule.humidity_max)
            .is_some_and(|(h, max)| h > i64::from(max) * 10);
        if let Some(value) = value.filter(|_| s.normal && !humid) {
            mean = Mean(mean.0 + i128::from(value), mean.1 + 1);
        }
    }
    (mean.1 * 100 >= i128::from(rule.minutes) * i128::from(rule.min_percent)).then_some(mean)
}

fn threshold(rule: &AlarmRule, monitors: &[Monitor], said: &[Said], at: usize, start: i64) -> Option<f64> {
    let limit = rule.limit.to_f64();
    let level = |of: Background| {
        let beside = monitors.iter().enumerate().filter(|(_, m)| {
            m.kind == StationKind::Township
                && (of == Background::District || m.township == monitors[at].township)
        });
        let means: Vec<f64> = beside
            .filter_map(|(other, _)| window(rule, said, other, start).map(Mean::unit))
            .collect();
        (!means.is_empty()).then(|| means.iter().sum::<f64>() / means.len() as f64)
    };
    match &rule.compare {
        Compare::Limit => Some(limit),
        Compare::AboveBackground(of, cap) => {
            let cap = cap.map_or(f64::INFINITY, |cap| cap.to_f64());
            level(*of).map(|level| level.min(cap) + limit)
        }
        Compare::TimesBackground(of) => level(*of).map(|level| level * limit),
    }
}

/// An alarm as the test reads it back: what it is, and its peak, mean and threshold.
pub(crate) type Line = (String, [f64; 3]);

fn line(
    rule: &AlarmRule,
    device: &str,
    part: &[i64],
    exceeding: &BTreeMap<i64, (f64, f64)>,
    continued: bool,
) -> Line {
    let end = part[part.len() - 1] + i64::from(rule.minutes) * MINUTE;
    let mut peak = exceeding[&part[0]];
    for start in part {
        if exceeding[start].0 > peak.0 {
            peak = exceeding[start];
        }
    }
    let mean = part.iter().map(|start| exceeding[start].0).sum::<f64>() / part.len() as f64;
    let what = format!(
        "{device}|{}|{}|{}|{}|{continued}",
        rule.key,
        clock(part[0]),
        clock(end),
        part.len(),
    );
    (what, [peak.0, mean, peak.1])
}

fn day(micros: i64) -> i64 {
    (micros + EAST).div_euclid(DAY)
}

/// Day since 1970 and minute of it.
fn clock(micros: i64) -> String {
    let local = micros + EAST;
    format!("{}+{}", local.div_euclid(DAY), local.rem_euclid(DAY) / MINUTE)
}
