//! The sources and the switches that follow them, as the settings of the moment have them.
//!
//! A change from afar stops them and starts them anew; spool and publisher go on. A change that was accepted is kept beside the
//! spool, so it holds also for an agent that starts without a network.
//!
//! Invariant: what runs is what the file says with the last change that was accepted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dustwatch_observation::Clock;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::health::Health;
use crate::settings::AgentSettings;
use crate::settings::remote::{Changed, lay_over};
use crate::source::{self, Intake, Working};
use crate::spool::{Record, SideFile};
use crate::switch::{self, Switches};
use crate::{EdgeError, Shutdown, ShutdownTrigger};

/// How long sources may take to stop.
const SOURCE_PATIENCE: Duration = Duration::from_secs(3);

/// What observes and acts.
pub(crate) struct Crew {
    file: AgentSettings,
    records: mpsc::Sender<Record>,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    /// The change that was accepted last.
    change: Vec<u8>,
    kept: SideFile,
    stop: Shutdown,
    request: ShutdownTrigger,
    tasks: JoinSet<()>,
}

impl Crew {
    /// Starts what the settings of the file, and the change that is kept in the spool's folder, say.
    pub(crate) fn start(
        file: AgentSettings,
        records: mpsc::Sender<Record>,
        clock: Arc<dyn Clock>,
        health: Arc<Health>,
    ) -> Result<Self, EdgeError> {
        let folder: PathBuf = file.spool.clone();
        let kept = SideFile::new(&folder, "config.json");
        let change = kept.read()?.unwrap_or_default().into_bytes();
        let (request, stop) = Shutdown::new();
        let mut crew = Self {
            file,
            records,
            clock,
            health,
            change: Vec::new(),
            kept,
            stop,
            request,
            tasks: JoinSet::new(),
        };
        match lay_over(&crew.file, &change) {
            Ok(changed) => {
                crew.change = change;
                crew.begin(changed);
            }
            Err(reason) => {
                tracing::error!(
                    reason,
                    "the kept change of the settings does not go with edge.toml any more, and is not applied"
                );
                crew.health.refused(&reason);
                let settings = crew.file.clone();
                crew.begin(Changed { settings, id: None });
            }
        }
        Ok(crew)
    }

    /// Takes a change: applies and keeps it, or says why not and goes on as before.
    pub(crate) async fn take(&mut self, change: Vec<u8>) {
        // A broker says it anew at every connection.
        if change == self.change {
            return;
        }
        let changed = match lay_over(&self.file, &change) {
            Ok(changed) => changed,
            Err(reason) => {
                tracing::error!(
                    reason,
                    "a change of the settings is refused; they stay as they were"
                );
                self.health.refused(&reason);
                return;
            }
        };
        if let Err(error) = self.kept.replace(&change) {
            tracing::error!(%error, "a change of the settings cannot be kept, and is not applied");
            self.health.refused(&error.to_string());
            return;
        }
        tracing::info!(
            id = changed.id,
            "the settings are changed from afar; sources start anew"
        );
        self.stop_tasks().await;
        (self.request, self.stop) = Shutdown::new();
        self.change = change;
        self.begin(changed);
    }

    fn begin(&mut self, changed: Changed) {
        let settings = changed.settings;
        self.health.applied(changed.id);
        let (switches, seen) = Switches::new(&settings.switches);
        let intake = Intake::new(
            &settings,
            Arc::clone(&self.clock),
            self.records.clone(),
            switches.clone(),
            Arc::clone(&self.health),
        );
        let Working { tasks, buses } =
            source::start(settings.sources, settings.averaging, &intake, &self.stop);
        self.tasks = tasks;
        self.tasks.spawn(switch::run(
            switches,
            seen,
            buses,
            Arc::clone(&self.clock),
            self.stop.clone(),
        ));
    }

    /// Stops everything; no record comes any more.
    pub(crate) async fn stop(mut self) {
        self.stop_tasks().await;
    }

    async fn stop_tasks(&mut self) {
        self.request.request();
        let tasks = &mut self.tasks;
        let stopping = async { while tasks.join_next().await.is_some() {} };
        drop(tokio::time::timeout(SOURCE_PATIENCE, stopping).await);
        self.tasks.shutdown().await;
    }
}
