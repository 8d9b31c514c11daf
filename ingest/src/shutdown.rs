//! The end of a pipeline, down the stream, and the cause when it ends by itself.
//!
//! Step by step: take no more deliveries (drain) · seal, commit and cut the journal (commit) · send the last PUBACKs and
//! confirmations, and disconnect (acknowledge). Each step ends by itself when the one before it has ended, because its
//! queue is closed. The first two have a deadline, for a full disk or a lake out of reach: what was received is in the
//! journal then. The last one has one, for a broker that is not there. A second signal ends the process.
//!
//! Invariant: a stage that failed is told, whatever else did not end in time.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::IngestError;
use crate::delivery::Hop;
use crate::pipeline::{Pipeline, Summary};

/// How long each of the last words to the broker may take.
const LAST_ACKS: Duration = Duration::from_secs(2);
/// How long the stage that is to blame may take to say why, after another one has noticed.
const CAUSE: Duration = Duration::from_secs(1);

/// How a stage ended.
type Ended = Result<Result<(), IngestError>, tokio::task::JoinError>;

/// The stages between receive and table, each on a thread or task of its own.
#[derive(Debug)]
pub(crate) struct Workers {
    /// By name, in the order in which they end.
    running: Vec<(&'static str, JoinHandle<Result<(), IngestError>>)>,
    ended: Vec<(&'static str, Ended)>,
}

impl Workers {
    pub(crate) fn new(
        journaling: JoinHandle<Result<(), IngestError>>,
        decoding: JoinHandle<Result<(), IngestError>>,
        committing: JoinHandle<Result<(), IngestError>>,
    ) -> Self {
        Self {
            running: vec![
                ("decode", decoding),
                ("commit", committing),
                ("journal", journaling),
            ],
            ended: Vec::new(),
        }
    }

    /// Name and handle of each stage that runs.
    pub(crate) fn handles(&self) -> Vec<(&'static str, tokio::task::AbortHandle)> {
        let handles = self.running.iter();
        handles.map(|(name, task)| (*name, task.abort_handle())).collect()
    }

    /// Waits for the next stage in order.
    async fn end_next(&mut self) {
        let Some((name, stage)) = self.running.first_mut() else {
            return;
        };
        let (name, ended) = (*name, stage.await);
        drop(self.running.remove(0));
        self.ended.push((name, ended));
    }

    /// Takes note of every stage that has ended, and of no other: the commit that is under way is given up.
    async fn abandon(&mut self) {
        for (name, stage) in std::mem::take(&mut self.running) {
            if stage.is_finished() {
                self.ended.push((name, stage.await));
            } else {
                stage.abort();
            }
        }
    }

    /// Waits for whichever stage ends first; for ever when none is left.
    async fn end_any(&mut self) {
        let (at, ended) = poll_fn(|context| {
            for (at, (_, stage)) in self.running.iter_mut().enumerate() {
                if let Poll::Ready(ended) = Pin::new(stage).poll(context) {
                    return Poll::Ready((at, ended));
                }
            }
            Poll::Pending
        })
        .await;
        let (name, _) = self.running.remove(at);
        self.ended.push((name, ended));
    }

    /// What went wrong, if anything did. A stage whose neighbour failed sees a closed queue and nothing else, so its word
    /// counts only when nobody has another.
    fn cause(&mut self) -> Option<IngestError> {
        let ended = std::mem::take(&mut self.ended).into_iter();
        let mut errors: Vec<IngestError> = ended
            .filter_map(|(name, ended)| match ended {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error),
                Err(_) => Some(IngestError::Stage(name)),
            })
            .collect();
        errors.sort_by_key(|error| matches!(error, IngestError::Stage(_)));
        errors.into_iter().next()
    }

    /// Waits until a stage ends, which none does by itself, and a moment more for the one that is to blame.
    pub(crate) async fn failure(&mut self) -> IngestError {
        self.end_any().await;
        let first = self.ended[0].0;
        let is_only_a_neighbour = |(_, ended): &(_, Ended)| matches!(ended, Ok(Err(IngestError::Stage(_))));
        let until = Instant::now() + CAUSE;
        while self.ended.iter().all(is_only_a_neighbour)
            && tokio::time::timeout_at(until.into(), self.end_any())
                .await
                .is_ok()
        {}
        self.cause().unwrap_or(IngestError::Stage(first))
    }
}

impl Pipeline {
    /// Ends the stages down the stream. What was received is in the table when this returns, or, when the table cannot
    /// be reached within the time that the settings give, in the journal, from where the next start takes it up.
    ///
    /// # Errors
    /// The failure of a stage; what was acknowledged is in the journal all the same.
    pub async fn shutdown(self) -> Result<Summary, IngestError> {
        self.observatory.stopping.store(true, Ordering::Relaxed);
        let began = Instant::now();
        let (mut workers, deliveries) = (self.workers, self.deliveries);
        let emptied = async {
            tracing::info!(step = "drain", "shutting down: no more deliveries are taken");
            // The journaling stage may have failed already; then there is nobody to tell.
            let _ = deliveries.send(Hop::End).await;
            drop(deliveries);
            workers.end_next().await;
            step_ended("drain", began);
            tracing::info!(
                step = "commit",
                "shutting down: the last batch is being committed"
            );
            workers.end_next().await;
            workers.end_next().await;
            step_ended("commit", began);
        };
        if tokio::time::timeout(self.deadline, emptied).await.is_err() {
            let left = self.stats.snapshot().left_in_journal;
            tracing::error!(
                step = if workers.ended.is_empty() {
                    "drain"
                } else {
                    "commit"
                },
                seconds = self.deadline.as_secs(),
                left,
                "the table was not reached in time: {left} messages are in the journal and not in the table; \
                 the next start takes it up"
            );
            workers.abandon().await;
        }
        tracing::info!(
            step = "acknowledge",
            "shutting down: the last acknowledgements go out"
        );
        let (receiver, confirmer) = (self.receiver.abort_handle(), self.confirmer.abort_handle());
        // A broker that is not there is not waited for.
        let _ = tokio::time::timeout(LAST_ACKS, self.receiver).await;
        let _ = tokio::time::timeout(LAST_ACKS, self.confirmer).await;
        receiver.abort();
        confirmer.abort();
        step_ended("acknowledge", began);
        if let Some(error) = workers.cause() {
            return Err(error);
        }
        let summary = self.stats.snapshot();
        tracing::info!(
            step = "done",
            committed = summary.committed,
            version = summary.version,
            "shut down"
        );
        Ok(summary)
    }
}

fn step_ended(step: &'static str, began: Instant) {
    let elapsed_ms = began.elapsed().as_millis() as u64;
    tracing::info!(step, elapsed_ms, "shutting down: step ended");
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn hangs() -> Result<(), IngestError> {
        std::future::pending().await
    }

    async fn fails() -> Result<(), IngestError> {
        Err(IngestError::JournalFailed("disk".to_owned()))
    }

    async fn sees_a_closed_queue() -> Result<(), IngestError> {
        Err(IngestError::Stage("commit"))
    }

    #[tokio::test]
    async fn a_failure_is_told_though_another_stage_does_not_end() {
        let mut workers = Workers::new(
            tokio::spawn(fails()),
            tokio::spawn(hangs()),
            tokio::spawn(hangs()),
        );
        while !workers.running.iter().any(|(_, stage)| stage.is_finished()) {
            tokio::task::yield_now().await;
        }
        workers.abandon().await;
        assert!(matches!(workers.cause(), Some(IngestError::JournalFailed(_))));
    }

    #[tokio::test]
    async fn the_stage_that_is_to_blame_is_told_and_not_its_neighbour() {
        let mut workers = Workers::new(
            tokio::spawn(sees_a_closed_queue()),
            tokio::spawn(sees_a_closed_queue()),
            tokio::spawn(fails()),
        );
        assert!(matches!(workers.failure().await, IngestError::JournalFailed(_)));
    }
}
