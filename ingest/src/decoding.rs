//! Decoding: decodes and batches, on a thread of its own.
//!
//! Place on the way: third stage. It takes what the journal has and hands on sealed batches; what may be confirmed goes
//! to the confirmer, at once or with the batch, by setting.
//!
//! Invariant: messages are decoded in the order of the journal.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dustwatch_config::{AckAfter, Settings};
use dustwatch_failpoint::{self as failpoint, Point};
use dustwatch_lake::ObservationRows;
use dustwatch_observation::{Ack, Topic};
use tokio::sync::mpsc;

use crate::IngestError;
use crate::batch::{Batcher, Sealed};
use crate::decode::MessageDecoder;
use crate::delivery::{Journaled, Receipt};
use crate::metrics::{Metrics, seconds};

/// The third stage.
pub(crate) struct Decoding {
    decoder: MessageDecoder,
    batcher: Batcher,
    ack_after: AckAfter,
    sealed: mpsc::Sender<Sealed>,
    acks: mpsc::Sender<Vec<(Topic, Ack)>>,
    metrics: Arc<Metrics>,
}

impl Decoding {
    pub(crate) fn new(
        settings: &Settings,
        decoder: MessageDecoder,
        sealed: mpsc::Sender<Sealed>,
        acks: mpsc::Sender<Vec<(Topic, Ack)>>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            decoder,
            batcher: Batcher::new(
                ObservationRows::new(settings.parameters.clone()),
                settings.lake.commit_rows as usize,
                Duration::from_secs(settings.lake.commit_interval_seconds.into()),
            ),
            ack_after: settings.broker.ack_after,
            sealed,
            acks,
            metrics,
        }
    }

    /// Decodes until the senders of `input` are gone, then seals what is left.
    pub(crate) fn run(mut self, mut input: mpsc::Receiver<Vec<Journaled>>) -> Result<(), IngestError> {
        let runtime = tokio::runtime::Handle::current();
        loop {
            let wait = self
                .batcher
                .time_left(Instant::now())
                .unwrap_or(Duration::from_secs(3600));
            match runtime.block_on(async { tokio::time::timeout(wait, input.recv()).await }) {
                Ok(Some(group)) => self.take(group)?,
                Ok(None) => break,
                Err(_elapsed) => {}
            }
            if self.batcher.is_due(Instant::now()) {
                self.seal()?;
            }
        }
        self.seal()
    }

    fn take(&mut self, group: Vec<Journaled>) -> Result<(), IngestError> {
        self.decoder.look_at_registry();
        // The last confirmation of a device says everything.
        let mut acks: HashMap<Topic, Ack> = HashMap::new();
        for message in group {
            if !message.ours {
                self.batcher.receipts.extend::<Option<Receipt>>(message.receipt);
                self.batcher.reached(message.position, Instant::now());
                continue;
            }
            let before = self.batcher.rows.len();
            let outcome = self.decoder.decode(&message, &mut self.batcher.rows);
            failpoint::pass(Point::Decoded);
            if let Some(observed) = self.batcher.rows.last_observed()
                && self.batcher.rows.len() > before
            {
                let lag = seconds(observed, message.received_at);
                self.metrics.observed_to_received.record(lag);
            }
            if let Some(row) = outcome.rejected {
                self.batcher.reject(message.position, row);
            }
            match self.ack_after {
                AckAfter::Journal => acks.extend(outcome.ack),
                AckAfter::Lake => self.batcher.acks.extend(outcome.ack),
            }
            if let Some((topic, head)) = outcome.durable {
                self.batcher.durable.add(topic, &head);
            }
            self.batcher.receipts.extend::<Option<Receipt>>(message.receipt);
            self.batcher.reached(message.position, Instant::now());
            if self.batcher.is_due(Instant::now()) {
                self.seal()?;
            }
        }
        if !acks.is_empty() {
            // Nobody to tell any more: agents that hear nothing send again.
            let _ = self.acks.blocking_send(acks.into_iter().collect());
        }
        Ok(())
    }

    fn seal(&mut self) -> Result<(), IngestError> {
        self.batcher.reject_together(self.decoder.take_due());
        if let Some(mut sealed) = self.batcher.seal() {
            sealed.counts = self.decoder.counts();
            self.sealed
                .blocking_send(sealed)
                .map_err(|_| IngestError::Stage("commit"))?;
            failpoint::pass(Point::Sealed);
        }
        Ok(())
    }
}
