#![allow(clippy::unwrap_used)]
use std::collections::{BTreeMap, HashMap, HashSet};

use dustwatch_config::Settings;
use dustwatch_observation::{Flag, Observation};

use super::*;

fn mentougou(seed: u64) -> Network {
    let settings = Settings::load(None).unwrap();
    Network::new(settings.registry.stations(), settings.parameters, 8 * 3600, seed)
}

fn time(text: &str) -> Time {
    Time::parse_rfc3339(text.as_bytes()).unwrap()
}

fn collect(network: &Network, from: &str, to: &str) -> Vec<Observation> {
    let mut feed = network.feed(time(from)..time(to));
    let mut out = Vec::new();
    let mut observation = Observation::default();
    while feed.next_into(&mut observation) {
        out.push(observation.clone());
    }
    out
}

fn value(network: &Network, observation: &Observation, key: &str) -> Option<f64> {
    let reading = observation.reading(network.parameters.find(key).unwrap());
    reading
        .value
        .filter(|_| reading.flag == Flag::Normal)
        .map(|v| v.to_f64())
}

#[test]
fn the_same_seed_gives_the_same_observations_and_another_does_not() {
    let (from, to) = ("2019-08-01T00:00:00+08:00", "2019-08-01T03:00:00+08:00");
    assert_eq!(collect(&mentougou(1), from, to), collect(&mentougou(1), from, to));
    assert_ne!(collect(&mentougou(1), from, to), collect(&mentougou(2), from, to));
}

#[test]
fn a_run_that_starts_later_agrees_with_one_that_started_before() {
    let network = mentougou(3).with_troubles(Troubles::None);
    let all = collect(&network, "2019-08-01T00:00:00+08:00", "2019-08-02T02:00:00+08:00");
    let late = collect(&network, "2019-08-01T22:30:00+08:00", "2019-08-02T02:00:00+08:00");
    assert_eq!(all[all.len() - late.len()..], late);
    let span = time("2019-08-01T22:30:00+08:00")..time("2019-08-02T02:00:00+08:00");
    assert_eq!(late.len() as u64, network.expected(&span));
}

#[test]
fn dust_is_consistent_and_everything_is_in_range() {
    let network = mentougou(5);
    for (from, to) in [
        ("2019-01-15T00:00:00+08:00", "2019-01-17T00:00:00+08:00"),
        ("2019-08-06T00:00:00+08:00", "2019-08-08T00:00:00+08:00"),
    ] {
        for o in collect(&network, from, to) {
            if let (Some(pm25), Some(pm10), Some(tsp)) = (
                value(&network, &o, "pm25"),
                value(&network, &o, "pm10"),
                value(&network, &o, "tsp"),
            ) {
                assert!(pm25 > 0.0 && pm25 < pm10 && pm10 < tsp, "{o:?}");
            }
            for (id, parameter) in network.parameters.iter() {
                let Some(value) = o.reading(id).value else {
                    continue;
                };
                assert_eq!(value.scale(), parameter.decimals);
                let value = value.to_f64();
                assert!(value >= parameter.min.unwrap().to_f64() && value <= parameter.max.unwrap().to_f64());
                assert!(parameter.key != "wind_direction" || value < 360.0);
            }
        }
    }
}

#[test]
fn troubles_happen_as_often_as_they_should_and_order_holds_per_device() {
    let network = mentougou(11);
    let (from, to) = ("2019-08-01T00:00:00+08:00", "2019-08-15T00:00:00+08:00");
    let all = collect(&network, from, to);
    let expected = network.expected(&(time(from)..time(to)));
    let mut last: HashMap<&str, Time> = HashMap::new();
    let mut distinct = HashSet::new();
    let (mut flagged, mut late, mut newest) = (0, 0, time(from));
    for o in &all {
        let before = last.insert(&o.device, o.time).unwrap_or(time(from));
        assert!(
            before <= o.time,
            "{} goes back from {before} to {}",
            o.device,
            o.time
        );
        distinct.insert((o.device.as_str(), o.time));
        flagged += u32::from(o.readings().iter().any(|r| !r.flag.is_normal()));
        late += u32::from(o.time.plus_micros(3_600_000_000) <= newest);
        newest = newest.max(o.time);
    }
    let (twice, missing) = (all.len() - distinct.len(), expected as usize - distinct.len());
    let share = |n: usize| n as f64 / expected as f64;
    assert!(share(twice) > 0.0002 && share(twice) < 0.001, "{twice} twice");
    assert!(
        share(missing) > 0.0005 && share(missing) < 0.02,
        "{missing} missing of {expected}"
    );
    assert!(
        flagged > 1000 && share(flagged as usize) < 0.03,
        "{flagged} flagged"
    );
    assert!(late > 500, "{late} late");
}

#[test]
fn neighbours_resemble_each_other_and_work_raises_dust() {
    let network = mentougou(7).with_troubles(Troubles::None).with_interval(600);
    let mut series: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let (mut day, mut night) = (Vec::new(), Vec::new());
    let site: HashSet<&str> = network
        .stations
        .iter()
        .filter(|s| s.kind == dustwatch_config::StationKind::Site)
        .map(|s| s.device.as_str())
        .collect();
    for o in collect(&network, "2019-08-05T00:00:00+08:00", "2019-08-10T00:00:00+08:00") {
        series
            .entry(o.device.clone())
            .or_default()
            .push(value(&network, &o, "pm25").unwrap());
        let hour = (o.time.as_micros() / 3_600_000_000 + 8) % 24;
        if site.contains(o.device.as_str()) {
            let coarse = value(&network, &o, "tsp").unwrap() - value(&network, &o, "pm25").unwrap();
            match hour {
                9..=11 => day.push(coarse),
                0..=3 => night.push(coarse),
                _ => {}
            }
        }
    }
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    assert!(
        mean(&day) > 2.0 * mean(&night),
        "day {} night {}",
        mean(&day),
        mean(&night)
    );
    let (a, b) = (&series["110109-DY-0001"], &series["110109-DY-0002"]);
    let (ma, mb) = (mean(a), mean(b));
    let cov: f64 = a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum();
    let (va, vb): (f64, f64) = (
        a.iter().map(|x| (x - ma).powi(2)).sum(),
        b.iter().map(|x| (x - mb).powi(2)).sum(),
    );
    let correlation = cov / (va * vb).sqrt();
    assert!(correlation > 0.7, "correlation {correlation}");
}

#[test]
fn invented_stations_are_named_and_listed() {
    let settings = Settings::load(None).unwrap();
    let stations = invent(&settings.district.code, settings.registry.townships(), 30, 60).unwrap();
    assert_eq!(stations[0].device.as_str(), "110109-SIM-0001");
    assert_eq!(stations_csv(&stations).lines().count(), 31);
    assert!(invent(&settings.district.code, &[], 1, 60).is_err());
}
