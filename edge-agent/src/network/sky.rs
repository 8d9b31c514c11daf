//! What all monitors of a network share: the season, the hour and the air mass.
//!
//! Computed once a tick for the region, then per township with a deviation of its own, so that neighbours resemble
//! each other more than strangers do.

use std::f64::consts::TAU;

use super::noise::Noise;
use crate::random::{key, text_key};

const DAY: i64 = 86_400;

/// The air over a township at one instant.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Air {
    /// Natural logarithm of the background of PM2.5 in µg/m³.
    pub(super) ln_pm25: f64,
    /// °C at 50 m above the sea.
    pub(super) temperature: f64,
    /// Relative humidity in %.
    pub(super) humidity: f64,
    /// kPa at sea level.
    pub(super) pressure: f64,
    /// Natural logarithm of the wind speed in m/s.
    pub(super) ln_wind: f64,
    /// Where the wind comes from, in degrees; not normalised.
    pub(super) wind_from: f64,
}

/// What people do at an instant, 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Activity {
    /// Work at construction sites.
    pub(super) work: f64,
    /// Traffic on roads.
    pub(super) traffic: f64,
}

/// The region's noises.
#[derive(Debug, Clone)]
pub(super) struct Region {
    level: [Noise; 2],
    temperature: [Noise; 2],
    humidity: Noise,
    pressure: Noise,
    wind: [Noise; 2],
    direction: [Noise; 2],
}

impl Region {
    pub(super) fn new(seed: u64) -> Self {
        let noise = |name: &str, hours: i64| Noise::new(text_key(seed, name), hours * 3600);
        Self {
            level: [noise("level", 31), noise("level'", 7)],
            temperature: [noise("temperature", 41), noise("temperature'", 5)],
            humidity: noise("humidity", 19),
            pressure: noise("pressure", 63),
            wind: [noise("wind", 9), noise("wind'", 1)],
            direction: [noise("direction", 17), noise("direction'", 2)],
        }
    }

    /// The air of the region at a local second since 1970.
    pub(super) fn at(&mut self, second: i64) -> Air {
        let year = (second as f64 / DAY as f64 / 365.2425).fract();
        let winter = (TAU * (year - 0.04)).cos();
        let hour = second.rem_euclid(DAY) as f64 / 3600.0;
        let afternoon = (TAU * (hour - 15.0) / 24.0).cos();
        let [level, level_fine] = &mut self.level;
        let [warmth, warmth_fine] = &mut self.temperature;
        let [wind, wind_fine] = &mut self.wind;
        let [turn, turn_fine] = &mut self.direction;
        let warmth = 2.6 * warmth.at(second) + 0.6 * warmth_fine.at(second);
        let ln_wind = 0.35 + 0.35 * afternoon + 0.35 * wind.at(second) + 0.2 * wind_fine.at(second);
        Air {
            // Winter heating, the night's inversion, and little wind all raise the background.
            ln_pm25: 3.55 + 0.25 * winter - 0.22 * afternoon - 0.3 * ln_wind
                + 0.5 * level.at(second)
                + 0.2 * level_fine.at(second),
            temperature: 12.5 - 14.5 * winter + 5.0 * afternoon + warmth,
            humidity: 54.0 - 16.0 * winter - 13.0 * afternoon + 12.0 * self.humidity.at(second) - warmth,
            pressure: 101.4 + 1.0 * winter + 0.5 * self.pressure.at(second) - 0.1 * afternoon,
            ln_wind,
            // Down the valley from the north-west at night, up from the south-east by day.
            wind_from: 225.0 - 90.0 * afternoon + 55.0 * turn.at(second) + 20.0 * turn_fine.at(second),
        }
    }
}

/// A township's deviation from the region.
#[derive(Debug, Clone)]
pub(super) struct Deviation {
    level: Noise,
    wind: Noise,
    /// Constant part of the level.
    pub(super) dirt: f64,
}

impl Deviation {
    pub(super) fn new(seed: u64, township: &str) -> Self {
        let own = text_key(seed, township);
        let dirt = 0.12 * crate::random::Random::new(key(own, 3)).normal();
        Self {
            level: Noise::new(key(own, 1), 11 * 3600),
            wind: Noise::new(key(own, 2), 5 * 3600),
            dirt,
        }
    }

    pub(super) fn apply(&mut self, region: &Air, second: i64) -> Air {
        let mut air = *region;
        air.ln_pm25 += self.dirt + 0.15 * self.level.at(second);
        air.ln_wind += 0.2 * self.wind.at(second);
        air
    }
}

/// What people do at a local second since 1970.
pub(super) fn activity(second: i64) -> Activity {
    let hour = second.rem_euclid(DAY) as f64 / 3600.0;
    // 1970-01-01 was a Thursday.
    let weekday = (second.div_euclid(DAY) + 3).rem_euclid(7);
    let hump = |centre: f64, width: f64| (-((hour - centre) / width).powi(2)).exp();
    let day = ramp(hour, 6.0, 7.5) * (1.0 - ramp(hour, 18.0, 20.0));
    let lunch = 1.0 - 0.6 * hump(12.5, 0.6);
    let rest = if weekday == 6 { 0.55 } else { 1.0 };
    let rush = (hump(8.0, 1.3) + hump(18.2, 1.6)) * if weekday >= 5 { 0.6 } else { 1.0 };
    Activity {
        work: day * lunch * rest,
        traffic: (0.15 + 0.35 * day + 0.6 * rush).min(1.0),
    }
}

fn ramp(x: f64, from: f64, to: f64) -> f64 {
    ((x - from) / (to - from)).clamp(0.0, 1.0)
}
