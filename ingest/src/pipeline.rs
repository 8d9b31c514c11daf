//! Pipeline: wires the stages, starts them, and ends them down the stream.
//!
//! Shutdown, step by step: take no more deliveries · sync the journal and hand on what it has · send the last
//! PUBACKs · seal and commit · cut the journal · disconnect. Each step ends by itself when the one before it has
//! ended, because its queue is closed; none waits for a broker that is not there. A full disk or a lake out of reach is waited
//! for: what was received is in the journal, and a second signal ends the process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dustwatch_config::{AckAfter, BrokerSettings, Settings};
use dustwatch_journal::{Journal, JournalOptions, Position};
use dustwatch_lake::{Lake, ObservationRows};
use dustwatch_observation::{Ack, Clock, Topic, TopicKind};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::batch::{Batcher, Sealed};
use crate::commit::{CommitOutputs, Committer};
use crate::decode::MessageDecoder;
use crate::delivery::{Hop, Journaled, Receipt};
use crate::durable::Durable;
use crate::group::{self, Member};
use crate::journaling::{JournalOutputs, Journaling};
use crate::maintenance::Maintenance;
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

        let (delivery_out, delivery_in) = mpsc::channel(READS);
        let (journaled_out, journaled_in) = mpsc::channel(GROUPS);
        let (sealed_out, sealed_in) = mpsc::channel(BATCHES);
        let (receipt_out, receipt_in) = mpsc::unbounded_channel();
        let (ack_out, ack_in) = mpsc::channel(CONFIRMATIONS);
        let (committed_out, committed_in) = watch::channel(committer.position());
        let broker = identified(&settings.broker, journal.id());
        let receiver = Receiver::new(&broker, filters(settings, TopicKind::Obs), clock, stats.clone())?;
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
        };
        let journal_outputs = JournalOutputs {
            journaled: journaled_out,
            receipts: receipt_out.clone(),
            committed: committed_in,
        };
        let retained = confirm::Retained::default();
        let decoder = MessageDecoder::new(settings, retained.clone(), stats.clone())
            .limited(settings, committer.rejected_position());
        let decoding = Decoding::new(settings, decoder, sealed_out, ack_out.clone());
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

        Ok(Self {
            receiver: tokio::spawn(receiver.run(delivery_out.clone(), receipt_in)),
            confirmer: tokio::spawn(confirmer),
            workers: Workers {
                journaling: tokio::task::spawn_blocking(move || journaling.run(delivery_in, journal_outputs)),
                decoding: tokio::task::spawn_blocking(move || decoding.run(journaled_in)),
                committing: tokio::spawn(committer.run(sealed_in, commit_outputs)),
            },
            stats,
            _maintenance: maintenance,
            deliveries: delivery_out,
            subscribed,
        })
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

    /// Ends the stages down the stream; what was received is in the table when this returns.
    ///
    /// # Errors
    /// The failure of a stage; what was acknowledged is in the journal all the same.
    pub async fn shutdown(self) -> Result<Summary, IngestError> {
        tracing::info!(step = "drain", "shutting down: no more deliveries are taken");
        // The journaling stage may have failed already; then there is nobody to tell.
        let _ = self.deliveries.send(Hop::End).await;
        let decoded = self.workers.decoding.await;
        tracing::info!(
            step = "commit",
            "shutting down: the last batch is being committed"
        );
        let committed = self.workers.committing.await;
        let journaled = self.workers.journaling.await;
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
        for (stage, ended) in [("journal", journaled), ("decode", decoded), ("commit", committed)] {
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

/// The third stage: decode and batch, on its own thread.
struct Decoding {
    decoder: MessageDecoder,
    batcher: Batcher,
    ack_after: AckAfter,
    sealed: mpsc::Sender<Sealed>,
    acks: mpsc::Sender<Vec<(Topic, Ack)>>,
}

impl Decoding {
    fn new(
        settings: &Settings,
        decoder: MessageDecoder,
        sealed: mpsc::Sender<Sealed>,
        acks: mpsc::Sender<Vec<(Topic, Ack)>>,
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
        }
    }

    fn run(mut self, mut input: mpsc::Receiver<Vec<Journaled>>) -> Result<(), IngestError> {
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
        let mut acks = Vec::new();
        for message in group {
            if !message.ours {
                self.batcher.receipts.extend::<Option<Receipt>>(message.receipt);
                self.batcher.reached(message.position, Instant::now());
                continue;
            }
            let outcome = self.decoder.decode(&message, &mut self.batcher.rows);
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
            let _ = self.acks.blocking_send(acks);
        }
        Ok(())
    }

    fn seal(&mut self) -> Result<(), IngestError> {
        self.batcher.reject_together(self.decoder.take_unkept());
        if let Some(sealed) = self.batcher.seal() {
            self.sealed
                .blocking_send(sealed)
                .map_err(|_| IngestError::Stage("commit"))?;
        }
        Ok(())
    }
}
