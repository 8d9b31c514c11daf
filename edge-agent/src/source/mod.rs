//! Where observations come from: one driver a file.
//!
//! Each source runs as a task. What it observes goes to the `Intake`, which calibrates and keeps it; what it samples goes to the
//! means of an interval (`average`), and they to the intake. A source that fails is started again after a while; it never
//! ends the agent.

mod average;
mod clock;
mod exec;
mod hj212;
mod invented;
mod line;
pub mod modbus;
mod uart;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dustwatch_observation::json::encode_one;
use dustwatch_observation::{Clock, Observation, ParameterSet};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

pub(crate) use average::Averaging;
use average::Samples;
use clock::OwnClock;
pub(crate) use exec::try_once as try_exec;
pub use hj212::{Backfill, Hj212Settings, LoggerSettings};
pub use uart::{Module, UartSettings};
pub(crate) use uart::{Scanner, open as open_uart};

use crate::Shutdown;
use crate::calibrate::Calibration;
use crate::health::Health;
use crate::settings::{AgentSettings, SourceSettings};
use crate::spool::Record;
use crate::switch::{CoilOrder, Switches};

/// Largest record, in bytes: whatever the source says, a payload with it fits into a packet.
const MAX_RECORD_BYTES: usize = 256 << 10;

/// Orders to a bus that may wait.
const ORDERS: usize = 16;

/// The way from a source into the spool.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    /// The agent's own device.
    pub(crate) device: Arc<str>,
    pub(crate) parameters: Arc<ParameterSet>,
    pub(crate) calibration: Calibration,
    pub(crate) offset_seconds: i32,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) records: mpsc::Sender<Record>,
    pub(crate) switches: Switches,
    own_clock: Arc<Mutex<OwnWatch>>,
    health: Arc<Health>,
    /// Which source's it is; the means of several have none.
    source: Option<usize>,
}

/// The agent's own clock, and when a word was said of it last.
#[derive(Debug, Default)]
struct OwnWatch {
    clock: OwnClock,
    said: Option<Instant>,
}

impl Intake {
    /// The intake of an agent.
    pub(crate) fn new(
        settings: &AgentSettings,
        clock: Arc<dyn Clock>,
        records: mpsc::Sender<Record>,
        switches: Switches,
        health: Arc<Health>,
    ) -> Self {
        Self {
            device: settings.device.as_str().into(),
            parameters: Arc::clone(&settings.parameters),
            calibration: settings.calibration.clone(),
            offset_seconds: settings.offset_seconds,
            clock,
            records,
            switches,
            own_clock: Arc::default(),
            health,
            source: None,
        }
    }

    /// The same, for a source.
    fn of_source(&self, source: usize) -> Self {
        Self {
            source: Some(source),
            ..self.clone()
        }
    }

    /// Calibrates and keeps an observation of the agent's own device; waits while the disk is slow. `false` when the spool is
    /// closed.
    pub(crate) async fn take(&self, mut observation: Observation) -> bool {
        self.doubt_own_clock(&mut observation);
        self.send(observation, &self.device, None).await
    }

    /// Flags an observation of the agent's own whose time cannot be right.
    fn doubt_own_clock(&self, observation: &mut Observation) {
        let mut watch = self.own_clock.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = Instant::now();
        let Some(doubt) = watch.clock.look(observation.time, self.clock.now(), counted) else {
            return;
        };
        clock::flag(observation, &self.parameters);
        if watch
            .said
            .is_none_or(|said| counted.duration_since(said) >= clock::SAY_AGAIN)
        {
            watch.said = Some(counted);
            tracing::warn!(clock = %doubt, "the clock of this agent or of its source cannot be right: values bear the flag D");
        }
    }

    /// Keeps an observation of a device, calibrated if that is the agent's own, and returns once it is on disk; `false` when
    /// that will not be.
    pub(crate) async fn keep(&self, observation: Observation, device: &Arc<str>) -> bool {
        let (synced, durable) = oneshot::channel();
        self.send(observation, device, Some(synced)).await && durable.await.is_ok()
    }

    async fn send(
        &self,
        mut observation: Observation,
        device: &Arc<str>,
        synced: Option<oneshot::Sender<()>>,
    ) -> bool {
        if let Some(source) = self.source {
            self.health.heard(source);
        }
        // Device, epoch and number are the spool's to give.
        observation.device.clear();
        observation.epoch.clear();
        observation.seq = None;
        if *device == self.device {
            self.calibration.apply(&mut observation);
            self.switches.show(&mut observation, self.clock.now());
        }
        let mut bytes = Vec::with_capacity(256);
        encode_one(
            &self.parameters,
            &observation,
            None,
            self.offset_seconds,
            &mut bytes,
        );
        if bytes.len() > MAX_RECORD_BYTES {
            tracing::warn!(
                bytes = bytes.len(),
                "an observation is too large and is passed over"
            );
            return synced.is_none_or(|synced| synced.send(()).is_ok());
        }
        let record = Record {
            device: Arc::clone(device),
            bytes,
            synced,
        };
        self.records.send(record).await.is_ok()
    }
}

/// Sources that work, and the ways to the buses of those that have one.
pub(crate) struct Working {
    pub(crate) tasks: JoinSet<()>,
    pub(crate) buses: Vec<Option<mpsc::Sender<CoilOrder>>>,
}

/// Starts sources, and the means of those that sample, until stopped.
pub(crate) fn start(
    sources: Vec<SourceSettings>,
    averaging: Option<Averaging>,
    intake: &Intake,
    shutdown: &Shutdown,
) -> Working {
    let mut tasks = JoinSet::new();
    let (samples, sampled) = Samples::new(Arc::clone(&intake.health));
    if let Some(averaging) = averaging {
        let (intake, shutdown) = (intake.clone(), shutdown.clone());
        tasks.spawn(async move { average::run(&averaging, &intake, sampled, shutdown).await });
    }
    let mut buses = Vec::with_capacity(sources.len());
    for (number, source) in sources.into_iter().enumerate() {
        let (order, orders) = mpsc::channel(ORDERS);
        let has_bus = matches!(source, SourceSettings::Modbus(_));
        buses.push(has_bus.then_some(order));
        let (intake, shutdown) = (intake.of_source(number), shutdown.clone());
        let samples = samples.of_source(number);
        tasks.spawn(run(source, intake, samples, orders, shutdown));
    }
    Working { tasks, buses }
}

/// Runs a source until stopped.
async fn run(
    settings: SourceSettings,
    intake: Intake,
    samples: Samples,
    orders: mpsc::Receiver<CoilOrder>,
    shutdown: Shutdown,
) {
    match settings {
        SourceSettings::Exec { command } => exec::run(&command, &intake, shutdown).await,
        SourceSettings::Uart(settings) => uart::run(&settings, &intake.parameters, &samples, shutdown).await,
        SourceSettings::Modbus(settings) => modbus::run(&settings, &samples, orders, shutdown).await,
        SourceSettings::Hj212(settings) => hj212::run(&settings, &intake, shutdown).await,
        SourceSettings::Simulate {
            interval_seconds,
            seed,
        } => {
            invented::run(interval_seconds, seed, &intake, shutdown).await;
        }
    }
}
