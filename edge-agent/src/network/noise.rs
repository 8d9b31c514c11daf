//! Smooth noise that needs no past: any instant can be computed on its own.
//!
//! Random heights at evenly spaced knots, joined smoothly. The heights are hashed from the key and the knot's number,
//! so two runs that overlap in time agree where they overlap.

use crate::random::{Random, key};

/// One noise, about normal: mean 0, standard deviation just under 1.
#[derive(Debug, Clone)]
pub(super) struct Noise {
    key: u64,
    step_seconds: i64,
    knot: i64,
    left: f64,
    right: f64,
}

impl Noise {
    /// The noise of a key; neighbouring values within `step_seconds` are alike.
    pub(super) fn new(key: u64, step_seconds: i64) -> Self {
        Self {
            key,
            step_seconds,
            knot: i64::MIN,
            left: 0.0,
            right: 0.0,
        }
    }

    /// Its height at a second since 1970. Cheap while the seconds stay between two knots.
    pub(super) fn at(&mut self, second: i64) -> f64 {
        let knot = second.div_euclid(self.step_seconds);
        if knot != self.knot {
            self.left = if knot == self.knot.wrapping_add(1) {
                self.right
            } else {
                self.height(knot)
            };
            self.right = self.height(knot + 1);
            self.knot = knot;
        }
        let x = second.rem_euclid(self.step_seconds) as f64 / self.step_seconds as f64;
        self.left + (self.right - self.left) * x * x * (3.0 - 2.0 * x)
    }

    fn height(&self, knot: i64) -> f64 {
        Random::new(key(self.key, knot.cast_unsigned())).normal()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_height_does_not_depend_on_what_was_asked_before() {
        let mut walked = Noise::new(5, 3600);
        for second in (-10_000..50_000).step_by(60) {
            let height = walked.at(second);
            assert_eq!(height, Noise::new(5, 3600).at(second), "at {second}");
        }
    }
}
