//! What a logger has not said: times that are missing between two reports, and when to ask for them.
//!
//! A logger that was without a network delivers by itself, most do. Only what is still missing a while after the gap was seen
//! is asked for, once. Pure.
//!
//! Rule: HJ 212-2017, table 9 and annex C: sent to a logger, 2051, 2061 and 2031 ask for the means of minutes, hours and days from
//! `BeginTime` to `EndTime`, here both the beginnings of intervals.

use std::time::Duration;

use dustwatch_observation::Time;
use tokio::time::Instant;

/// How long a logger may take to go on delivering by itself.
const PATIENCE: Duration = Duration::from_secs(30);
/// Gaps of one logger that are kept in mind; more than that it has to be visited.
const MAX_GAPS: usize = 16;

/// From the beginning of the first interval that is missing to that of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) begin: Time,
    pub(super) end: Time,
}

/// What a logger has said, and what is missing between.
#[derive(Debug)]
pub(super) struct History {
    /// Between the beginnings of two reports, in µs.
    interval: i64,
    /// How far back is asked, in µs.
    reach: i64,
    newest: Option<Time>,
    gaps: Vec<Gap>,
}

#[derive(Debug)]
struct Gap {
    span: Span,
    /// When it was seen, or became smaller.
    since: Instant,
}

impl History {
    /// Of a logger that reports at this interval, and is asked for so much of its past.
    pub(super) fn new(interval: Duration, reach: Duration) -> Self {
        Self {
            interval: micros(interval),
            reach: micros(reach),
            newest: None,
            gaps: Vec::new(),
        }
    }

    /// The logger has reported an interval.
    pub(super) fn note(&mut self, time: Time, now: Instant) {
        let newest = match self.newest {
            None => {
                self.newest = Some(time);
                return;
            }
            Some(newest) if time > newest => newest,
            Some(_) => return self.fill(time, now),
        };
        self.newest = Some(time);
        let span = Span {
            begin: newest.plus_micros(self.interval),
            end: time.plus_micros(-self.interval),
        };
        if span.begin <= span.end && self.gaps.len() < MAX_GAPS {
            self.gaps.push(Gap { span, since: now });
        }
    }

    /// An older interval came: what is missing becomes less, or falls apart.
    fn fill(&mut self, time: Time, now: Instant) {
        let within = |gap: &Gap| gap.span.begin <= time && time <= gap.span.end;
        let Some(at) = self.gaps.iter().position(within) else {
            return;
        };
        let gap = self.gaps.remove(at);
        let parts = [
            Span {
                begin: gap.span.begin,
                end: time.plus_micros(-self.interval),
            },
            Span {
                begin: time.plus_micros(self.interval),
                end: gap.span.end,
            },
        ];
        for span in parts.into_iter().filter(|span| span.begin <= span.end) {
            if self.gaps.len() < MAX_GAPS {
                self.gaps.push(Gap { span, since: now });
            }
        }
    }

    /// What is to be asked for now; it is not asked for again.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Span> {
        let Some(newest) = self.newest else {
            return Vec::new();
        };
        let oldest = newest.plus_micros(-self.reach);
        let mut due = Vec::new();
        self.gaps.retain(|gap| {
            let is_due = now.duration_since(gap.since) >= PATIENCE;
            if is_due && gap.span.end >= oldest {
                due.push(Span {
                    begin: gap.span.begin.max(oldest),
                    end: gap.span.end,
                });
            }
            !is_due
        });
        due
    }

    /// When to look next.
    pub(super) fn look_at(&self) -> Option<Instant> {
        self.gaps.iter().map(|gap| gap.since + PATIENCE).min()
    }
}

fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn minute(number: i64) -> Time {
        Time::from_micros(1_565_049_600_000_000 + number * 60_000_000)
    }

    fn span(begin: i64, end: i64) -> Span {
        Span {
            begin: minute(begin),
            end: minute(end),
        }
    }

    fn history(reach_minutes: u64) -> History {
        History::new(Duration::from_secs(60), Duration::from_secs(60 * reach_minutes))
    }

    #[test]
    fn what_is_missing_for_a_while_is_asked_for_once() {
        let (mut history, start) = (history(1440), Instant::now());
        for number in [0, 1, 2, 10, 11] {
            history.note(minute(number), start);
        }
        assert_eq!(history.due(start), []);
        assert_eq!(history.look_at(), Some(start + PATIENCE));
        assert_eq!(history.due(start + PATIENCE), [span(3, 9)]);
        assert_eq!(history.due(start + PATIENCE * 2), []);
    }

    #[test]
    fn what_a_logger_delivers_by_itself_is_not_asked_for() {
        let (mut history, start) = (history(1440), Instant::now());
        history.note(minute(0), start);
        history.note(minute(100), start);
        // It goes on from the beginning, and leaves out one.
        let mut asked = Vec::new();
        for number in (1_i64..100).filter(|number| *number != 50) {
            let now = start + Duration::from_secs(number.unsigned_abs());
            asked.extend(history.due(now));
            history.note(minute(number), now);
        }
        asked.extend(history.due(start + Duration::from_secs(200)));
        assert_eq!(asked, [span(50, 50)]);
    }

    #[test]
    fn nobody_is_asked_for_more_than_is_wanted() {
        let (mut history, start) = (history(60), Instant::now());
        history.note(minute(0), start);
        history.note(minute(1000), start);
        assert_eq!(history.due(start + PATIENCE), [span(940, 999)]);
    }

    proptest! {
        #[test]
        fn exactly_what_was_not_said_is_asked_for(said in prop::collection::vec(0_i64..60, 1..60)) {
            let (mut history, start) = (history(1440), Instant::now());
            for number in &said {
                history.note(minute(*number), start);
            }
            let mut asked = Vec::new();
            for span in history.due(start + PATIENCE) {
                let mut time = span.begin;
                while time <= span.end {
                    asked.push(time);
                    time = time.plus_micros(60_000_000);
                }
            }
            asked.sort();
            // Before the first word nothing is known to be missing.
            let newest = said.iter().max().copied().unwrap_or_default();
            let expected: Vec<Time> = (said[0]..newest).filter(|n| !said.contains(n)).map(minute).collect();
            prop_assume!(expected.len() < MAX_GAPS);
            prop_assert_eq!(asked, expected);
        }
    }
}
