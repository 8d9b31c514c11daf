//! The observations of a network, in the order in which they are delivered.
//!
//! Tick by tick, monitor by monitor. Invariant: each monitor's observations come in the order of their times; what was
//! delivered late comes before what was observed after it.

use std::collections::VecDeque;
use std::ops::Range;

use dustwatch_observation::{Flag, Observation, Time};

use super::episode::{Episode, Trouble, repeats};
use super::monitor::{KEYS, Monitor, Slots};
use super::sky::{Activity, Air, Deviation, Region, activity};
use super::{Network, Troubles};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400;

/// Gives one observation after another; made by [`Network::feed`].
#[derive(Debug)]
pub struct Feed {
    slots: Slots,
    offset_seconds: i64,
    troubles: Troubles,
    region: Region,
    townships: Vec<(Deviation, Air)>,
    monitors: Vec<State>,
    activity: Activity,
    step: i64,
    /// Second since 1970 of the current tick.
    second: i64,
    end: i64,
    /// The next monitor to look at.
    at: usize,
    ready: VecDeque<Observation>,
    pool: Vec<Observation>,
}

#[derive(Debug)]
struct State {
    monitor: Monitor,
    township: usize,
    interval: i64,
    /// Local days, counted from 1970, on which it stands here.
    days: Range<i64>,
    episode: Episode,
    held: Vec<Observation>,
}

impl Feed {
    pub(super) fn new(network: &Network, span: Range<Time>) -> Self {
        let mut codes: Vec<&str> = Vec::new();
        let mut monitors = Vec::with_capacity(network.stations.len());
        for station in &network.stations {
            let township = codes
                .iter()
                .position(|code| *code == station.township)
                .unwrap_or_else(|| {
                    codes.push(&station.township);
                    codes.len() - 1
                });
            let day = |date: chrono::NaiveDate| date.to_epoch_days().into();
            let monitor = Monitor::new(station, network.seed);
            monitors.push(State {
                township,
                interval: station.interval_seconds.max(1).into(),
                days: station.valid_from.map_or(i64::MIN, day)
                    ..station.valid_to.map_or(i64::MAX, |d| day(d) + 1),
                episode: Episode::of_day(monitor.key, i64::MIN / DAY),
                held: Vec::new(),
                monitor,
            });
        }
        let step = monitors
            .iter()
            .map(|m| m.interval)
            .reduce(greatest_common_divisor)
            .unwrap_or(60);
        let first = span.start.as_micros().div_euclid(SECOND)
            + i64::from(span.start.as_micros().rem_euclid(SECOND) > 0);
        let townships = codes
            .iter()
            .map(|code| (Deviation::new(network.seed, code), Air::default()))
            .collect();
        let mut feed = Self {
            slots: Slots::new(&network.parameters),
            offset_seconds: network.offset_seconds.into(),
            troubles: network.troubles,
            region: Region::new(network.seed),
            townships,
            monitors,
            activity: Activity::default(),
            step,
            second: -(-first).div_euclid(step) * step,
            end: span.end.as_micros().div_euclid(SECOND)
                + i64::from(span.end.as_micros().rem_euclid(SECOND) > 0),
            at: 0,
            ready: VecDeque::new(),
            pool: Vec::new(),
        };
        feed.begin_tick();
        feed
    }

    /// When the next observation is delivered, at the earliest; a monitor without network observes long before that.
    pub fn due(&self) -> Time {
        let ahead = if self.ready.is_empty() && self.at >= self.monitors.len() {
            self.step
        } else {
            0
        };
        Time::from_micros((self.second + ahead).min(self.end) * SECOND)
    }

    /// Puts the next observation into `out`, with device and time and without epoch and number. `false` at the end
    /// of the span.
    pub fn next_into(&mut self, out: &mut Observation) -> bool {
        loop {
            if let Some(mut next) = self.ready.pop_front() {
                std::mem::swap(out, &mut next);
                self.pool.push(next);
                return true;
            }
            if self.second >= self.end || self.monitors.is_empty() {
                // Whoever is still without network delivers at the end of the span.
                for state in &mut self.monitors {
                    self.ready.extend(state.held.drain(..));
                }
                if self.ready.is_empty() {
                    return false;
                }
                continue;
            }
            if self.at >= self.monitors.len() {
                self.second += self.step;
                self.at = 0;
                self.begin_tick();
                continue;
            }
            self.at += 1;
            if self.observe(self.at - 1, out) {
                return true;
            }
        }
    }

    fn begin_tick(&mut self) {
        let local = self.second + self.offset_seconds;
        let region = self.region.at(local);
        self.activity = activity(local);
        for (deviation, air) in &mut self.townships {
            *air = deviation.apply(&region, local);
        }
    }

    /// Lets one monitor observe. `true` when `out` holds an observation to deliver now.
    fn observe(&mut self, index: usize, out: &mut Observation) -> bool {
        let local = self.second + self.offset_seconds;
        let state = &mut self.monitors[index];
        if self.second.rem_euclid(state.interval) != 0 || !state.days.contains(&local.div_euclid(DAY)) {
            return false;
        }
        let trouble = match self.troubles {
            Troubles::None => Trouble::None,
            Troubles::Usual => {
                if !state.episode.covers_day_of(local) {
                    state.episode = Episode::of_day(state.monitor.key, local.div_euclid(DAY));
                }
                state.episode.at(local)
            }
        };
        if trouble == Trouble::Silent {
            return false;
        }
        let values = state
            .monitor
            .read(local, &self.townships[state.township].1, self.activity);
        out.device.clear();
        out.device.push_str(state.monitor.station.device.as_str());
        out.epoch.clear();
        out.seq = None;
        out.time = Time::from_micros(self.second * SECOND);
        self.slots.write(&values, out);
        match trouble {
            Trouble::Broken { parameter, missing } => self.slots.spoil(parameter, Flag::Fault, missing, out),
            Trouble::Maintenance => {
                (0..KEYS.len()).for_each(|index| self.slots.spoil(index, Flag::Maintenance, false, out));
            }
            Trouble::Late => {
                state.held.push(out.clone());
                return false;
            }
            Trouble::None | Trouble::Silent => {}
        }
        if self.troubles == Troubles::Usual && repeats(state.monitor.key, local) {
            self.ready.push_back(out.clone());
        }
        if state.held.is_empty() {
            return true;
        }
        let mut now = self.pool.pop().unwrap_or_default();
        std::mem::swap(&mut now, out);
        self.ready.push_front(now);
        state
            .held
            .drain(..)
            .rev()
            .for_each(|held| self.ready.push_front(held));
        false
    }
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}
