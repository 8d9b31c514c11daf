//! One monitor: its site, its own noises, and what it reads in a given air.

use dustwatch_config::{Station, StationKind};
use dustwatch_observation::{Decimal, Flag, Observation, ParameterId, ParameterSet, Reading};

use super::noise::Noise;
use super::sky::{Activity, Air};
use crate::random::{Random, key, text_key};

/// The keys of what a simulated monitor measures, in the order of [`Values`].
pub(super) const KEYS: [&str; 9] = [
    "tsp",
    "pm10",
    "pm25",
    "noise",
    "temperature",
    "humidity",
    "pressure",
    "wind_speed",
    "wind_direction",
];
const DIRECTION: usize = 8;

/// What a monitor reads, in the order of [`KEYS`] and in the units of `parameters.toml`.
pub(super) type Values = [f64; KEYS.len()];

/// Where in an observation each value goes; a parameter that the set lacks has no slot.
#[derive(Debug, Clone)]
pub(super) struct Slots([Option<Slot>; KEYS.len()]);

#[derive(Debug, Clone, Copy)]
struct Slot {
    id: ParameterId,
    places: u8,
    power: f64,
}

impl Slots {
    pub(super) fn new(parameters: &ParameterSet) -> Self {
        Self(KEYS.map(|key| {
            let id = parameters.find(key)?;
            let places = parameters.get(id).decimals;
            Some(Slot {
                id,
                places,
                power: 10f64.powi(places.into()),
            })
        }))
    }

    /// Writes the values, with each parameter's places, all with flag N.
    pub(super) fn write(&self, values: &Values, observation: &mut Observation) {
        for (index, (slot, value)) in self.0.iter().zip(values).enumerate() {
            let Some(slot) = slot else { continue };
            let mut mantissa = (value * slot.power).round() as i64;
            if index == DIRECTION {
                mantissa = mantissa.rem_euclid((360.0 * slot.power) as i64);
            }
            let value = Some(Decimal::new(mantissa, slot.places));
            *observation.reading_mut(slot.id) = Reading {
                value,
                flag: Flag::Normal,
            };
        }
    }

    /// Flags one value, and takes it away if `missing`.
    pub(super) fn spoil(&self, index: usize, flag: Flag, missing: bool, observation: &mut Observation) {
        if let Some(slot) = self.0.get(index).copied().flatten() {
            let reading = observation.reading_mut(slot.id);
            reading.flag = flag;
            if missing {
                reading.value = None;
            }
        }
    }
}

/// A monitor's constants and noises.
#[derive(Debug, Clone)]
pub(super) struct Monitor {
    pub(super) station: Station,
    pub(super) key: u64,
    fine: [Noise; 2],
    coarse: Noise,
    /// Deviation of the sensor, as a factor on dust.
    sensor: f64,
    /// Coarse dust in µg/m³ when nobody works, and what work and traffic add to it.
    still: f64,
    work: f64,
    traffic: f64,
    noise_base: f64,
    /// Metres above the sea.
    altitude: f64,
    pressure_factor: f64,
    turn: f64,
}

impl Monitor {
    pub(super) fn new(station: &Station, seed: u64) -> Self {
        let own = text_key(seed, station.device.as_str());
        let mut random = Random::new(key(own, 1));
        let (still, work, traffic, noise_base) = match station.kind {
            StationKind::Township => (16.0, 8.0, 10.0, 46.0),
            StationKind::Site => (24.0, 75.0, 8.0, 50.0),
            StationKind::Road => (20.0, 10.0, 45.0, 54.0),
            StationKind::Reference => (10.0, 4.0, 5.0, 42.0),
        };
        let dirty = station.kind == StationKind::Site && random.unit() < 0.12;
        let dirt = if dirty {
            random.between(2.2, 3.2)
        } else {
            random.between(0.75, 1.3)
        };
        // The hills rise westwards of the plain, as the Western Hills do.
        let west = station.lon.map_or(0.0, |lon| (116.12 - lon).clamp(0.0, 1.0));
        let altitude = 50.0 + 1400.0 * west + random.between(0.0, 40.0);
        Self {
            station: station.clone(),
            key: own,
            fine: [Noise::new(key(own, 2), 3 * 3600), Noise::new(key(own, 3), 1200)],
            coarse: Noise::new(key(own, 4), 2400),
            sensor: random.between(0.93, 1.07),
            still: still * dirt.min(1.5),
            work: work * dirt,
            traffic: traffic * dirt.min(1.5),
            noise_base: noise_base + random.between(-2.0, 3.0),
            altitude,
            pressure_factor: (-altitude / 8430.0).exp(),
            turn: random.between(-25.0, 25.0),
        }
    }

    /// What it reads at a local second since 1970.
    pub(super) fn read(&mut self, second: i64, air: &Air, activity: Activity) -> Values {
        let mut random = Random::new(key(self.key, second.cast_unsigned()));
        let temperature = air.temperature - 0.0065 * (self.altitude - 50.0) + 0.15 * random.normal();
        let humidity = (air.humidity + 0.8 * random.normal()).clamp(8.0, 100.0);
        let wind = (air.ln_wind + 0.25 * random.normal()).exp();
        let [slow, quick] = &mut self.fine;
        let level = air.ln_pm25 + 0.12 * slow.at(second) + 0.05 * quick.at(second) + 0.03 * random.normal();
        let pm25 = self.sensor * (level - 0.000_25 * (self.altitude - 50.0)).exp()
            + 0.02 * self.work * activity.work;
        // Dry ground and wind raise coarse dust; rain-wet air keeps it down.
        let raised = (1.35 - humidity / 130.0) * (0.75 + 0.09 * wind.min(8.0));
        let gust = (0.22 * self.coarse.at(second) + 0.08 * random.normal()).exp();
        let coarse = self.still + self.work * activity.work + self.traffic * activity.traffic;
        let coarse = (self.sensor * coarse * raised * gust).max(1.0);
        let pm10 = pm25 + coarse;
        let tsp = pm10 + (0.55 * pm25 * 0.5 + 0.95 * coarse * (1.0 + 0.05 * random.normal())).max(1.0);
        let loud = 9.0 * activity.work * (self.work / (self.work + 30.0)) + 11.0 * activity.traffic;
        [
            tsp,
            pm10,
            pm25,
            self.noise_base + loud + 1.6 * random.normal(),
            temperature,
            humidity,
            air.pressure * self.pressure_factor + 0.01 * random.normal(),
            wind,
            (air.wind_from + self.turn + 14.0 * random.normal()).rem_euclid(360.0),
        ]
    }
}
