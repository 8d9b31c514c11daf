//! How long to wait before the next attempt to connect.
//!
//! Starts short, for a broker that restarts, and doubles up to a minute, with jitter: when the power returns to a
//! district, its agents must not knock all at once.

use std::time::Duration;

use crate::random::Random;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(60);

/// The waits between attempts: pure, seeded.
#[derive(Debug)]
pub(crate) struct Backoff {
    random: Random,
    failures: u32,
}

impl Backoff {
    /// The waits of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            failures: 0,
        }
    }

    /// A connection held long enough: start from the shortest wait again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure: half to one and a half of 200 ms × 2ⁿ, at most 60 s.
    pub(crate) fn next(&mut self) -> Duration {
        let even = FIRST.saturating_mul(1 << self.failures.min(9)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        even.mul_f64(self.random.between(0.5, 1.5)).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_with_jitter_up_to_a_minute() {
        let mut backoff = Backoff::new(1);
        let waits: Vec<Duration> = (0..40).map(|_| backoff.next()).collect();
        assert!(waits[0] >= Duration::from_millis(100) && waits[0] <= Duration::from_millis(300));
        assert!(waits[4] >= Duration::from_millis(1600) && waits[4] <= Duration::from_millis(4800));
        assert!(waits.iter().all(|w| *w <= LONGEST));
        assert!(waits[20..].iter().all(|w| *w >= LONGEST / 2), "stays long");
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(300));
    }
}
