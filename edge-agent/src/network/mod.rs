//! A network of monitors that nobody built, for demonstrations, loads and tests.
//!
//! Plausible rather than true: a background that all share and that changes over days; inversions at night, traffic in
//! the morning and evening, dust where people build; thinner air in the hills; and the usual troubles (silence, late
//! delivery, broken sensors, maintenance, things said twice). PM2.5 < PM10 < TSP always.
//!
//! Invariant: an observation is a function of seed, station and time alone, so runs that overlap in time agree
//! where they overlap, whenever they start.

mod episode;
mod feed;
mod invent;
mod monitor;
mod noise;
mod sky;

use std::ops::Range;
use std::sync::Arc;

use dustwatch_config::Station;
use dustwatch_observation::{ParameterSet, Time};

pub use feed::Feed;
pub use invent::{invent, stations_csv};

/// Whether things go wrong in a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Troubles {
    /// As often as with real monitors.
    #[default]
    Usual,
    /// Never: every monitor delivers everything in time and once.
    None,
}

/// The monitors of a network and the seed that everything follows from.
#[derive(Debug, Clone)]
pub struct Network {
    stations: Vec<Station>,
    parameters: Arc<ParameterSet>,
    offset_seconds: i32,
    seed: u64,
    troubles: Troubles,
}

impl Network {
    /// A network of these stations. `offset_seconds` is the local time's distance from UTC, eastwards positive.
    /// Of what a monitor measures, parameters that the set lacks are left out.
    pub fn new(stations: &[Station], parameters: Arc<ParameterSet>, offset_seconds: i32, seed: u64) -> Self {
        Self {
            stations: stations.to_vec(),
            parameters,
            offset_seconds,
            seed,
            troubles: Troubles::default(),
        }
    }

    /// The same network with another interval between observations, in seconds, for all stations.
    #[must_use]
    pub fn with_interval(mut self, seconds: u32) -> Self {
        for station in &mut self.stations {
            station.interval_seconds = seconds.max(1);
        }
        self
    }

    /// The same network with or without troubles.
    #[must_use]
    pub fn with_troubles(mut self, troubles: Troubles) -> Self {
        self.troubles = troubles;
        self
    }

    /// Its stations.
    pub fn stations(&self) -> &[Station] {
        &self.stations
    }

    /// The parameters that its observations are indexed by.
    pub fn parameters(&self) -> &Arc<ParameterSet> {
        &self.parameters
    }

    /// The local time's distance from UTC in seconds.
    pub fn offset_seconds(&self) -> i32 {
        self.offset_seconds
    }

    /// Everything that is observed from `span.start` up to and without `span.end`, in the order of delivery.
    pub fn feed(&self, span: Range<Time>) -> Feed {
        Feed::new(self, span)
    }

    /// About how many observations a span has: without troubles and moves, exactly.
    pub fn expected(&self, span: &Range<Time>) -> u64 {
        let seconds = span.end.as_micros().saturating_sub(span.start.as_micros()).max(0) as u64 / 1_000_000;
        self.stations
            .iter()
            .map(|s| seconds / u64::from(s.interval_seconds.max(1)))
            .sum()
    }
}

#[cfg(test)]
mod tests;
