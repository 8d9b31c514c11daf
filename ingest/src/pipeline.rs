//! Pipeline: wires the stages and starts them; [`shutdown`](crate::shutdown) ends them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use dustwatch_config::{BrokerSettings, Registry, Settings};
use dustwatch_journal::{Journal, JournalOptions, Position};
use dustwatch_lake::Lake;
use dustwatch_observation::{Ack, Clock, Topic};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::commit::{CommitOutputs, Committer, Watched};
use crate::confirm::{self, Retained};
use crate::counts::CountsFile;
use crate::decode::MessageDecoder;
use crate::decoding::Decoding;
use crate::delivery::Hop;
use crate::districts::Districts;
use crate::door::Observatory;
use crate::durable::Durable;
use crate::group::{self, Member};
use crate::journaling::{JournalOutputs, Journaling};
use crate::maintenance::Maintenance;
use crate::metrics::{Metrics, Queues};
use crate::receive::Receiver;
use crate::shutdown::Workers;
use crate::stats::Stats;
use crate::{IngestError, link, stats};

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

/// What an ingester did in its life.
pub type Summary = stats::Snapshot;

/// A running ingester.
#[derive(Debug)]
pub struct Pipeline {
    pub(crate) stats: Arc<Stats>,
    pub(crate) deliveries: mpsc::Sender<Hop>,
    subscribed: watch::Receiver<bool>,
    pub(crate) receiver: JoinHandle<()>,
    pub(crate) confirmer: JoinHandle<()>,
    pub(crate) workers: Workers,
    pub(crate) observatory: Observatory,
    registry: watch::Sender<Arc<Registry>>,
    /// Longest wait of a shutdown for the table.
    pub(crate) deadline: Duration,
    /// Ends with the pipeline.
    _maintenance: Maintenance,
}

impl Pipeline {
    /// Opens journal and tables, replays what the tables lack, connects and subscribes.
    ///
    /// # Errors
    /// [`IngestError`] says what stands in the way; a broker that is not there is waited for instead.
    pub async fn start(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, IngestError> {
        Self::start_into(Lake::new(settings)?, settings, clock).await
    }

    /// As [`Pipeline::start`], into a lake that was opened already, whatever its store.
    ///
    /// # Errors
    /// As [`Pipeline::start`].
    pub async fn start_into(
        lake: Lake,
        settings: &Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, IngestError> {
        let stats = Arc::new(Stats::default());
        let (journal, committer) = open(&lake, settings, &stats).await?;
        let maintenance = Maintenance::start(lake, settings, clock.clone());

        let (delivery_out, delivery_in) = mpsc::channel(READS);
        let (journaled_out, journaled_in) = mpsc::channel(GROUPS);
        let (sealed_out, sealed_in) = mpsc::channel(BATCHES);
        let (receipt_out, receipt_in) = mpsc::unbounded_channel();
        let (ack_out, ack_in) = mpsc::channel(CONFIRMATIONS);
        let (committed_out, committed_in) = watch::channel(committer.position());
        let (registry, registry_in) = watch::channel(settings.registry.clone());
        let districts = Districts::new(settings, registry_in.clone());
        let broker = identified(&settings.broker, journal.id());
        let queues = Queues {
            deliveries: delivery_out.downgrade(),
            journaled: journaled_out.downgrade(),
            sealed: sealed_out.downgrade(),
        };
        let metrics = Arc::new(Metrics::new(stats.clone(), queues));

        let receiver = Receiver::new(&broker, districts.clone(), clock.clone(), stats.clone())?;
        let subscribed = receiver.subscribed();
        let retained = Retained::default();
        let confirmer = start_confirming(&broker, districts.clone(), retained.clone(), ack_in)?;
        let group = start_group(&broker, districts, ack_out.clone())?;
        let reached = committer.position().max(committer.rejected_position());
        let (counts_file, counts) = CountsFile::open(&settings.journal.dir, journal.id(), reached);
        let decoder = MessageDecoder::new(settings, retained, stats.clone())
            .limited(settings, committer.rejected_position(), counts)
            .with_registry(registry_in);
        let decoding = Decoding::new(settings, decoder, sealed_out, ack_out.clone(), metrics.clone());
        let journaling = journaling(settings, journal, committer.position(), &metrics, &stats, &clock);
        let journal_outputs = JournalOutputs {
            journaled: journaled_out,
            receipts: receipt_out.clone(),
            committed: committed_in,
        };
        let commit_outputs = CommitOutputs {
            receipts: receipt_out,
            acks: ack_out,
            group,
            committed: committed_out,
        };
        let watched = Watched::new(counts_file, metrics.clone(), clock);
        let workers = Workers::new(
            tokio::task::spawn_blocking(move || journaling.run(delivery_in, journal_outputs)),
            tokio::task::spawn_blocking(move || decoding.run(journaled_in)),
            tokio::spawn(committer.run(sealed_in, commit_outputs, watched)),
        );
        let receiver = tokio::spawn(receiver.run(delivery_out.clone(), receipt_in));
        Ok(Self {
            observatory: Observatory::new(metrics, stats.clone(), subscribed.clone(), &receiver, &workers),
            receiver,
            confirmer,
            workers,
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
    /// The failure of the stage that is to blame.
    pub async fn failure(&mut self) -> IngestError {
        self.workers.failure().await
    }

    /// A way to exchange the registry while the pipeline runs: stations that were added are known from the next
    /// message on.
    pub fn registry(&self) -> watch::Sender<Arc<Registry>> {
        self.registry.clone()
    }
}

/// Several ingesters may have the same settings; their journals tell them apart at the broker.
fn identified(broker: &BrokerSettings, journal: &str) -> BrokerSettings {
    let mut broker = broker.clone();
    if broker.share.is_some() || broker.shard.is_some() {
        broker.client_id = format!("{}-{journal}", broker.client_id);
    }
    broker
}

/// Opens journal and tables, and sees to it that they belong together.
async fn open(
    lake: &Lake,
    settings: &Settings,
    stats: &Arc<Stats>,
) -> Result<(Journal, Committer), IngestError> {
    let journal = open_journal(settings)?;
    let app_id = format!("ingest-{}", journal.id());
    let committer = Committer::open(lake, &app_id, stats.clone()).await?;
    check_positions(&journal, committer.position())?;
    note_positions(stats, &journal, committer.position());
    Ok((journal, committer))
}

fn journaling(
    settings: &Settings,
    journal: Journal,
    replay_after: Position,
    metrics: &Arc<Metrics>,
    stats: &Arc<Stats>,
    clock: &Arc<dyn Clock>,
) -> Journaling {
    Journaling {
        replay_after,
        journal,
        ack_after: settings.broker.ack_after,
        group_interval: Duration::from_millis(settings.journal.group_commit_ms),
        synced_at: Instant::now(),
        shard: settings.broker.shard,
        stats: stats.clone(),
        metrics: metrics.clone(),
        clock: clock.clone(),
    }
}

/// Starts to confirm to devices, on a connection of its own.
fn start_confirming(
    broker: &BrokerSettings,
    districts: Districts,
    retained: Retained,
    acks: mpsc::Receiver<Vec<(Topic, Ack)>>,
) -> Result<JoinHandle<()>, IngestError> {
    let (client, eventloop) = link::connect(broker, "-ack", false, CONFIRMATIONS_IN_CLIENT)?;
    let confirming = confirm::run(client, eventloop, districts, retained, acks);
    Ok(tokio::spawn(confirming))
}

/// Joins the group of a shared subscription, if it is one; it ends when the committing stage lets go of the sender.
fn start_group(
    broker: &BrokerSettings,
    districts: Districts,
    acks: mpsc::Sender<Vec<(Topic, Ack)>>,
) -> Result<Option<mpsc::Sender<Vec<Durable>>>, IngestError> {
    let Some(name) = &broker.share else {
        return Ok(None);
    };
    let member = Member {
        id: broker.client_id.clone(),
        topic: Topic::of_group(name),
    };
    let (client, eventloop) = link::connect(broker, "-group", false, CONFIRMATIONS_IN_CLIENT)?;
    let (committed_out, committed_in) = mpsc::channel(COMMITS_TO_TELL);
    tokio::spawn(group::run(
        member,
        districts,
        client,
        eventloop,
        committed_in,
        acks,
    ));
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

/// What is known before the first message, so that the metrics say it from the start.
fn note_positions(stats: &Stats, journal: &Journal, table: Position) {
    stats.journal_last.store(journal.last().get(), Ordering::Relaxed);
    stats.journal_bytes.store(journal.bytes(), Ordering::Relaxed);
    stats.table_position.store(table.get(), Ordering::Relaxed);
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
