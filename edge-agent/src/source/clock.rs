//! Clocks that cannot be right: a logger's, and the agent's own.
//!
//! An observation under a wrong time would stand in another hour's mean. Its values are kept, and bear the flag D, which keeps
//! them out of every mean. Old values are no sign of a wrong clock: a logger that was without a network for a day delivers a day. So a
//! clock counts as behind only when what it says goes on as fast as time does. Pure.
//!
//! Rule: quality control's Q7 allows ten minutes; HJ 212 loggers that write hours as 01 to 12 are half a day behind after noon.

use std::fmt;
use std::time::{Duration, Instant};

use dustwatch_observation::{Flag, Observation, ParameterSet, Time};

/// How far a clock may be off, in µs.
const TOLERANCE: i64 = 600 * SECOND;
/// How far apart two reports are, at least, that show how fast a clock goes, in µs.
const MIN_STEP: i64 = 10 * SECOND;
/// The agent's own clock may be set by so much without a word, in µs.
const MAX_SET: i64 = 60 * SECOND;
const HALF_A_DAY: i64 = 12 * 3600 * SECOND;
const SECOND: i64 = 1_000_000;
/// 2000-01-01: no monitor is older, and a clock that lost its battery says 1970 or a little later.
const UNSET_BEFORE: i64 = 946_684_800 * SECOND;

/// What is wrong with a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It was never set.
    Unset,
    /// It runs ahead, by seconds.
    Ahead(i64),
    /// It runs behind, by seconds.
    Behind(i64),
    /// It was set anew, by seconds.
    Jumped(i64),
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::Unset => write!(f, "it was never set"),
            Doubt::Ahead(seconds) => write!(f, "it is {seconds} s ahead"),
            Doubt::Behind(seconds) if (seconds * SECOND - HALF_A_DAY).abs() <= TOLERANCE => {
                write!(f, "it is 12 hours behind: does it write hours as 01 to 12?")
            }
            Doubt::Behind(seconds) => write!(f, "it is {seconds} s behind"),
            Doubt::Jumped(seconds) => write!(f, "it was set by {seconds} s"),
        }
    }
}

/// Watches a logger's clock.
#[derive(Debug, Default)]
pub(super) struct LoggerClock {
    /// What it said at its last step, and when that was heard.
    last: Option<(Time, Time)>,
    /// Whether it went on as fast as time does at its last step.
    is_live: bool,
    /// Whether that was live and off, so that a word has been said of it.
    told: bool,
}

impl LoggerClock {
    /// The logger says that it is this time; what is wrong with that, and whether that is news.
    pub(super) fn look(&mut self, said: Time, heard: Time) -> Option<(Doubt, bool)> {
        self.step(said, heard);
        let doubt = self.doubt(said, heard);
        let is_news = doubt.is_some() && !self.told;
        self.told = doubt.is_some();
        doubt.map(|doubt| (doubt, is_news))
    }

    /// Frames that follow each other closely, parts of a message for one, are one step.
    fn step(&mut self, said: Time, heard: Time) {
        let Some((said_before, heard_before)) = self.last else {
            self.last = Some((said, heard));
            return;
        };
        let passed = heard.as_micros() - heard_before.as_micros();
        let step = said.as_micros() - said_before.as_micros();
        if (0..MIN_STEP).contains(&passed) && step.abs() < MIN_STEP {
            return;
        }
        self.is_live = passed >= MIN_STEP && (step - passed).abs() <= MIN_STEP.max(passed / 5);
        self.last = Some((said, heard));
    }

    fn doubt(&self, said: Time, heard: Time) -> Option<Doubt> {
        let (said, heard) = (said.as_micros(), heard.as_micros());
        if said < UNSET_BEFORE {
            return Some(Doubt::Unset);
        }
        // Nothing can be said of others by an agent that does not know what time it is.
        if heard < UNSET_BEFORE {
            return None;
        }
        let behind = heard - said;
        if behind < -TOLERANCE {
            return Some(Doubt::Ahead(-behind / SECOND));
        }
        (behind > TOLERANCE && self.is_live).then_some(Doubt::Behind(behind / SECOND))
    }
}

/// Watches the agent's own clock, beside one that only counts what passes.
#[derive(Debug, Default)]
pub(super) struct OwnClock {
    last: Option<(Time, Instant)>,
}

impl OwnClock {
    /// The agent observes something at a time; what is wrong with that, by its clock and what has passed.
    pub(super) fn look(&mut self, observed: Time, now: Time, counted: Instant) -> Option<Doubt> {
        let before = self.last.replace((now, counted));
        if observed.as_micros() < UNSET_BEFORE || now.as_micros() < UNSET_BEFORE {
            return Some(Doubt::Unset);
        }
        let ahead = observed.as_micros() - now.as_micros();
        if ahead > TOLERANCE {
            return Some(Doubt::Ahead(ahead / SECOND));
        }
        let (wall, count) = before?;
        let passed = i64::try_from(counted.duration_since(count).as_micros()).unwrap_or(i64::MAX);
        let set = now.as_micros() - wall.as_micros() - passed;
        (set.abs() > MAX_SET).then_some(Doubt::Jumped(set / SECOND))
    }
}

/// Flags every value of an observation whose time is in doubt; what a monitor said itself stays.
pub(super) fn flag(observation: &mut Observation, parameters: &ParameterSet) {
    for (id, _) in parameters.iter() {
        if observation.reading(id).value.is_some() && observation.reading(id).flag == Flag::Normal {
            observation.reading_mut(id).flag = Flag::Fault;
        }
    }
}

/// Between two words on the agent's own clock.
pub(super) const SAY_AGAIN: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    /// 2019-08-06, 14:00 in Beijing.
    const NOW: i64 = 1_565_071_200;

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * SECOND)
    }

    /// The doubts of a logger that reports once a minute, `off` seconds from what is right.
    fn live(off: i64) -> Vec<Option<Doubt>> {
        let mut clock = LoggerClock::default();
        let minutes = (0..3).map(|minute| {
            let heard = NOW + minute * 60;
            clock.look(at(heard + off), at(heard)).map(|(doubt, _)| doubt)
        });
        minutes.collect()
    }

    #[test]
    fn a_live_clock_is_told_by_how_far_it_is_off() {
        assert_eq!(live(0), [None; 3]);
        assert_eq!(live(-599), [None; 3]);
        assert_eq!(live(599), [None; 3]);
        assert_eq!(live(3600), [Some(Doubt::Ahead(3600)); 3]);
        assert_eq!(live(-3600)[1..], [Some(Doubt::Behind(3600)); 2]);
        assert_eq!(live(-NOW), [Some(Doubt::Unset); 3]);
        let half_a_day = live(-12 * 3600 + 20)[2].map(|doubt| doubt.to_string());
        assert!(half_a_day.is_some_and(|said| said.contains("01 to 12")));
    }

    #[test]
    fn what_is_delivered_late_is_in_no_doubt() {
        let mut clock = LoggerClock::default();
        for minute in 0..600 {
            let (said, heard) = (NOW - 86_400 + minute * 60, NOW + minute / 10);
            assert_eq!(clock.look(at(said), at(heard)), None, "{minute}");
        }
        // Old values, each beside a live one, as some loggers send them.
        for minute in 0..60 {
            let heard = NOW + 3600 + minute * 60;
            assert_eq!(clock.look(at(NOW - 40_000 + minute * 60), at(heard)), None);
            assert_eq!(clock.look(at(heard), at(heard + 1)), None);
        }
    }

    #[test]
    fn the_parts_of_a_message_are_in_the_same_doubt() {
        let mut clock = LoggerClock::default();
        for minute in 0..5 {
            let heard = NOW + minute * 60;
            let doubts =
                [0, 1, 2].map(|part| clock.look(at(heard + part - 3600), at(heard + part)).is_some());
            assert_eq!(doubts, [minute > 0; 3], "{minute}");
        }
    }

    #[test]
    fn a_word_is_news_once() {
        let mut clock = LoggerClock::default();
        let news: Vec<bool> = [0, 60, 120]
            .map(|s| clock.look(at(s), at(NOW + s)).is_some_and(|(_, news)| news))
            .to_vec();
        assert_eq!(news, [true, false, false]);
    }

    #[test]
    fn the_own_clock_is_in_doubt_before_it_is_set_and_when_it_is() {
        let start = Instant::now();
        let mut clock = OwnClock::default();
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        assert_eq!(clock.look(at(10), at(10), after(0)), Some(Doubt::Unset));
        assert_eq!(
            clock.look(at(NOW), at(NOW), after(60)),
            Some(Doubt::Jumped(NOW - 70))
        );
        assert_eq!(clock.look(at(NOW + 60), at(NOW + 60), after(120)), None);
        assert_eq!(
            clock.look(at(NOW + 180), at(NOW + 150), after(180)),
            None,
            "half a minute is no jump"
        );
        assert_eq!(
            clock.look(at(NOW + 3600), at(NOW + 210), after(240)),
            Some(Doubt::Ahead(3390))
        );
        assert_eq!(
            clock.look(at(NOW), at(NOW), after(300)),
            Some(Doubt::Jumped(-270))
        );
    }
}
