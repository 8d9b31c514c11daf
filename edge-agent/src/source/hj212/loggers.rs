//! Who may report, how, and which of its frames are on disk already.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::NaiveDateTime;
use dustwatch_observation::Time;
use dustwatch_observation::hj212::{Command, Factors, Message, Unit};
use tokio::time::Instant;

use super::Hj212Settings;
use super::history::{History, Span};
use crate::source::Intake;
use crate::source::clock::LoggerClock;

/// Frames of one logger, or of all that are not told apart, that are remembered as answered.
const REMEMBERED: usize = 1000;
/// The same for each logger of a list: more than it sends until it gives up hope of an answer (10 s, 3 times).
const REMEMBERED_EACH: usize = 32;

/// Who may report, and how.
pub(super) enum Loggers {
    /// All of it is of one device; the `MN`, if only that one may.
    One(Option<String>, Logger),
    Listed(HashMap<String, Logger>),
}

/// What is known of a logger.
pub(super) struct Logger {
    pub(super) device: Arc<str>,
    pub(super) command: Command,
    pub(super) factors: Arc<Factors>,
    pub(super) answered: Answered,
    /// One that is not told from others has none.
    clock: Option<Mutex<LoggerClock>>,
    /// Where it is asked for what it left out.
    history: Option<Mutex<History>>,
}

impl Logger {
    /// What is wrong with the logger's clock by what it says in a message, heard at this time; told in the log once.
    pub(super) fn doubts(&self, message: &Message, heard: Time, offset_seconds: i32) -> bool {
        // QN is the time of sending; values may be older.
        let said = time_of_sending(&message.qn, offset_seconds).or(message.data_time);
        let (Some(clock), Some(said)) = (&self.clock, said) else {
            return false;
        };
        let found = clock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .look(said, heard);
        if let Some((doubt, true)) = found {
            tracing::warn!(mn = message.mn, clock = %doubt, "the clock of a logger cannot be right: its values bear the flag D");
        }
        found.is_some()
    }
}

impl Logger {
    /// The logger has reported an interval.
    pub(super) fn reported(&self, time: Time) {
        if let Some(history) = &self.history {
            locked(history).note(time, Instant::now());
        }
    }

    /// What it is to be asked for now.
    pub(super) fn missing(&self) -> Vec<Span> {
        let history = self.history.as_ref();
        history.map_or_else(Vec::new, |history| locked(history).due(Instant::now()))
    }

    /// When to look for that next.
    pub(super) fn look_at(&self) -> Option<Instant> {
        self.history
            .as_ref()
            .and_then(|history| locked(history).look_at())
    }
}

/// What is kept in mind of a logger that reports these data; real-time values are not told again.
fn history(settings: &Hj212Settings, command: Command) -> Option<Mutex<History>> {
    let backfill = settings.backfill?;
    let interval = match command {
        Command::Minutes => backfill.interval,
        Command::Hour => Duration::from_secs(3600),
        Command::Day => Duration::from_secs(86_400),
        _ => return None,
    };
    Some(Mutex::new(History::new(interval, backfill.reach)))
}

fn locked(history: &Mutex<History>) -> MutexGuard<'_, History> {
    history.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The newest frames that are on disk.
pub(super) struct Answered {
    frames: Mutex<VecDeque<FrameId>>,
    most: usize,
}

impl Answered {
    fn new(most: usize) -> Self {
        Self {
            frames: Mutex::default(),
            most,
        }
    }

    pub(super) fn contains(&self, message: &Message) -> bool {
        self.frames().contains(&id(message))
    }

    pub(super) fn note(&self, message: &Message) {
        let mut frames = self.frames();
        if frames.len() >= self.most {
            frames.pop_front();
        }
        frames.push_back(id(message));
    }

    fn frames(&self) -> MutexGuard<'_, VecDeque<FrameId>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loggers {
    pub(super) fn new(settings: &Hj212Settings, intake: &Intake) -> Self {
        let Some(listed) = &settings.loggers else {
            let logger = Logger {
                device: Arc::clone(&intake.device),
                command: settings.command,
                factors: Arc::new(Factors::new(&intake.parameters, &settings.units)),
                answered: Answered::new(REMEMBERED),
                clock: settings.mn.is_some().then(Mutex::default),
                history: history(settings, settings.command),
            };
            return Loggers::One(settings.mn.clone(), logger);
        };
        // Many loggers, few ways to send.
        let mut known: Vec<(&BTreeMap<String, Unit>, Arc<Factors>)> = Vec::new();
        let loggers = listed.iter().map(|(mn, logger)| {
            let found = known.iter().find(|(units, _)| **units == logger.units);
            let factors = match found {
                Some((_, factors)) => Arc::clone(factors),
                None => {
                    let factors = Arc::new(Factors::new(&intake.parameters, &logger.units));
                    known.push((&logger.units, Arc::clone(&factors)));
                    factors
                }
            };
            let logger = Logger {
                device: logger.device.as_str().into(),
                command: logger.command,
                factors,
                answered: Answered::new(REMEMBERED_EACH),
                clock: Some(Mutex::default()),
                history: history(settings, logger.command),
            };
            (mn.clone(), logger)
        });
        Loggers::Listed(loggers.collect())
    }

    pub(super) fn find(&self, mn: &str) -> Option<&Logger> {
        match self {
            Loggers::One(only, logger) => {
                Some(logger).filter(|_| only.as_ref().is_none_or(|only| only == mn))
            }
            Loggers::Listed(loggers) => loggers.get(mn),
        }
    }
}

/// Logger and QN, command, part, and time of the data: what is the same when a frame is sent again.
type FrameId = (String, u16, u32, Option<Time>);

fn id(message: &Message) -> FrameId {
    let part = message.part.map_or(0, |(number, _)| number);
    let who = format!("{}/{}", message.mn, message.qn);
    (who, message.command.number(), part, message.data_time)
}

/// The instant that a QN names: local time and milliseconds, `20160801085857223`.
fn time_of_sending(qn: &str, offset_seconds: i32) -> Option<Time> {
    let local = NaiveDateTime::parse_from_str(qn.get(..14)?, "%Y%m%d%H%M%S").ok()?;
    let micros = local.and_utc().timestamp_micros();
    Some(Time::from_micros(micros - i64::from(offset_seconds) * 1_000_000))
}
