//! Switches: a spray cannon (雾炮) or sprinklers (喷淋) that follow the dust, by a coil of a Modbus relay, online or offline.
//!
//! Every observation that is kept is looked at, calibrated as it is; what its flag says is not normal does not count. The state
//! is written to the coil when it changes and once a minute, so that a relay that lost its power hears of it again; the bus that
//! it hangs on turns it off when the agent ends. By setting, the state stands in each observation as a parameter of its own.
//!
//! Invariant: a switch that nobody decides about any more is off.

mod decide;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dustwatch_observation::{Clock, Decimal, Flag, Observation, ParameterId, Time};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::Shutdown;
pub use decide::Rule;
use decide::{Change, Watcher};

/// How often a state is written that has not changed.
const AGAIN: Duration = Duration::from_secs(60);
/// How far an observation's time may be ahead of the clock.
const AHEAD_MICROS: i64 = 10 * 60 * 1_000_000;
/// An observation that is older than this was not made just now: an hour's mean bears the hour's beginning.
const LATE_MICROS: i64 = 2 * 3600 * 1_000_000;
/// Observations that may wait.
const QUEUE: usize = 64;

/// A switch.
#[derive(Debug, Clone, PartialEq)]
pub struct SwitchSettings {
    /// What decides.
    pub parameter: ParameterId,
    /// When it is on.
    pub rule: Rule,
    /// The source whose bus the relay is on, from 0.
    pub source: usize,
    /// The relay's address.
    pub unit: u8,
    /// Its coil, from 0.
    pub coil: u16,
    /// The parameter that its state is reported as, 0 or 1.
    pub report_as: Option<ParameterId>,
}

/// What is to be written to a coil.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CoilOrder {
    pub(crate) unit: u8,
    pub(crate) coil: u16,
    pub(crate) on: bool,
}

/// What switches need of an observation: its time, and the value of each one's parameter.
type Seen = (Time, Vec<Option<f64>>);

/// Where observations are shown to the switches.
#[derive(Debug, Clone)]
pub(crate) struct Switches {
    settings: Arc<[SwitchSettings]>,
    states: Arc<[AtomicBool]>,
    seen: mpsc::Sender<Seen>,
}

impl Switches {
    /// The switches, and the other end for [`run`].
    pub(crate) fn new(settings: &[SwitchSettings]) -> (Self, mpsc::Receiver<Seen>) {
        let (seen, receiver) = mpsc::channel(QUEUE);
        let switches = Self {
            settings: settings.into(),
            states: settings.iter().map(|_| AtomicBool::new(false)).collect(),
            seen,
        };
        (switches, receiver)
    }

    /// Shows an observation, and writes the states into it that are reported; not into one that is late, when they may have
    /// been others.
    pub(crate) fn show(&self, observation: &mut Observation, now: Time) {
        if self.settings.is_empty() {
            return;
        }
        let value = |switch: &SwitchSettings| {
            let reading = observation.reading(switch.parameter);
            let value = reading.value.filter(|_| reading.flag == Flag::Normal);
            value.map(Decimal::to_f64)
        };
        let values = self.settings.iter().map(value).collect();
        if self.seen.try_send((observation.time, values)).is_err() {
            tracing::debug!("the switches are behind, an observation is not looked at");
        }
        if now.as_micros() - observation.time.as_micros() > LATE_MICROS {
            return;
        }
        for (switch, state) in self.settings.iter().zip(self.states.iter()) {
            if let Some(id) = switch.report_as {
                let on = i64::from(state.load(Ordering::Relaxed));
                observation.reading_mut(id).value = Some(Decimal::new(on, 0));
            }
        }
    }
}

/// Decides until stopped; orders go to the bus of each switch's source.
pub(crate) async fn run(
    switches: Switches,
    mut seen: mpsc::Receiver<Seen>,
    buses: Vec<Option<mpsc::Sender<CoilOrder>>>,
    clock: Arc<dyn Clock>,
    mut shutdown: Shutdown,
) {
    let watcher = |switch: &SwitchSettings| (Watcher::new(switch.rule.clone()), None);
    let mut watchers: Vec<(Watcher, Option<Instant>)> = switches.settings.iter().map(watcher).collect();
    loop {
        let observed = tokio::select! {
            observed = tokio::time::timeout(Duration::from_secs(1), seen.recv()) => observed.ok().flatten(),
            () = shutdown.requested() => return,
        };
        let now = clock.now();
        for (at, (watcher, written)) in watchers.iter_mut().enumerate() {
            let switch = &switches.settings[at];
            if let Some((time, values)) = &observed
                && let Some(value) = values[at]
                && time.as_micros() <= now.as_micros() + AHEAD_MICROS
            {
                watcher.take(*time, value);
            }
            let change = watcher.decide(now);
            if let Some(change) = change {
                tell(switch, change);
            }
            switches.states[at].store(watcher.is_on(), Ordering::Relaxed);
            if change.is_some() || written.is_none_or(|written| written.elapsed() >= AGAIN) {
                let order = CoilOrder {
                    unit: switch.unit,
                    coil: switch.coil,
                    on: watcher.is_on(),
                };
                let bus = buses.get(switch.source).and_then(Option::as_ref);
                // A bus that is behind hears of it with the next look.
                if bus.is_some_and(|bus| bus.try_send(order).is_ok()) {
                    *written = Some(Instant::now());
                }
            }
        }
    }
}

fn tell(switch: &SwitchSettings, change: Change) {
    let (unit, coil) = (switch.unit, switch.coil);
    match change {
        Change::On(mean) => tracing::warn!(unit, coil, mean, above = switch.rule.on_above, "switched on"),
        Change::Off(mean) => tracing::info!(unit, coil, mean, below = switch.rule.off_below, "switched off"),
        Change::Blind => tracing::warn!(unit, coil, "switched off: nothing valid is observed any more"),
    }
}
