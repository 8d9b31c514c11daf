//! Where observations come from: one driver a file.
//!
//! Each source runs as a task and hands what it observes to the `Intake`, which calibrates and keeps it. A source
//! that fails is started again after a while; it never ends the agent.

mod exec;
mod invented;
mod line;

use std::sync::Arc;

use dustwatch_observation::json::encode_one;
use dustwatch_observation::{Clock, Observation, ParameterSet};
use tokio::sync::mpsc;

pub(crate) use exec::try_once as try_exec;

use crate::Shutdown;
use crate::calibrate::Calibration;
use crate::settings::{AgentSettings, SourceSettings};

/// Largest record, in bytes: whatever the source says, a payload with it fits into a packet.
const MAX_RECORD_BYTES: usize = 256 << 10;

/// The way from a source into the spool.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    pub(crate) device: String,
    pub(crate) parameters: Arc<ParameterSet>,
    pub(crate) calibration: Calibration,
    pub(crate) offset_seconds: i32,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) records: mpsc::Sender<Vec<u8>>,
}

impl Intake {
    /// The intake of an agent.
    pub(crate) fn new(
        settings: &AgentSettings,
        clock: Arc<dyn Clock>,
        records: mpsc::Sender<Vec<u8>>,
    ) -> Self {
        Self {
            device: settings.device.as_str().to_owned(),
            parameters: Arc::clone(&settings.parameters),
            calibration: settings.calibration.clone(),
            offset_seconds: settings.offset_seconds,
            clock,
            records,
        }
    }

    /// Calibrates and keeps an observation; waits while the disk is slow. `false` when the spool is closed.
    pub(crate) async fn take(&self, mut observation: Observation) -> bool {
        // Device, epoch and number are the spool's to give.
        observation.device.clear();
        observation.epoch.clear();
        observation.seq = None;
        self.calibration.apply(&mut observation);
        let mut record = Vec::with_capacity(256);
        encode_one(
            &self.parameters,
            &observation,
            None,
            self.offset_seconds,
            &mut record,
        );
        if record.len() > MAX_RECORD_BYTES {
            tracing::warn!(
                bytes = record.len(),
                "an observation is too large and is passed over"
            );
            return true;
        }
        self.records.send(record).await.is_ok()
    }
}

/// Runs a source until stopped.
pub(crate) async fn run(settings: SourceSettings, intake: Intake, shutdown: Shutdown) {
    match settings {
        SourceSettings::Exec { command } => exec::run(&command, &intake, shutdown).await,
        SourceSettings::Simulate {
            interval_seconds,
            seed,
        } => {
            invented::run(interval_seconds, seed, &intake, shutdown).await;
        }
    }
}
