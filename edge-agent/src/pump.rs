//! Moves observations from a blocking reader or generator into the publisher, at the pace that is asked for.
//!
//! Lives on a thread that may block. Ends early, and quietly, when stopped or when the publisher takes nothing more:
//! why that is, the publisher tells.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dustwatch_observation::{Observation, ParameterSet};
use tokio::sync::mpsc;

use crate::pack::{PackOptions, Packer, Packet};
use crate::{EdgeError, Shutdown};

/// Longest sleep without looking whether to stop.
const NAP: Duration = Duration::from_millis(50);

pub(crate) struct Pump {
    packer: Packer,
    packets: Vec<Packet>,
    offers: mpsc::Sender<Packet>,
    shutdown: Shutdown,
    /// Messages a second, as fast as they are confirmed when `None`.
    rate: Option<f64>,
    started: Instant,
    offered: u64,
}

impl Pump {
    pub(crate) fn new(
        options: PackOptions,
        parameters: Arc<ParameterSet>,
        rate: Option<f64>,
        offers: mpsc::Sender<Packet>,
        shutdown: Shutdown,
    ) -> Self {
        let packer = Packer::new(options, parameters);
        Self {
            packer,
            packets: Vec::new(),
            offers,
            shutdown,
            rate,
            started: Instant::now(),
            offered: 0,
        }
    }

    /// Packs an observation, leaving other buffers in its place, and offers what is full. `Break` when there is no
    /// point in going on.
    pub(crate) fn push(&mut self, observation: &mut Observation) -> Result<ControlFlow<()>, EdgeError> {
        if self.shutdown.is_requested() {
            return Ok(ControlFlow::Break(()));
        }
        self.packer.push(observation, &mut self.packets)?;
        Ok(self.offer())
    }

    /// Offers what waits for company.
    pub(crate) fn flush(&mut self) -> Result<ControlFlow<()>, EdgeError> {
        self.packer.flush(&mut self.packets)?;
        Ok(self.offer())
    }

    fn offer(&mut self) -> ControlFlow<()> {
        for packet in std::mem::take(&mut self.packets) {
            if let Some(rate) = self.rate {
                let due = self.started + Duration::from_secs_f64(self.offered as f64 / rate);
                self.wait(|| due.saturating_duration_since(Instant::now()))?;
            }
            self.offered += 1;
            if self.offers.blocking_send(packet).is_err() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Sleeps as long as something `remains`; `Break` when stopped meanwhile.
    pub(crate) fn wait(&self, remains: impl Fn() -> Duration) -> ControlFlow<()> {
        loop {
            let remaining = remains();
            if remaining.is_zero() {
                return ControlFlow::Continue(());
            }
            if self.shutdown.is_requested() || self.offers.is_closed() {
                return ControlFlow::Break(());
            }
            std::thread::sleep(NAP.min(remaining));
        }
    }
}
