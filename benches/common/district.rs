//! The simulated district: the built-in stations, as real as invented data can be.

use std::ops::Range;

use dustwatch_config::Settings;
use dustwatch_edge::network::{Network, Troubles};
use dustwatch_lake::LocalDays;
use dustwatch_observation::{Observation, Time};

/// Monday, the first day of 2019-W31.
pub(crate) const FIRST_DAY: &str = "2019-07-29T00:00:00+08:00";

const DAY: i64 = 86_400_000_000;
/// East of UTC.
pub(crate) const OFFSET_SECONDS: i32 = 8 * 3600;
const SEED: u64 = 110_109;

/// The network of its monitors.
pub(crate) fn network(settings: &Settings, troubles: Troubles) -> Network {
    let stations = settings.registry.stations();
    Network::new(stations, settings.parameters.clone(), OFFSET_SECONDS, SEED).with_troubles(troubles)
}

/// From the first day on, so many days.
pub(crate) fn span(days: u64) -> Range<Time> {
    let start = Time::parse_rfc3339(FIRST_DAY.as_bytes()).unwrap();
    start..start.plus_micros(days as i64 * DAY)
}

/// Some days of it, in the order of delivery.
pub(crate) fn simulate(settings: &Settings, days: u64, troubles: Troubles) -> Vec<Observation> {
    let network = network(settings, troubles);
    let mut feed = network.feed(span(days));
    let mut observation = Observation::new(settings.parameters.len());
    let mut all = Vec::new();
    while feed.next_into(&mut observation) {
        all.push(observation.clone());
    }
    all
}

/// Each observation once, sorted by local day, device and time, as the lake sorts.
pub(crate) fn sorted(settings: &Settings, mut all: Vec<Observation>) -> Vec<Observation> {
    let mut local = LocalDays::new(settings.district.timezone);
    all.sort_by_cached_key(|o| (local.day_of(o.time), o.device.clone(), o.time));
    all.dedup_by(|a, b| a.device == b.device && a.time == b.time);
    all
}
