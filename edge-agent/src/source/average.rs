//! The means of a reporting interval, from the samples of every source that speaks more often than is reported.
//!
//! Sources of one device share an interval and so make one observation of it, at its beginning; two observations of the same
//! time would be a correction of each other. Means are exact (GB/T 8170), but for what is no quantity to be summed: noise
//! levels are averaged by their energy, directions as vectors.
//!
//! Invariant: a mean of less than 75 % of the samples that should have come bears the flag of a broken link (HJ 212-2017,
//! table 8, B); a parameter without a sample has no value.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dustwatch_observation::{Decimal, Flag, Observation, ParameterId, ParameterSet, Rescaled, Time};
use tokio::sync::mpsc;

use super::Intake;
use crate::Shutdown;
use crate::health::Health;

/// Places that samples are summed in; no parameter has more.
const PLACES: u8 = 6;
/// Rounds of samples that may wait.
const QUEUE: usize = 64;

/// What a sensor said just now.
pub(crate) type Sample = (ParameterId, Decimal);

/// The way from a source to the means.
#[derive(Debug, Clone)]
pub(crate) struct Samples {
    sender: mpsc::Sender<Vec<Sample>>,
    health: Arc<Health>,
    source: usize,
}

impl Samples {
    /// The way, and its other end.
    pub(super) fn new(health: Arc<Health>) -> (Self, mpsc::Receiver<Vec<Sample>>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let samples = Self {
            sender,
            health,
            source: 0,
        };
        (samples, receiver)
    }

    /// The same, for a source.
    pub(super) fn of_source(&self, source: usize) -> Self {
        Self {
            source,
            ..self.clone()
        }
    }

    /// Hands samples over; `false` when nobody takes them any more.
    pub(super) async fn offer(&self, samples: Vec<Sample>) -> bool {
        if !samples.is_empty() {
            self.health.heard(self.source);
        }
        self.sender.send(samples).await.is_ok()
    }
}

/// What is averaged, and over what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Averaging {
    /// The reporting interval; divides an hour.
    pub(crate) interval_seconds: u32,
    /// Samples that an interval should bring, by parameter.
    pub(crate) expected: BTreeMap<ParameterId, u64>,
}

/// Averages until stopped. An interval that is not over then is not reported: the rest of it after a restart would replace it.
pub(super) async fn run(
    averaging: &Averaging,
    intake: &Intake,
    mut samples: mpsc::Receiver<Vec<Sample>>,
    mut shutdown: Shutdown,
) {
    let step = i64::from(averaging.interval_seconds) * 1_000_000;
    let mut interval = Interval::new(intake.clock.now().as_micros().div_euclid(step) * step);
    loop {
        // An interval ends by itself, even when every source has fallen silent.
        let heard = tokio::select! {
            heard = tokio::time::timeout(Duration::from_secs(1), samples.recv()) => heard,
            () = shutdown.requested() => return,
        };
        let start = intake.clock.now().as_micros().div_euclid(step) * step;
        if start != interval.start {
            let over = std::mem::replace(&mut interval, Interval::new(start));
            let silent = over.silent(averaging, &intake.parameters);
            if !silent.is_empty() {
                tracing::warn!(parameters = silent.join(","), "no sample came for an interval");
            }
            if !over.means.is_empty() && !intake.take(over.observation(averaging, &intake.parameters)).await {
                return;
            }
        }
        match heard {
            Err(_elapsed) => {}
            Ok(None) => return,
            Ok(Some(samples)) => {
                for (parameter, value) in samples {
                    interval.add(parameter, value, &intake.parameters);
                }
            }
        }
    }
}

/// An interval under way.
struct Interval {
    /// Its beginning, microseconds.
    start: i64,
    means: BTreeMap<ParameterId, Mean>,
}

impl Interval {
    fn new(start: i64) -> Self {
        Self {
            start,
            means: BTreeMap::new(),
        }
    }

    fn add(&mut self, parameter: ParameterId, value: Decimal, parameters: &ParameterSet) {
        let unit = parameters.get(parameter).unit.as_str();
        let mean = self.means.entry(parameter).or_insert_with(|| Mean::of_unit(unit));
        mean.add(value);
    }

    /// Keys of what should have come and did not.
    fn silent<'a>(&self, averaging: &Averaging, parameters: &'a ParameterSet) -> Vec<&'a str> {
        let missing = averaging
            .expected
            .keys()
            .filter(|id| !self.means.contains_key(id));
        missing.map(|id| parameters.get(*id).key.as_str()).collect()
    }

    fn observation(&self, averaging: &Averaging, parameters: &ParameterSet) -> Observation {
        let mut observation = Observation::new(parameters.len());
        observation.time = Time::from_micros(self.start);
        for (id, mean) in &self.means {
            let expected = averaging.expected.get(id).copied().unwrap_or(1);
            let reading = observation.reading_mut(*id);
            reading.value = mean.value(parameters.get(*id).decimals);
            reading.flag = match mean.count * 4 < expected * 3 {
                true => Flag::LinkError,
                false => Flag::Normal,
            };
        }
        observation
    }
}

/// A mean under way.
struct Mean {
    count: u64,
    sum: Sum,
}

enum Sum {
    /// Of a quantity, in millionths.
    Plain(i128),
    /// Of the energies of levels in dB, relative to that of 0 dB (GB 3096, 3.2: equivalent level).
    Energy(f64),
    /// Of unit vectors, east and north.
    Vector(f64, f64),
}

impl Mean {
    fn of_unit(unit: &str) -> Self {
        let sum = match unit {
            "dB" | "dB(A)" => Sum::Energy(0.0),
            "°" => Sum::Vector(0.0, 0.0),
            _ => Sum::Plain(0),
        };
        Self { count: 0, sum }
    }

    fn add(&mut self, value: Decimal) {
        match &mut self.sum {
            Sum::Plain(sum) => match value.rescale(PLACES) {
                Rescaled::Exact(millionths) | Rescaled::Rounded(millionths) => *sum += i128::from(millionths),
                // Not a value that any sensor has.
                Rescaled::Overflow => return,
            },
            Sum::Energy(sum) => *sum += 10_f64.powf(value.to_f64() / 10.0),
            Sum::Vector(east, north) => {
                let (sin, cos) = value.to_f64().to_radians().sin_cos();
                (*east, *north) = (*east + sin, *north + cos);
            }
        }
        self.count += 1;
    }

    /// The mean with so many places, half to even; none of nothing, and none of directions that cancel each other out.
    fn value(&self, decimals: u8) -> Option<Decimal> {
        let count = i128::from(self.count);
        match self.sum {
            _ if count == 0 => None,
            Sum::Plain(sum) => {
                let divisor = count * 10_i128.pow(u32::from(PLACES - decimals.min(PLACES)));
                let (whole, rest) = (sum.div_euclid(divisor), sum.rem_euclid(divisor));
                let up = rest * 2 > divisor || (rest * 2 == divisor && whole % 2 != 0);
                let digits = i64::try_from(whole + i128::from(up)).ok()?;
                Some(Decimal::new(digits, decimals.min(PLACES)))
            }
            Sum::Energy(sum) => Decimal::from_f64(10.0 * (sum / self.count as f64).log10(), decimals).ok(),
            Sum::Vector(east, north) => {
                if east.hypot(north) < 1e-6 * self.count as f64 {
                    return None;
                }
                let degrees = east.atan2(north).to_degrees().rem_euclid(360.0);
                let rounded = Decimal::from_f64(degrees, decimals).ok()?;
                Some(if rounded.to_f64() >= 360.0 {
                    Decimal::new(0, decimals)
                } else {
                    rounded
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use dustwatch_config::Settings;

    fn mean(unit: &str, decimals: u8, values: &[&str]) -> Option<String> {
        let mut mean = Mean::of_unit(unit);
        for value in values {
            mean.add(Decimal::parse(value.as_bytes()).unwrap());
        }
        mean.value(decimals).map(|value| value.to_string())
    }

    #[test]
    fn quantities_are_averaged_exactly_and_rounded_half_to_even() {
        assert_eq!(mean("µg/m³", 1, &[]), None);
        assert_eq!(mean("µg/m³", 1, &["35.2"]).unwrap(), "35.2");
        assert_eq!(mean("µg/m³", 1, &["35.2", "35.3"]).unwrap(), "35.2");
        assert_eq!(mean("µg/m³", 1, &["35.3", "35.4"]).unwrap(), "35.4");
        assert_eq!(mean("µg/m³", 1, &["35.2", "35.3", "35.3"]).unwrap(), "35.3");
        assert_eq!(mean("°C", 1, &["-0.1", "-0.2"]).unwrap(), "-0.2");
        assert_eq!(mean("°C", 1, &["-0.2", "-0.3"]).unwrap(), "-0.2");
        assert_eq!(mean("°C", 0, &["-0.5", "1.5", "0.5"]).unwrap(), "0");
    }

    #[test]
    fn directions_are_vectors_and_levels_are_energies() {
        let north = mean("°", 0, &["350", "10"]).unwrap();
        assert!(north == "0", "{north}");
        assert_eq!(mean("°", 0, &["80", "100"]).unwrap(), "90");
        assert_eq!(mean("°", 1, &["359.98"]).unwrap(), "0.0");
        assert_eq!(mean("°", 0, &["0", "180"]), None, "no direction");
        // Two equal sources of energy, one of them silent: 3 dB less.
        assert_eq!(mean("dB", 1, &["70", "0"]).unwrap(), "67.0");
        assert_eq!(mean("dB", 1, &["60", "60"]).unwrap(), "60.0");
    }

    #[test]
    fn less_than_three_quarters_bears_the_flag_of_a_broken_link() {
        let parameters = Settings::load(None).unwrap().parameters;
        let (tsp, pm10) = (parameters.find("tsp").unwrap(), parameters.find("pm10").unwrap());
        let averaging = Averaging {
            interval_seconds: 60,
            expected: BTreeMap::from([(tsp, 12), (pm10, 12)]),
        };
        let of = |count: usize| {
            let mut interval = Interval::new(0);
            for _ in 0..count {
                interval.add(tsp, Decimal::new(186, 0), &parameters);
            }
            assert_eq!(interval.silent(&averaging, &parameters), ["pm10"]);
            let observation = interval.observation(&averaging, &parameters);
            assert_eq!(observation.reading(pm10).value, None);
            observation.reading(tsp).flag
        };
        assert_eq!(of(8), Flag::LinkError);
        assert_eq!(of(9), Flag::Normal);
        assert_eq!(of(20), Flag::Normal);
    }
}
