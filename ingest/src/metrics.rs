//! Metrics: what an operator watches, in the names of Prometheus.
//!
//! Place on the way: beside it. Stages count in [`Stats`] and hand durations to the histograms here; everything else is
//! looked up when somebody asks. Nothing is labelled by device, so the number of series stays what it is.
//!
//! Invariant: every name stands in docs/metrics.md, and in no dashboard or alert stands one that is not here; a test
//! holds all three against a running ingester.

use std::sync::Arc;
use std::time::Duration;

use dustwatch_observation::{Reason, Time};
use metrics::{Histogram, Key, KeyName, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::sync::mpsc;

use crate::batch::Sealed;
use crate::delivery::{Hop, Journaled};
use crate::process::Process;
use crate::stats::{Snapshot, Stats};

/// Upper bounds of lags, seconds: from a sensor beside us to a site that was offline for a week.
const LAG_BUCKETS: &[f64] = &[
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 3600.0, 21_600.0, 86_400.0, 604_800.0,
];
/// Upper bounds of work, seconds.
const WORK_BUCKETS: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
/// Name, meaning and value of a counter.
type Counted = (&'static str, &'static str, fn(&Snapshot) -> u64);

/// Everything that the stages count, but for rejections, which have a label.
const COUNTERS: &[Counted] = &[
    (
        "dustwatch_ingest_messages_total",
        "Messages received, redeliveries included.",
        |now| now.messages,
    ),
    (
        "dustwatch_ingest_journaled_total",
        "Messages synced to the journal.",
        |now| now.journaled,
    ),
    (
        "dustwatch_ingest_journal_syncs_total",
        "Syncs of the journal.",
        |now| now.journal_syncs,
    ),
    (
        "dustwatch_ingest_acknowledged_total",
        "Messages acknowledged to the broker.",
        |now| now.acknowledged,
    ),
    (
        "dustwatch_ingest_observations_total",
        "Observations decoded.",
        |now| now.observations,
    ),
    (
        "dustwatch_ingest_committed_observations_total",
        "Observations added to the table.",
        |now| now.committed,
    ),
    (
        "dustwatch_ingest_committed_bytes_total",
        "Bytes of Parquet added.",
        |now| now.committed_bytes,
    ),
    (
        "dustwatch_ingest_commits_total",
        "Commits of the table observations.",
        |now| now.commits,
    ),
    (
        "dustwatch_ingest_duplicates_total",
        "Observations that the table had already.",
        |now| now.duplicates,
    ),
    (
        "dustwatch_ingest_corrections_total",
        "Observations that corrected an earlier one.",
        |now| now.corrections,
    ),
    (
        "dustwatch_ingest_connections_total",
        "Connections made to the broker.",
        |now| now.connections,
    ),
    (
        "dustwatch_ingest_reloads_total",
        "Times that the stations were exchanged without a restart.",
        |now| now.reloads,
    ),
    (
        "dustwatch_ingest_failed_reloads_total",
        "Times that the files of the stations could not be read again.",
        |now| now.failed_reloads,
    ),
];
const METADATA: Metadata<'static> = Metadata::new("dustwatch_ingest", Level::INFO, None);

/// The histograms, and the way to everything else.
pub(crate) struct Metrics {
    stats: Arc<Stats>,
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    queues: Queues,
    pub(crate) observed_to_received: Histogram,
    pub(crate) received_to_journaled: Histogram,
    pub(crate) received_to_queryable: Histogram,
    pub(crate) journal_sync: Histogram,
    pub(crate) commit: Histogram,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics")
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

/// The queues between the stages; looking at one keeps it open no longer than the look.
#[derive(Debug, Clone)]
pub(crate) struct Queues {
    pub(crate) deliveries: mpsc::WeakSender<Hop>,
    pub(crate) journaled: mpsc::WeakSender<Vec<Journaled>>,
    pub(crate) sealed: mpsc::WeakSender<Sealed>,
}

impl Queues {
    /// Name, fill and capacity of each.
    fn fills(&self) -> [(&'static str, usize, usize); 3] {
        fn fill<T>(of: &mpsc::WeakSender<T>) -> (usize, usize) {
            of.upgrade().map_or((0, 0), |sender| {
                (sender.max_capacity() - sender.capacity(), sender.max_capacity())
            })
        }
        let (deliveries, journaled, sealed) =
            (fill(&self.deliveries), fill(&self.journaled), fill(&self.sealed));
        [
            ("receive", deliveries.0, deliveries.1),
            ("journal", journaled.0, journaled.1),
            ("decode", sealed.0, sealed.1),
        ]
    }
}

impl Metrics {
    pub(crate) fn new(stats: Arc<Stats>, queues: Queues) -> Self {
        let recorder = recorder();
        let handle = recorder.handle();
        let histogram = |name: &'static str, help: &'static str| {
            recorder.describe_histogram(KeyName::from(name), None, help.into());
            recorder.register_histogram(&Key::from_name(name), &METADATA)
        };
        Self {
            observed_to_received: histogram(
                "dustwatch_ingest_observed_to_received_seconds",
                "From an observation to its arrival, the newest of each message.",
            ),
            received_to_journaled: histogram(
                "dustwatch_ingest_received_to_journaled_seconds",
                "From arrival to the journal on disk, the first message of each group.",
            ),
            received_to_queryable: histogram(
                "dustwatch_ingest_received_to_queryable_seconds",
                "From arrival to the table, the first and the last observation of each commit.",
            ),
            journal_sync: histogram(
                "dustwatch_ingest_journal_sync_seconds",
                "Time that a sync of the journal takes.",
            ),
            commit: histogram(
                "dustwatch_ingest_commit_seconds",
                "Time that a commit takes, identity and files included.",
            ),
            stats,
            recorder,
            handle,
            queues,
        }
    }

    /// Everything now, in Prometheus' text format.
    pub(crate) fn render(&self) -> String {
        self.count();
        self.gauge_all();
        self.upkeep();
        self.handle.render()
    }

    /// Sums up what the histograms were handed since; without it that would stay in memory until somebody asks.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    fn count(&self) {
        let now = self.stats.snapshot();
        for (name, help, value) in COUNTERS {
            self.recorder
                .describe_counter(KeyName::from(*name), None, (*help).into());
            self.recorder
                .register_counter(&Key::from_name(*name), &METADATA)
                .absolute(value(&now));
        }
        let name = "dustwatch_ingest_rejected_total";
        self.recorder
            .describe_counter(KeyName::from(name), None, "Messages rejected, by reason.".into());
        for reason in Reason::ALL {
            let key = Key::from_parts(name, vec![Label::new("reason", reason.code())]);
            let value = now.rejected.get(reason).copied().unwrap_or(0);
            self.recorder.register_counter(&key, &METADATA).absolute(value);
        }
    }

    fn gauge_all(&self) {
        let now = self.stats.snapshot();
        let flag = |set: bool| if set { 1.0 } else { 0.0 };
        self.gauge(
            "dustwatch_ingest_connected",
            &[],
            flag(now.connected),
            "Whether the broker is connected.",
        );
        self.gauge(
            "dustwatch_ingest_unacknowledged_messages",
            &[],
            now.unacknowledged as f64,
            "Messages of this connection that wait for their acknowledgement.",
        );
        self.gauge(
            "dustwatch_ingest_journal_bytes",
            &[],
            now.journal_bytes as f64,
            "Bytes of the journal on disk.",
        );
        self.gauge(
            "dustwatch_ingest_clock_ahead_seconds",
            &[],
            Duration::from_micros(now.clock_ahead_micros).as_secs_f64(),
            "How far receive times are ahead of the clock since it was put back.",
        );
        self.gauge(
            "dustwatch_ingest_table_version",
            &[],
            now.version as f64,
            "Newest version of the table observations by this ingester.",
        );
        self.gauge(
            "dustwatch_ingest_table_files",
            &[],
            now.files as f64,
            "Files that the newest version of the table observations reads.",
        );
        for (queue, fill, capacity) in self.queues.fills() {
            let label = [("after", queue)];
            self.gauge(
                "dustwatch_ingest_queue_fill",
                &label,
                fill as f64,
                "Groups waiting in the queue behind a stage.",
            );
            self.gauge(
                "dustwatch_ingest_queue_capacity",
                &label,
                capacity as f64,
                "Groups that the queue behind a stage takes.",
            );
        }
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        self.gauge("dustwatch_build_info", &version, 1.0, "The version that runs.");
        let process = Process::look();
        self.gauge(
            "process_resident_memory_bytes",
            &[],
            process.resident_bytes,
            "Resident memory of the process.",
        );
        self.gauge(
            "process_open_fds",
            &[],
            process.open_files,
            "Open files of the process.",
        );
        self.gauge(
            "process_cpu_seconds_total",
            &[],
            process.cpu_seconds,
            "CPU time of the process, user and system.",
        );
    }

    fn gauge(
        &self,
        name: &'static str,
        labels: &[(&'static str, &'static str)],
        value: f64,
        help: &'static str,
    ) {
        self.recorder
            .describe_gauge(KeyName::from(name), None, help.into());
        let labels: Vec<Label> = labels
            .iter()
            .map(|(key, value)| Label::new(*key, *value))
            .collect();
        self.recorder
            .register_gauge(&Key::from_parts(name, labels), &METADATA)
            .set(value);
    }
}

fn recorder() -> PrometheusRecorder {
    let lags = Matcher::Suffix("_to_received_seconds".to_owned());
    let more_lags = Matcher::Suffix("_to_queryable_seconds".to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(lags, LAG_BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(more_lags, LAG_BUCKETS))
        .and_then(|builder| builder.set_buckets(WORK_BUCKETS))
        .expect("the bounds are not empty")
        .build_recorder()
}

/// Seconds from one time to a later one; none when the clocks say otherwise.
pub(crate) fn seconds(from: Time, to: Time) -> f64 {
    let micros = to.as_micros().saturating_sub(from.as_micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0)).as_secs_f64()
}
