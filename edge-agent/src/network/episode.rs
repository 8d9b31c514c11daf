//! What goes wrong with monitors: silence, late delivery, broken sensors, maintenance, things said twice.
//!
//! At most one episode a monitor and local day, drawn from the monitor's key and the day; it ends with the day at the
//! latest, so an instant is judged by its own day only.

use super::monitor::KEYS;
use crate::random::{Random, key};

const DAY: i64 = 86_400;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Trouble {
    /// Nothing.
    None,
    /// No power: nothing is observed.
    Silent,
    /// No network: what is observed is delivered when it is over.
    Late,
    /// A sensor is broken: its value (an index into [`KEYS`]) has flag D, or is missing with flag D.
    Broken { parameter: usize, missing: bool },
    /// Somebody cleans the monitor: all values have flag M.
    Maintenance,
}

/// A monitor's trouble on one local day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Episode {
    day: i64,
    trouble: Trouble,
    from: i64,
    to: i64,
}

impl Episode {
    /// The episode of the monitor with this key on the local day, counted from 1970.
    pub(super) fn of_day(monitor: u64, day: i64) -> Self {
        let mut random = Random::new(key(monitor, key(99, day.cast_unsigned())));
        let draw = random.unit();
        let hour = |hours: f64| (hours * 3600.0) as i64;
        let (trouble, from, lasts) = if draw < 0.025 {
            (
                Trouble::Silent,
                hour(random.between(0.0, 23.0)),
                hour(random.between(0.5, 6.0)),
            )
        } else if draw < 0.055 {
            (
                Trouble::Late,
                hour(random.between(0.0, 23.0)),
                hour(random.between(1.0, 8.0)),
            )
        } else if draw < 0.085 {
            let parameter = (random.bits() % KEYS.len() as u64) as usize;
            let trouble = Trouble::Broken {
                parameter,
                missing: random.unit() < 0.4,
            };
            (
                trouble,
                hour(random.between(0.0, 22.0)),
                hour(random.between(0.5, 9.0)),
            )
        } else if draw < 0.105 {
            (
                Trouble::Maintenance,
                hour(random.between(8.5, 16.0)),
                hour(random.between(0.3, 1.5)),
            )
        } else {
            (Trouble::None, 0, 0)
        };
        let start = day * DAY;
        Self {
            day,
            trouble,
            from: start + from,
            to: start + (from + lasts).min(DAY),
        }
    }

    /// Whether it says anything about a local second since 1970.
    pub(super) fn covers_day_of(&self, second: i64) -> bool {
        second.div_euclid(DAY) == self.day
    }

    /// The trouble at a local second of its day.
    pub(super) fn at(&self, second: i64) -> Trouble {
        if (self.from..self.to).contains(&second) {
            self.trouble
        } else {
            Trouble::None
        }
    }
}

/// Whether the monitor sends what it observed at that second twice: about one in two thousand.
pub(super) fn repeats(monitor: u64, second: i64) -> bool {
    key(monitor, key(7, second.cast_unsigned())) & 0x7FF == 0
}
