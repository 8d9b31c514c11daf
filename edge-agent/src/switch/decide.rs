//! When a switch is on: pure.
//!
//! On when the mean of the window is above one limit, off when it is below the other and the shortest run is over. A window
//! counts when its valid samples cover 75 % of it. Without samples a switch that is on goes off: nobody knows any more why it
//! should be on.

use std::collections::VecDeque;
use std::time::Duration;

use dustwatch_observation::Time;

/// The rule of a switch.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What the mean is taken over.
    pub window: Duration,
    /// On above this mean, in the parameter's unit.
    pub on_above: f64,
    /// Off below this one; not above `on_above`.
    pub off_below: f64,
    /// Shortest time that it stays on.
    pub min_run: Duration,
}

/// Why a switch has changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Change {
    /// On: the mean that was above.
    On(f64),
    /// Off: the mean that was below.
    Off(f64),
    /// Off: there are no samples any more.
    Blind,
}

/// A switch and what it has seen.
#[derive(Debug)]
pub(crate) struct Watcher {
    rule: Rule,
    samples: VecDeque<(Time, f64)>,
    /// Since when it is on.
    on_since: Option<Time>,
}

impl Watcher {
    pub(crate) fn new(rule: Rule) -> Self {
        Self {
            rule,
            samples: VecDeque::new(),
            on_since: None,
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on_since.is_some()
    }

    /// Takes a valid sample; what is older than the window, delivered late, says nothing about now.
    pub(crate) fn take(&mut self, time: Time, value: f64) {
        let newest = self.samples.back().map_or(time, |(newest, _)| *newest);
        if time < newest.plus_micros(-self.window_micros()) {
            return;
        }
        let at = self.samples.partition_point(|(other, _)| *other < time);
        match self.samples.get_mut(at) {
            // The same time again is a correction.
            Some((same, old)) if *same == time => *old = value,
            _ => self.samples.insert(at, (time, value)),
        }
    }

    /// What follows at a time of the clock.
    pub(crate) fn decide(&mut self, now: Time) -> Option<Change> {
        let window = self.window_micros();
        while let (Some((first, _)), Some((newest, _))) = (self.samples.front(), self.samples.back())
            && (*first <= newest.plus_micros(-window) || *first <= now.plus_micros(-2 * window))
        {
            self.samples.pop_front();
        }
        let Some(since) = self.on_since else {
            let mean = self.mean().filter(|mean| *mean > self.rule.on_above)?;
            self.on_since = Some(now);
            return Some(Change::On(mean));
        };
        let change = match self.mean() {
            _ if self.samples.is_empty() => Change::Blind,
            Some(mean) if mean < self.rule.off_below => Change::Off(mean),
            _ => return None,
        };
        let ran = now.as_micros() - since.as_micros();
        // A clock that was put back must not keep a pump running.
        if (0..micros(self.rule.min_run)).contains(&ran) {
            return None;
        }
        self.on_since = None;
        Some(change)
    }

    /// The mean of the window, when enough of it is covered.
    fn mean(&self) -> Option<f64> {
        let (first, newest) = (self.samples.front()?.0, self.samples.back()?.0);
        let count = self.samples.len() as i64;
        // A sample stands for the time to the next one: n of them for n gaps.
        let covered = (newest.as_micros() - first.as_micros()).checked_mul(count)? / (count - 1).max(1);
        (count > 1 && covered * 4 >= self.window_micros() * 3)
            .then(|| self.samples.iter().map(|(_, value)| value).sum::<f64>() / count as f64)
    }

    fn window_micros(&self) -> i64 {
        micros(self.rule.window)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watcher() -> Watcher {
        Watcher::new(Rule {
            window: Duration::from_secs(15 * 60),
            on_above: 500.0,
            off_below: 400.0,
            min_run: Duration::from_secs(10 * 60),
        })
    }

    fn minute(minute: i64) -> Time {
        Time::from_millis(1_565_049_600_000 + minute * 60_000)
    }

    /// What happens when these values come, one a minute.
    fn changes(watcher: &mut Watcher, from: i64, values: &[f64]) -> Vec<(i64, Change)> {
        let mut all = Vec::new();
        for (at, value) in (from..).zip(values) {
            watcher.take(minute(at), *value);
            all.extend(watcher.decide(minute(at)).map(|change| (at, change)));
        }
        all
    }

    #[test]
    fn it_goes_on_above_and_off_below_with_a_gap_between() {
        let mut watcher = watcher();
        assert_eq!(changes(&mut watcher, 0, &[450.0; 15]), []);
        let on = changes(&mut watcher, 15, &[700.0; 5]);
        // Three of fifteen at 700: 500, which is not above; four: 516.7.
        assert!(
            matches!(on[..], [(18, Change::On(mean))] if (mean - 516.67).abs() < 0.01),
            "{on:?}"
        );
        // Between the limits it stays as it is.
        assert_eq!(changes(&mut watcher, 20, &[450.0; 30]), []);
        let off = changes(&mut watcher, 50, &[100.0; 10]);
        assert!(
            matches!(off[..], [(52, Change::Off(mean))] if mean < 400.0),
            "{off:?}"
        );
    }

    #[test]
    fn it_runs_for_a_while_at_least() {
        let mut watcher = watcher();
        let on = changes(&mut watcher, 0, &[600.0; 20]);
        assert_eq!(on.len(), 1);
        let since = on[0].0;
        assert_eq!(since, 11, "three quarters of the window");
        let off = changes(&mut watcher, 20, &[0.0; 20]);
        assert!(
            matches!(off[..], [(at, Change::Off(_))] if at >= since + 10),
            "{off:?}"
        );
    }

    #[test]
    fn without_samples_it_goes_off_and_late_ones_do_not_count() {
        let mut watcher = watcher();
        assert_eq!(changes(&mut watcher, 0, &[600.0; 20]).len(), 1);
        for late in -100..-50 {
            watcher.take(minute(late), 0.0);
        }
        assert_eq!(watcher.decide(minute(20)), None);
        assert_eq!(watcher.decide(minute(40)), None);
        assert_eq!(watcher.decide(minute(50)), Some(Change::Blind));
        assert!(!watcher.is_on());
    }

    #[test]
    fn a_few_samples_are_no_window() {
        let mut watcher = watcher();
        assert_eq!(changes(&mut watcher, 0, &[9000.0; 11]), []);
        assert_eq!(changes(&mut watcher, 11, &[9000.0]).len(), 1);
    }
}
