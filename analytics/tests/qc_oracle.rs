//! Quality control against other algorithms: random monitors, every flag of six tests found again, slowly and exactly.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::World;
use common::qc::{Chance, Seen, seen_at, tenths};
use common::time;
use dustwatch_analytics::QcRequest;
use dustwatch_observation::Flag;

const HOUR: i64 = 3_600_000_000;
const MINUTE: i64 = 60_000_000;
const WORLDS: u64 = 6;

/// Device, interval in microseconds, place on a line of latitude.
const MONITORS: [(&str, i64, &str); 6] = [
    ("a", HOUR, "39.90"),
    ("b", HOUR, "39.911"),
    ("c", HOUR, "39.93"),
    ("d", HOUR, "39.967"),
    ("e", HOUR, "40.01"),
    ("m", MINUTE, "39.905"),
];

/// What was said, in tenths: device, time and parameter to value; only what the device called normal.
type Said = BTreeMap<(String, i64, String), i64>;
type Found = BTreeSet<(String, i64, String)>;

async fn empty() -> World {
    let lines = MONITORS.map(|(device, interval, lat)| {
        let (kind, interval) = if interval == HOUR {
            ("township", "1h")
        } else {
            ("site", "1m")
        };
        format!("{device},{kind},t1,{interval},,{lat},116.1")
    });
    World::controlled(&lines.each_ref().map(String::as_str)).await
}

/// Two days and a half of hourly monitors, and five hours over midnight of one by the minute.
fn invented(chance: &mut Chance) -> Vec<Seen> {
    let start = time("2019-08-05T14:00:00+08:00").as_micros();
    let mut all = Vec::new();
    for (device, interval, _) in MONITORS {
        let (from, count) = if interval == HOUR {
            (start, 60)
        } else {
            (start + 8 * HOUR, 300)
        };
        let derived = device == "b";
        let mut last = [300, 500, 800];
        for i in 0..count {
            if chance.percent(6) {
                continue;
            }
            for value in &mut last {
                *value = match chance.below(100) {
                    0..35 => *value,
                    35..38 => 0,
                    38..44 => chance.below(9000),
                    _ => (*value + chance.below(400) - 200).abs(),
                };
            }
            if chance.percent(3) {
                last = [0; 3];
            }
            let mut values: Vec<(&str, i64)> = ["pm25", "pm10", "tsp"].into_iter().zip(last).collect();
            if derived {
                values[2].1 = (values[1].1 * 11 + 5) / 10 + chance.below(3);
            }
            values.retain(|_| !chance.percent(4));
            let texts: Vec<(&str, String)> =
                values.iter().map(|(key, value)| (*key, tenths(*value))).collect();
            let texts: Vec<(&str, &str)> = texts.iter().map(|(key, text)| (*key, text.as_str())).collect();
            let seen = seen_at(device, from + i * interval, &texts);
            all.push(if chance.percent(3) {
                seen.flagged(Flag::Fault)
            } else {
                seen
            });
        }
    }
    all
}

fn said(all: &[Seen]) -> Said {
    let mut out = Said::new();
    for seen in all {
        for (key, value, flag) in &seen.values {
            if flag.is_normal() {
                let value = value.replace('.', "").parse().unwrap();
                out.insert((seen.device.clone(), seen.time.as_micros(), key.clone()), value);
            }
        }
    }
    out
}

fn interval(device: &str) -> i64 {
    MONITORS.iter().find(|m| m.0 == device).unwrap().1
}

/// Local days since 1970; the district is eight hours ahead.
fn day(at: i64) -> i64 {
    (at + 8 * HOUR) / (24 * HOUR)
}

/// The series of a device and parameter: times and values.
fn series(said: &Said, device: &str, parameter: &str) -> Vec<(i64, i64)> {
    let of = said
        .iter()
        .filter(|(key, _)| key.0 == device && key.2 == parameter);
    of.map(|(key, value)| (key.1, *value)).collect()
}

fn each_series(said: &Said, mut f: impl FnMut(&str, &str, &[(i64, i64)])) {
    for (device, ..) in MONITORS {
        for parameter in ["pm25", "pm10", "tsp"] {
            f(device, parameter, &series(said, device, parameter));
        }
    }
}

/// From each value outwards, as far as the same value goes.
fn stuck(said: &Said) -> Found {
    let mut found = Found::new();
    each_series(said, |device, parameter, series| {
        let step = interval(device);
        for (i, (at, value)) in series.iter().enumerate() {
            let goes_on =
                |a: usize, b: usize| series[a].1 == series[b].1 && series[b].0 - series[a].0 <= 3 * step;
            let (mut first, mut last) = (i, i);
            while first > 0 && goes_on(first - 1, first) {
                first -= 1;
            }
            while last + 1 < series.len() && goes_on(last, last + 1) {
                last += 1;
            }
            let limit = if step == HOUR { 6 * HOUR } else { 60 * MINUTE };
            let covered = series[last].0 - series[first].0 + step;
            if *value != 0 && last - first + 1 >= 4 && covered >= limit {
                found.insert((device.to_owned(), *at, parameter.to_owned()));
            }
        }
    });
    found
}

/// Twice the median.
fn twice_median(mut values: Vec<i64>) -> i64 {
    values.sort_unstable();
    let n = values.len();
    values[(n - 1) / 2] + values[n / 2]
}

fn spikes(said: &Said) -> Found {
    let mut found = Found::new();
    each_series(said, |device, parameter, series| {
        let reach = 5 * interval(device);
        for (at, value) in series {
            let around = series.iter().filter(|(t, _)| (t - at).abs() <= reach);
            let around: Vec<i64> = around.map(|(_, v)| *v).collect();
            let middle2 = twice_median(around.clone());
            let spread4 = twice_median(around.iter().map(|v| (2 * v - middle2).abs()).collect());
            // In tenths: 200 µg/m³ are 2,000.
            let stands_out = 2 * (2 * value - middle2).abs() > (6 * spread4).max(4 * 2000);
            if around.len() >= 6 && stands_out {
                found.insert((device.to_owned(), *at, parameter.to_owned()));
            }
        }
    });
    found
}

/// The values of each observation.
fn observations(said: &Said) -> BTreeMap<(String, i64), BTreeMap<String, i64>> {
    let mut out: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for ((device, at, parameter), value) in said {
        out.entry((device.clone(), *at))
            .or_default()
            .insert(parameter.clone(), *value);
    }
    out
}

fn disordered(said: &Said) -> Found {
    let mut found = Found::new();
    for ((device, at), values) in observations(said) {
        for (small, large, slack) in [("pm25", "pm10", 50), ("pm10", "tsp", 100)] {
            if let (Some(part), Some(whole)) = (values.get(small), values.get(large))
                && part * 10 > whole * 11 + slack * 10
            {
                found.insert((device.clone(), at, small.to_owned()));
                found.insert((device.clone(), at, large.to_owned()));
            }
        }
    }
    found
}

/// The line by the means, what remains of it pair by pair.
fn computed_tsp(said: &Said) -> Found {
    let mut pairs: BTreeMap<(String, i64), Vec<(f64, f64)>> = BTreeMap::new();
    for ((device, at), values) in observations(said) {
        if let (Some(pm10), Some(tsp)) = (values.get("pm10"), values.get("tsp")) {
            pairs
                .entry((device, day(at)))
                .or_default()
                .push((*pm10 as f64 / 10.0, *tsp as f64 / 10.0));
        }
    }
    pairs.retain(|(device, _), pairs| {
        let n = pairs.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
        let (x, y) = (mean(|p| p.0), mean(|p| p.1));
        let slope = pairs.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>()
            / pairs.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>();
        let rest = pairs
            .iter()
            .map(|p| (p.1 - y - slope * (p.0 - x)).powi(2))
            .sum::<f64>();
        let spread = pairs.iter().map(|p| (p.1 - y).powi(2)).sum::<f64>();
        let expected = 24 * HOUR / interval(device);
        let is_full = pairs.len() as i64 * 100 >= expected * 75;
        is_full && (rest / n).sqrt() < 0.005 * y && (spread / n).sqrt() >= 0.05 * y
    });
    let of_tsp = said.keys().filter(|key| key.2 == "tsp");
    of_tsp
        .filter(|key| pairs.contains_key(&(key.0.clone(), day(key.1))))
        .cloned()
        .collect()
}

/// Hours of disagreement, outwards from each to both sides.
fn disagreeing(said: &Said) -> Found {
    let mut hours: BTreeMap<(String, String, i64), (i64, i64)> = BTreeMap::new();
    for ((device, at, parameter), value) in said {
        let hour = hours
            .entry((parameter.clone(), device.clone(), at / HOUR))
            .or_default();
        *hour = (hour.0 + value, hour.1 + 1);
    }
    let mean = |parameter: &str, device: &str, hour: i64| {
        let sum = hours.get(&(parameter.to_owned(), device.to_owned(), hour))?;
        Some(sum.0 as f64 / 10.0 / sum.1 as f64)
    };
    let score = |parameter: &str, device: &str, hour: i64| -> Option<f64> {
        let lat = |device: &str| -> f64 {
            MONITORS
                .iter()
                .find(|m| m.0 == device)
                .unwrap()
                .2
                .parse()
                .unwrap()
        };
        let mut others: Vec<&str> = MONITORS
            .iter()
            .filter(|m| m.0 != device && m.1 == interval(device))
            .map(|m| m.0)
            .collect();
        others.sort_by(|a, b| {
            let far = |other: &str| (lat(other) - lat(device)).abs();
            far(a).total_cmp(&far(b))
        });
        let mut near: Vec<f64> = others
            .iter()
            .filter_map(|o| mean(parameter, o, hour))
            .take(3)
            .collect();
        if near.len() < 3 {
            return None;
        }
        near.sort_by(f64::total_cmp);
        let mut far: Vec<f64> = near.iter().map(|v| (v - near[1]).abs()).collect();
        far.sort_by(f64::total_cmp);
        Some(0.6745 * (mean(parameter, device, hour)? - near[1]) / far[1].max(5.0))
    };
    let mut found = Found::new();
    for (parameter, device, hour) in hours.keys() {
        let Some(z) = score(parameter, device, *hour).filter(|z| z.abs() > 3.5) else {
            continue;
        };
        let goes_on = |hour: i64| {
            score(parameter, device, hour).is_some_and(|other| other.abs() > 3.5 && other * z > 0.0)
        };
        let before = (1..).take_while(|n| goes_on(hour - n)).count();
        let after = (1..).take_while(|n| goes_on(hour + n)).count();
        if before + 1 + after >= 3 {
            found.insert((device.clone(), hour * HOUR, parameter.clone()));
        }
    }
    found
}

fn all_zero(said: &Said) -> Found {
    let mut found = Found::new();
    for ((device, at), values) in observations(said) {
        if values.len() >= 2 && values.values().all(|value| *value == 0) {
            found.extend(
                values
                    .keys()
                    .map(|parameter| (device.clone(), at, parameter.clone())),
            );
        }
    }
    found
}

#[tokio::test]
async fn six_tests_find_what_slow_algorithms_find() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..WORLDS {
        let mut world = empty().await;
        let all = invented(&mut Chance(seed));
        let said = said(&all);
        world.watch(all).await;
        world.control().await;
        for (test, expected) in [
            ("q2", stuck(&said)),
            ("q3", spikes(&said)),
            ("q4", disordered(&said)),
            ("q5", computed_tsp(&said)),
            ("q6", disagreeing(&said)),
            ("q11", all_zero(&said)),
        ] {
            let found: Found = world.flagged(test).await.into_iter().collect();
            let missed: Vec<_> = expected.difference(&found).collect();
            let invented: Vec<_> = found.difference(&expected).collect();
            assert!(
                missed.is_empty() && invented.is_empty(),
                "{test}, seed {seed}: missed {missed:?}, without reason {invented:?}"
            );
            *counts.entry(test).or_default() += found.len();
        }
    }
    assert!(
        counts.len() == 6 && counts.values().all(|count| *count > 0),
        "some test had nothing to find: {counts:?}"
    );
}

#[tokio::test]
async fn flags_do_not_depend_on_the_order_in_which_observations_came() {
    for seed in 100..100 + WORLDS / 3 {
        let mut chance = Chance(seed);
        let all = invented(&mut chance);
        let mut at_once = empty().await;
        at_once.watch(all.clone()).await;
        at_once.control().await;
        let expected = at_once.all_flags().await;
        assert!(!expected.is_empty());

        // The same in five commits, each checked before the next.
        let mut piecemeal = empty().await;
        let mut parts: Vec<Vec<Seen>> = vec![Vec::new(); 5];
        for seen in all {
            parts[chance.below(5) as usize].push(seen);
        }
        for part in parts {
            piecemeal.watch(part).await;
            piecemeal.control().await;
        }
        assert_eq!(piecemeal.all_flags().await, expected, "seed {seed}");
        let again = piecemeal
            .control_by(QcRequest {
                rebuild: true,
                ..QcRequest::default()
            })
            .await;
        assert_eq!(
            again.changed_days, 0,
            "seed {seed}: running again changes nothing"
        );
        assert_eq!(again.flags as usize, expected.len());
    }
}
