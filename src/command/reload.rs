//! Stations that come and go while an ingester runs.
//!
//! The settings are read again on SIGHUP, and every few seconds, as they were read at the start, with what the command
//! line says; a registry that has changed takes the place of the old one, districts that are new included. Only the
//! registry is exchanged: what else was changed in the file waits for the next start, and is said, key by key. A file
//! that cannot be read leaves everything as it is.

use std::sync::Arc;
use std::time::Duration;

use dustwatch_config::{Registry, Settings};
use dustwatch_ingest::{Pipeline, Stats};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::origin::Origin;

/// Time from one look at the files to the next.
const LOOK: Duration = Duration::from_secs(5);

/// What is kept as the files say.
struct Kept {
    started: Settings,
    registry: watch::Sender<Arc<Registry>>,
    stats: Arc<Stats>,
}

/// Keeps a pipeline's registry as the files say, as long as the process lives.
pub(crate) fn keep_registry(origin: Origin, started: Settings, pipeline: &Pipeline) {
    let kept = Kept {
        started,
        registry: pipeline.registry(),
        stats: pipeline.stats().clone(),
    };
    // Listened to even when there is no file: unheard, the signal would end the process.
    match signal(SignalKind::hangup()) {
        Ok(asked) => drop(tokio::spawn(kept.keep(origin, asked))),
        Err(error) => tracing::warn!(%error, "stations are not read again before the next start"),
    }
}

impl Kept {
    async fn keep(self, origin: Origin, mut asked: Signal) {
        if !origin.is_a_file() {
            while asked.recv().await.is_some() {
                tracing::info!("the built-in stations are in use; there is nothing to read again");
            }
            return;
        }
        let mut said = String::new();
        loop {
            tokio::select! {
                _ = tokio::time::sleep(LOOK) => {}
                _ = asked.recv() => said.clear(),
            }
            let origin = origin.clone();
            let word = match tokio::task::spawn_blocking(move || origin.load()).await {
                Ok(Ok(settings)) => self.take(&settings),
                Ok(Err(error)) => {
                    format!("settings not read again, the stations stay as they were: {error:#}")
                }
                Err(error) => error.to_string(),
            };
            if !word.is_empty() && word != said {
                tracing::warn!("{word}");
                if word.starts_with("settings not read") {
                    self.stats.reload_failed();
                }
            }
            said = word;
        }
    }

    /// Exchanges the registry if it has changed; what there is to say of the rest.
    fn take(&self, settings: &Settings) -> String {
        let known = self.registry.borrow().clone();
        if *known != *settings.registry {
            tracing::info!(
                stations = settings.registry.stations().len(),
                before = known.stations().len(),
                "stations read again"
            );
            self.registry.send_replace(settings.registry.clone());
            self.stats.reloaded();
        }
        let changed = changed_keys(&self.started, settings);
        if changed.is_empty() {
            return String::new();
        }
        format!("changed, and waiting for a restart: {}", changed.join(", "))
    }
}

/// The keys whose values are others than at the start, but for those of the registry.
fn changed_keys(started: &Settings, settings: &Settings) -> Vec<String> {
    let described = settings.describe().into_iter().zip(started.describe());
    let mut changed: Vec<String> = described
        .filter(|(now, then)| now != then)
        .map(|(now, _)| now.0)
        .filter(|key| key != "district.townships" && key != "district.stations")
        .collect();
    // What is not written out where the settings are described.
    let more = [
        (
            "broker.password",
            settings.broker.password != started.broker.password,
        ),
        ("district.parameters", *settings.parameters != *started.parameters),
    ];
    for (key, is_changed) in more {
        if is_changed && !changed.iter().any(|known| known == key) {
            changed.push(key.to_owned());
        }
    }
    changed
}
