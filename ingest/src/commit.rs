//! Commit: makes sealed batches part of the tables, in order, exactly once.
//!
//! Rejections are committed before the observations of the same batch: the position of `observations` is the one that
//! the journal is cut behind, so it moves last. A store that fails is tried again with growing waits; meanwhile the
//! queues fill and the broker is read more slowly.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use dustwatch_failpoint::{self as failpoint, Point};
use dustwatch_journal::Position;
use dustwatch_lake::{
    Appender, Commit, Identity, Lake, LakeError, ObservationRows, RejectedBatchBuilder, RejectedRow,
    TableKind,
};
use dustwatch_observation::{Ack, Clock, Time, Topic};
use tokio::sync::{mpsc, watch};

use crate::IngestError;
use crate::batch::Sealed;
use crate::counts::CountsFile;
use crate::delivery::Receipt;
use crate::durable::Durable;
use crate::link::Backoff;
use crate::metrics::{Metrics, seconds};
use crate::stats::{Stats, add};

/// How often other ingesters may commit first before a batch is appended without looking once more.
const MAX_OVERTAKEN: u32 = 8;

/// The committing stage.
pub(crate) struct Committer {
    observations: Appender,
    rejected: Appender,
    identity: Identity,
    stats: Arc<Stats>,
}

/// What goes out of the committing stage.
pub(crate) struct CommitOutputs {
    pub(crate) receipts: mpsc::UnboundedSender<Vec<Receipt>>,
    pub(crate) acks: mpsc::Sender<Vec<(Topic, Ack)>>,
    /// Present when the subscription is shared.
    pub(crate) group: Option<mpsc::Sender<Vec<Durable>>>,
    pub(crate) committed: watch::Sender<Position>,
}

/// What is told of each commit.
pub(crate) struct Watched {
    counts: CountsFile,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

impl Watched {
    pub(crate) fn new(counts: CountsFile, metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        Self {
            counts,
            metrics,
            clock,
        }
    }

    /// Takes note of a commit's time, and of how long its first and its last row waited for it.
    fn committed(&self, began: Instant, received: Option<(Time, Time)>) {
        self.metrics.commit.record(began.elapsed());
        if let Some((first, last)) = received {
            let now = self.clock.now();
            self.metrics.received_to_queryable.record(seconds(first, now));
            self.metrics.received_to_queryable.record(seconds(last, now));
        }
        self.metrics.upkeep();
    }
}

impl Committer {
    /// Opens the tables under an application id.
    pub(crate) async fn open(lake: &Lake, app_id: &str, stats: Arc<Stats>) -> Result<Self, LakeError> {
        Ok(Self {
            observations: Appender::open(lake, TableKind::Observations, app_id).await?,
            rejected: Appender::open(lake, TableKind::Rejected, app_id).await?,
            identity: Identity::new(lake),
            stats,
        })
    }

    /// The journal position that the table `observations` has reached.
    pub(crate) fn position(&self) -> Position {
        Position::new(self.observations.position().unwrap_or(0))
    }

    /// The journal position that the table `rejected` has reached.
    pub(crate) fn rejected_position(&self) -> Position {
        Position::new(self.rejected.position().unwrap_or(0))
    }

    /// Commits batches until their senders are gone.
    pub(crate) async fn run(
        mut self,
        mut input: mpsc::Receiver<Sealed>,
        outputs: CommitOutputs,
        mut watched: Watched,
    ) -> Result<(), IngestError> {
        self.stats
            .version
            .store(self.observations.version(), Ordering::Relaxed);
        while let Some(sealed) = input.recv().await {
            let began = Instant::now();
            let received = sealed.observations.received();
            watched.counts.keep(sealed.up_to, sealed.counts);
            self.commit_rejected(&sealed.rejected, sealed.up_to).await?;
            self.commit_observations(sealed.observations, sealed.up_to)
                .await?;
            watched.committed(began, received);
            outputs.committed.send_replace(sealed.up_to);
            let reached = sealed.up_to.get();
            self.stats.table_position.store(reached, Ordering::Relaxed);
            failpoint::pass(Point::PositionAnnounced);
            if !sealed.receipts.is_empty() {
                let _ = outputs.receipts.send(sealed.receipts);
            }
            if !sealed.acks.is_empty() {
                let _ = outputs.acks.send(sealed.acks).await;
            }
            if let Some(group) = outputs.group.as_ref().filter(|_| !sealed.durable.is_empty()) {
                let _ = group.send(sealed.durable).await;
            }
        }
        Ok(())
    }

    async fn commit_rejected(
        &mut self,
        rejected: &[(Position, RejectedRow)],
        up_to: Position,
    ) -> Result<(), IngestError> {
        let reached = self.rejected_position();
        let rows: Vec<RejectedRow> = rejected
            .iter()
            .filter(|(at, _)| *at > reached)
            .map(|(_, row)| row.clone())
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        let mut waits = Waits::default();
        loop {
            let attempt = match RejectedBatchBuilder::build(&rows) {
                Ok(batch) => self.rejected.append(&[batch], up_to.get()).await,
                Err(error) => Err(error),
            };
            match attempt {
                Ok(_) => {
                    failpoint::pass(Point::RejectedCommitted);
                    return Ok(());
                }
                Err(error) => waits.wait("rejected", error).await?,
            }
        }
    }

    async fn commit_observations(
        &mut self,
        mut rows: ObservationRows,
        up_to: Position,
    ) -> Result<(), IngestError> {
        let mut waits = Waits::default();
        let mut duplicates = 0;
        let mut overtaken = 0;
        loop {
            let counts = match self.identity.admit(&mut self.observations, &mut rows).await {
                Ok(counts) => counts,
                Err(error) => {
                    waits.wait("observations", error).await?;
                    continue;
                }
            };
            duplicates += counts.duplicates;
            failpoint::pass(Point::Admitted);
            if let Some(commit) = self.append(&rows, up_to, overtaken, &mut waits).await? {
                failpoint::pass(Point::ObservationsCommitted);
                self.record(&commit, duplicates, counts.corrections);
                return Ok(());
            }
            self.identity.forget_days(&rows);
            overtaken += 1;
            tokio::time::sleep(jitter(overtaken)).await;
        }
    }

    /// Appends rows that were just admitted; `None` when another ingester has committed since, so that they must be
    /// admitted again. One that is overtaken again and again appends all the same: what is there twice then counts once.
    async fn append(
        &mut self,
        rows: &ObservationRows,
        up_to: Position,
        overtaken: u32,
        waits: &mut Waits,
    ) -> Result<Option<Commit>, LakeError> {
        loop {
            let attempt = if overtaken < MAX_OVERTAKEN {
                self.observations.append_admitted(rows, up_to.get()).await
            } else {
                self.observations.append_rows(rows, up_to.get()).await
            };
            match attempt {
                Ok(commit) => return Ok(Some(commit)),
                Err(LakeError::Overtaken { .. }) => return Ok(None),
                Err(error) => waits.wait("observations", error).await?,
            }
        }
    }

    fn record(&self, commit: &Commit, duplicates: u64, corrections: u64) {
        add(&self.stats.commits, 1);
        add(&self.stats.committed, commit.rows);
        add(&self.stats.committed_bytes, commit.bytes);
        add(&self.stats.duplicates, duplicates);
        add(&self.stats.corrections, corrections);
        self.stats.version.store(commit.version, Ordering::Relaxed);
        let files = self.observations.files() as u64;
        self.stats.files.store(files, Ordering::Relaxed);
        tracing::debug!(
            version = commit.version,
            rows = commit.rows,
            bytes = commit.bytes,
            duplicates,
            "committed"
        );
    }
}

/// A random wait after having been overtaken, longer the oftener, so that ingesters do not meet again at once.
fn jitter(overtaken: u32) -> Duration {
    let longest = 50u64 << overtaken.min(6);
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), overtaken);
    Duration::from_millis(random % longest)
}

/// Waits between attempts on a store that fails.
#[derive(Default)]
pub(crate) struct Waits {
    backoff: Backoff,
    attempts: u64,
    at_most: Option<u64>,
}

impl Waits {
    /// For somebody who gives up after so many attempts.
    pub(crate) fn at_most(attempts: u64) -> Self {
        Self {
            at_most: Some(attempts),
            ..Self::default()
        }
    }

    /// Waits before the next attempt; an error that no waiting mends is given back.
    pub(crate) async fn wait(&mut self, table: &'static str, error: LakeError) -> Result<(), LakeError> {
        if matches!(
            error,
            LakeError::Layout { .. } | LakeError::Arrow { .. } | LakeError::Address { .. }
        ) {
            return Err(error);
        }
        self.attempts += 1;
        if self.at_most.is_some_and(|most| self.attempts >= most) {
            return Err(error);
        }
        let wait: Duration = self
            .backoff
            .next(self.attempts.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32);
        let wait_ms = wait.as_millis() as u64;
        tracing::error!(table, %error, attempt = self.attempts, wait_ms, "commit failed, trying again");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}
