//! The mean of an interval, exactly.

use dustwatch_observation::Decimal;

use super::Particles;

/// Sums of an interval, in tenths of µg/m³.
#[derive(Debug)]
pub(super) struct Mean {
    /// Beginning of the interval, microseconds.
    pub(super) start: i64,
    pub(super) count: u64,
    pm25: u64,
    pm10: u64,
}

impl Mean {
    pub(super) fn new(start: i64) -> Self {
        Self {
            start,
            count: 0,
            pm25: 0,
            pm10: 0,
        }
    }

    pub(super) fn add(&mut self, particles: Particles) {
        self.count += 1;
        self.pm25 += u64::from(particles.pm25);
        self.pm10 += u64::from(particles.pm10);
    }

    /// Parameters and their means to a tenth, halves to even (GB/T 8170); none when nothing came.
    pub(super) fn values(&self) -> Vec<(&'static str, Decimal)> {
        if self.count == 0 {
            return Vec::new();
        }
        let mean = |sum: u64| {
            let (whole, rest) = (sum / self.count, sum % self.count);
            let up = rest * 2 > self.count || (rest * 2 == self.count && whole % 2 == 1);
            Decimal::new(i64::try_from(whole + u64::from(up)).unwrap_or(i64::MAX), 1)
        };
        vec![("pm25", mean(self.pm25)), ("pm10", mean(self.pm10))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_rounded_half_to_even() {
        let of = |values: &[u32]| {
            let mut mean = Mean::new(0);
            for value in values {
                mean.add(Particles {
                    pm25: *value,
                    pm10: *value,
                });
            }
            mean.values().first().map(|(_, value)| value.to_string())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[352]), Some("35.2".to_owned()));
        assert_eq!(of(&[352, 353]), Some("35.2".to_owned()));
        assert_eq!(of(&[353, 354]), Some("35.4".to_owned()));
        assert_eq!(of(&[352, 353, 353]), Some("35.3".to_owned()));
    }
}
