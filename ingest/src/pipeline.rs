//! Pipeline: wires the stages, starts them, and ends them down the stream.
//!
//! Shutdown, step by step: take no more deliveries (drain) · seal, commit and cut the journal (commit) · send the last
//! PUBACKs and confirmations, and disconnect (acknowledge). Each step ends by itself when the one before it has ended,
//! because its queue is closed. The first two have a deadline, for a full disk or a lake out of reach: what was received
//! is in the journal then. The last one has one, for a broker that is not there. A second signal ends the process.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use dustwatch_config::{BrokerSettings, Registry, Settings};
use dustwatch_journal::{Journal, JournalOptions, Position};
use dustwatch_lake::Lake;
use dustwatch_observation::{Ack, Clock, Topic, TopicKind};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::commit::{CommitOutputs, Committer, Watched};
use crate::decode::MessageDecoder;
use crate::decoding::Decoding;
use crate::delivery::Hop;
use crate::door::Observatory;
use crate::durable::Durable;
use crate::group::{self, Member};
use crate::journaling::{JournalOutputs, Journaling};
use crate::maintenance::Maintenance;
use crate::metrics::{Metrics, Queues};
use crate::receive::Receiver;
use crate::stats::Stats;
use crate::{IngestError, confirm, link, stats};

/// Reads between receive and journal, a quarter of a megabyte each at the most.
const READS: usize = 16;
/// Groups between journal and decode, two megabytes each, about.
const GROUPS: usize = 4;
/// Sealed batches between decode and commit.
const BATCHES: usize = 1;
/// Groups of confirmations on their way to the devices.
const CONFIRMATIONS: usize = 64;
/// Confirmations in their client's queue.
const CONFIRMATIONS_IN_CLIENT: usize = 1024;
/// Commits of ours that the group has not been told of.
const COMMITS_TO_TELL: usize = 16;
/// Largest record of the journal: the largest payload taken, its topic and head.
const RECORD_EXTRA: u32 = 128 * 1024;
/// How long each of the last words to the broker may take.
const LAST_ACKS: Duration = Duration::from_secs(2);

/// What an ingester did in its life.
pub type Summary = stats::Snapshot;

/// A running ingester.
#[derive(Debug)]
pub struct Pipeline {
    stats: Arc<Stats>,
    deliveries: mpsc::Sender<Hop>,
    subscribed: watch::Receiver<bool>,
    receiver: JoinHandle<()>,
    confirmer: JoinHandle<()>,
    workers: Workers,
    observatory: Observatory,
    registry: watch::Sender<Arc<Registry>>,
    /// Longest wait of a shutdown for the table.
    deadline: Duration,
    /// Ends with the pipeline.
    _maintenance: Maintenance,
}

#[derive(Debug)]
struct Workers {
    journaling: JoinHandle<Result<(), IngestError>>,
    decoding: JoinHandle<Result<(), IngestError>>,
    committing: JoinHandle<Result<(), IngestError>>,
}

impl Pipeline {
    /// Opens journal and tables, replays what the tables lack, connects and subscribes.
    ///
    /// # Errors
    /// [`IngestError`] says what stands in the way; a broker that is not there is waited for instead.
    pub async fn start(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, IngestError> {
        let stats = Arc::new(Stats::default());
        let journal = open_journal(settings)?;
        let lake = Lake::new(settings)?;
        let app_id = format!("ingest-{}", journal.id());
        let maintenance = Maintenance::start(lake.clone(), settings, clock.clone());
        let committer = Committer::open(&lake, &app_id, stats.clone()).await?;
        check_positions(&journal, committer.position())?;
        let (last, reached) = (journal.last().get(), committer.position().get());
        stats.journal_last.store(last, Ordering::Relaxed);
        stats.table_position.store(reached, Ordering::Relaxed);

        let (delivery_out, delivery_in) = mpsc::channel(READS);
        let (journaled_out, journaled_in) = mpsc::channel(GROUPS);
        let (sealed_out, sealed_in) = mpsc::channel(BATCHES);
        let (receipt_out, receipt_in) = mpsc::unbounded_channel();
        let (ack_out, ack_in) = mpsc::channel(CONFIRMATIONS);
        let (committed_out, committed_in) = watch::channel(committer.position());
        let broker = identified(&settings.broker, journal.id());
        let metrics = Arc::new(Metrics::new(
            stats.clone(),
            Queues {
                deliveries: delivery_out.downgrade(),
                journaled: journaled_out.downgrade(),
                sealed: sealed_out.downgrade(),
            },
        ));
        let receiver = Receiver::new(
            &broker,
            filters(settings, TopicKind::Obs),
            clock.clone(),
            stats.clone(),
        )?;
        let subscribed = receiver.subscribed();
        let (ack_client, ack_eventloop) = link::connect(&broker, "-ack", false, CONFIRMATIONS_IN_CLIENT)?;

        let journaling = Journaling {
            replay_after: committer.position(),
            journal,
            ack_after: settings.broker.ack_after,
            group_interval: Duration::from_millis(settings.journal.group_commit_ms),
            synced_at: Instant::now(),
            shard: settings.broker.shard,
            stats: stats.clone(),
            metrics: metrics.clone(),
            clock: clock.clone(),
        };
        let journal_outputs = JournalOutputs {
            journaled: journaled_out,
            receipts: receipt_out.clone(),
            committed: committed_in,
        };
        let retained = confirm::Retained::default();
        let (registry, registry_in) = watch::channel(settings.registry.clone());
        let decoder = MessageDecoder::new(settings, retained.clone(), stats.clone())
            .limited(settings, committer.rejected_position())
            .with_registry(registry_in);
        let decoding = Decoding::new(settings, decoder, sealed_out, ack_out.clone(), metrics.clone());
        let confirmer = confirm::run(
            ack_client,
            ack_eventloop,
            filters(settings, TopicKind::Ack),
            retained,
            ack_in,
        );
        let group = start_group(settings, &broker, ack_out.clone())?;
        let commit_outputs = CommitOutputs {
            receipts: receipt_out,
            acks: ack_out,
            group,
            committed: committed_out,
        };

        let watched = Watched {
            metrics: metrics.clone(),
            clock,
        };
        let workers = Workers {
            journaling: tokio::task::spawn_blocking(move || journaling.run(delivery_in, journal_outputs)),
            decoding: tokio::task::spawn_blocking(move || decoding.run(journaled_in)),
            committing: tokio::spawn(committer.run(sealed_in, commit_outputs, watched)),
        };
        let receiver = tokio::spawn(receiver.run(delivery_out.clone(), receipt_in));
        let observatory = Observatory {
            metrics,
            stats: stats.clone(),
            subscribed: subscribed.clone(),
            stages: vec![
                ("receive", receiver.abort_handle()),
                ("journal", workers.journaling.abort_handle()),
                ("decode", workers.decoding.abort_handle()),
                ("commit", workers.committing.abort_handle()),
            ],
            stopping: Arc::default(),
        };
        Ok(Self {
            receiver,
            confirmer: tokio::spawn(confirmer),
            workers,
            observatory,
            registry,
            deadline: Duration::from_secs(settings.lake.shutdown_seconds.into()),
            stats,
            _maintenance: maintenance,
            deliveries: delivery_out,
            subscribed,
        })
    }

    /// What can be seen from outside, also while the pipeline shuts down.
    pub fn observatory(&self) -> Observatory {
        self.observatory.clone()
    }

    /// The counters.
    pub fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }

    /// A wait until the broker has confirmed the subscription, apart from the pipeline.
    pub fn subscribed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut subscribed = self.subscribed.clone();
        async move {
            let _ = subscribed.wait_for(|subscribed| *subscribed).await;
        }
    }

    /// Waits until the broker has confirmed the subscription.
    pub async fn ready(&self) {
        self.subscribed().await;
    }

    /// Waits until a stage fails; a healthy pipeline waits for ever.
    ///
    /// # Errors
    /// The failure of the first stage that ended.
    pub async fn failure(&mut self) -> IngestError {
        let workers = &mut self.workers;
        let (stage, ended) = tokio::select! {
            ended = &mut workers.journaling => ("journal", ended),
            ended = &mut workers.decoding => ("decode", ended),
            ended = &mut workers.committing => ("commit", ended),
        };
        match ended {
            Ok(Err(error)) => error,
            Ok(Ok(())) | Err(_) => IngestError::Stage(stage),
        }
    }

    /// A way to exchange the registry while the pipeline runs: stations that were added are known from the next
    /// message on.
    pub fn registry(&self) -> watch::Sender<Arc<Registry>> {
        self.registry.clone()
    }

    /// Ends the stages down the stream. What was received is in the table when this returns, or, when the table cannot
    /// be reached within the time that the settings give, in the journal, from where the next start takes it up.
    ///
    /// # Errors
    /// The failure of a stage; what was acknowledged is in the journal all the same.
    pub async fn shutdown(self) -> Result<Summary, IngestError> {
        self.observatory.stopping.store(true, Ordering::Relaxed);
        let Workers {
            journaling,
            decoding,
            committing,
        } = self.workers;
        let (abort, drained) = (committing.abort_handle(), decoding.abort_handle());
        let began = Instant::now();
        let deliveries = self.deliveries;
        let emptied = async move {
            tracing::info!(step = "drain", "shutting down: no more deliveries are taken");
            // The journaling stage may have failed already; then there is nobody to tell.
            let _ = deliveries.send(Hop::End).await;
            drop(deliveries);
            let decoded = decoding.await;
            step_ended("drain", began);
            tracing::info!(
                step = "commit",
                "shutting down: the last batch is being committed"
            );
            let committed = committing.await;
            let journaled = journaling.await;
            step_ended("commit", began);
            [("journal", journaled), ("decode", decoded), ("commit", committed)]
        };
        let ended = tokio::time::timeout(self.deadline, emptied).await;
        if ended.is_err() {
            abort.abort();
            let left = self.stats.snapshot().left_in_journal;
            tracing::error!(
                step = if drained.is_finished() { "commit" } else { "drain" },
                seconds = self.deadline.as_secs(),
                left,
                "the table was not reached in time: {left} messages are in the journal and not in the table; \
                 the next start takes it up"
            );
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
        for (stage, ended) in ended.into_iter().flatten() {
            ended.map_err(|_| IngestError::Stage(stage))??;
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

/// Several ingesters may have the same settings; their journals tell them apart at the broker.
fn identified(broker: &BrokerSettings, journal: &str) -> BrokerSettings {
    let mut broker = broker.clone();
    if broker.share.is_some() || broker.shard.is_some() {
        broker.client_id = format!("{}-{journal}", broker.client_id);
    }
    broker
}

/// Joins the group of a shared subscription, if it is one; it ends when the committing stage lets go of the sender.
fn start_group(
    settings: &Settings,
    broker: &BrokerSettings,
    acks: mpsc::Sender<Vec<(Topic, Ack)>>,
) -> Result<Option<mpsc::Sender<Vec<Durable>>>, IngestError> {
    let Some(name) = &broker.share else {
        return Ok(None);
    };
    let member = Member {
        id: broker.client_id.clone(),
        topic: Topic::of_group(name),
        ack_filters: filters(settings, TopicKind::Ack),
    };
    let (client, eventloop) = link::connect(broker, "-group", false, CONFIRMATIONS_IN_CLIENT)?;
    let (committed_out, committed_in) = mpsc::channel(COMMITS_TO_TELL);
    tokio::spawn(group::run(member, client, eventloop, committed_in, acks));
    Ok(Some(committed_out))
}

fn open_journal(settings: &Settings) -> Result<Journal, IngestError> {
    let dir = &settings.journal.dir;
    let options = JournalOptions {
        segment_bytes: settings.journal.segment_bytes,
        max_record_bytes: settings.broker.max_payload_bytes + RECORD_EXTRA,
        ..JournalOptions::default()
    };
    let (journal, recovery) = Journal::open(dir, options).map_err(|cause| IngestError::Journal {
        dir: dir.display().to_string(),
        cause,
    })?;
    tracing::info!(dir = %dir.display(), id = journal.id(), records = recovery.records, torn_bytes = recovery.torn_bytes,
        created = recovery.created, "journal opened");
    Ok(journal)
}

/// The table must not know more of the journal than the journal does: its positions would be given out twice.
fn check_positions(journal: &Journal, table: Position) -> Result<(), IngestError> {
    if table > journal.last() {
        let id = journal.id().to_owned();
        return Err(IngestError::JournalBehind {
            id,
            table: table.get(),
            journal: journal.last().get(),
        });
    }
    Ok(())
}

/// A filter for each district that the registry has.
fn filters(settings: &Settings, kind: TopicKind) -> Vec<String> {
    let mut districts: Vec<&str> = settings
        .registry
        .townships()
        .iter()
        .map(|t| t.district.as_str())
        .collect();
    districts.push(settings.district.code.as_str());
    districts.sort_unstable();
    districts.dedup();
    districts
        .into_iter()
        .filter_map(|code| dustwatch_observation::DistrictCode::new(code).ok())
        .map(|code| Topic::filter(Some(&code), kind))
        .collect()
}
