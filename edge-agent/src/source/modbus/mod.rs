//! Modbus: units on a serial line (RTU) or behind a TCP address, asked in turn for the registers of their maps.
//!
//! Every `poll` each unit is asked; what it says goes to the interval's means. A unit that does not answer is tried again at once,
//! and then, while it stays silent, ever more rarely, so that it costs the others little; its parameters are missing meanwhile.
//! Between two questions it is the relays' turn.
//!
//! Invariant: a value belongs to the register that was asked for, or does not come at all.

mod bus;
mod map;
mod shipped;
mod value;

use std::collections::BTreeSet;
use std::time::Duration;

use dustwatch_observation::{Decimal, ParameterId};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

pub use bus::BusSettings;
pub(crate) use bus::{Bus, BusError};
pub use map::{LineSpeed, Parity, Read, RegisterMap};
pub use value::{Kind, RegisterValue, WordOrder};

use super::average::Samples;
use crate::Shutdown;
use crate::switch::CoilOrder;

/// Longest time between two questions to a unit that does not answer.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// How long a question under way, and the relay's answer, are waited for when the agent ends: it does not wait for long.
const LONGEST_RELEASE: Duration = Duration::from_millis(500);

/// A source of this kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModbusSettings {
    /// Where the units are.
    pub bus: BusSettings,
    /// The units, in the order that they are asked in.
    pub units: Vec<UnitSettings>,
    /// Between two rounds.
    pub poll: Duration,
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// How often a question without an answer is asked again.
    pub retries: u32,
    /// The reporting interval; divides an hour.
    pub interval_seconds: u32,
}

impl ModbusSettings {
    /// Samples that an interval should bring, by parameter; a parameter of two units comes twice.
    pub(crate) fn expected(&self) -> Vec<(ParameterId, u64)> {
        let count = (u64::from(self.interval_seconds) / self.poll.as_secs().max(1)).max(1);
        let ids = self.units.iter().flat_map(|unit| unit.map.parameters());
        ids.map(|id| (id, count)).collect()
    }
}

/// A unit on the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitSettings {
    /// Its address, 1 to 247.
    pub address: u8,
    /// Where it keeps its values.
    pub map: RegisterMap,
}

/// A unit and how it has been lately.
struct Unit {
    settings: UnitSettings,
    /// Rounds without an answer.
    misses: u32,
    rests_until: Instant,
}

/// Asks until stopped, and writes what switches order in between; coils that are on then go off.
pub(super) async fn run(
    settings: &ModbusSettings,
    samples: &Samples,
    mut orders: mpsc::Receiver<CoilOrder>,
    mut shutdown: Shutdown,
) {
    let mut bus = Bus::new(settings.bus.clone(), settings.timeout);
    let mut relays = Relays::default();
    let mut units: Vec<Unit> = settings.units.iter().cloned().map(Unit::new).collect();
    let mut rounds = tokio::time::interval(settings.poll);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let working = async {
        loop {
            tokio::select! {
                biased;
                Some(order) = orders.recv() => relays.write(order, &mut bus, settings).await,
                _ = rounds.tick() => for unit in &mut units {
                    if unit.rests_until <= Instant::now() && !unit.round(&mut bus, settings, samples).await {
                        return;
                    }
                    while let Ok(order) = orders.try_recv() {
                        relays.write(order, &mut bus, settings).await;
                    }
                },
            }
        }
    };
    tokio::select! {
        () = working => {}
        () = shutdown.requested() => {}
    }
    relays.release(settings).await;
}

/// The coils that are on, or may be.
#[derive(Debug, Default)]
struct Relays {
    on: BTreeSet<(u8, u16)>,
}

impl Relays {
    async fn write(&mut self, order: CoilOrder, bus: &mut Bus, settings: &ModbusSettings) {
        let CoilOrder { unit, coil, on } = order;
        if on {
            self.on.insert((unit, coil));
        }
        let mut left = settings.retries;
        loop {
            match bus.write_coil(unit, coil, on).await {
                Ok(()) => {
                    if !on {
                        self.on.remove(&(unit, coil));
                    }
                    return;
                }
                Err(error) if left == 0 || error.is_of_line() => {
                    tracing::error!(bus = %settings.bus, unit, coil, on, %error, "a relay does not do as it is told");
                    return;
                }
                Err(_) => left -= 1,
            }
        }
    }

    /// Turns off what is on. The line is opened anew: the question under way when the agent was stopped has no answer.
    async fn release(&mut self, settings: &ModbusSettings) {
        if self.on.is_empty() {
            return;
        }
        tokio::time::sleep(settings.timeout.min(LONGEST_RELEASE)).await;
        let mut bus = Bus::new(settings.bus.clone(), settings.timeout.min(LONGEST_RELEASE));
        for (unit, coil) in self.on.clone() {
            self.write(
                CoilOrder {
                    unit,
                    coil,
                    on: false,
                },
                &mut bus,
                settings,
            )
            .await;
        }
    }
}

impl Unit {
    fn new(settings: UnitSettings) -> Self {
        Self {
            settings,
            misses: 0,
            rests_until: Instant::now(),
        }
    }

    /// Asks for everything once; `false` when nobody takes samples any more.
    async fn round(&mut self, bus: &mut Bus, settings: &ModbusSettings, samples: &Samples) -> bool {
        // A unit that has been silent is asked once, not again and again.
        let retries = if self.misses == 0 { settings.retries } else { 0 };
        let (address, name) = (self.settings.address, &self.settings.map.name);
        match read_unit(bus, &self.settings, retries).await {
            Ok(values) => {
                if std::mem::take(&mut self.misses) > 0 {
                    tracing::info!(bus = %settings.bus, unit = address, name, "the unit answers again");
                }
                samples.offer(values).await
            }
            Err(error) => {
                if self.misses == 0 {
                    tracing::warn!(bus = %settings.bus, unit = address, name, %error, "the unit cannot be read, asked again now and then");
                }
                self.misses = self.misses.saturating_add(1);
                let rest = settings.poll.saturating_mul(1 << self.misses.min(16));
                self.rests_until = Instant::now() + rest.min(LONGEST_REST);
                true
            }
        }
    }
}

/// All values of a unit; each question is asked again up to `retries` times.
pub(crate) async fn read_unit(
    bus: &mut Bus,
    unit: &UnitSettings,
    retries: u32,
) -> Result<Vec<(ParameterId, Decimal)>, BusError> {
    let mut said = Vec::new();
    for read in &unit.map.reads {
        let mut left = retries;
        let words = loop {
            match bus.read(unit.address, read).await {
                Ok(words) => break words,
                Err(error) if left == 0 || error.is_of_line() => return Err(error),
                Err(error) => {
                    left -= 1;
                    tracing::debug!(unit = unit.address, %error, "asked again");
                }
            }
        };
        let value = |(id, behind, reading): &(ParameterId, usize, RegisterValue)| {
            let words = words.get(*behind..behind + reading.kind.registers())?;
            Some((*id, reading.of(words)?))
        };
        said.extend(read.values.iter().filter_map(value));
    }
    Ok(said)
}
