//! Stations that come and go while an ingester runs.
//!
//! The settings file is read again on SIGHUP, and every few seconds; a registry that has changed takes the place of the
//! old one. Only the registry is exchanged: what else was changed in the file waits for the next start, and is said. A file
//! that cannot be read leaves everything as it is.

use std::sync::Arc;
use std::time::Duration;

use dustwatch_config::{Registry, Settings};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Time from one look at the files to the next.
const LOOK: Duration = Duration::from_secs(5);

/// Keeps the registry as the files say, for ever.
pub(crate) async fn keep_registry(started: Settings, registry: watch::Sender<Arc<Registry>>) {
    // Listened to even when there is no file: unheard, the signal would end the process.
    let Ok(mut asked) = signal(SignalKind::hangup()) else {
        return;
    };
    let Some(file) = started.file.clone() else {
        while asked.recv().await.is_some() {
            tracing::info!("the built-in stations are in use; there is nothing to read again");
        }
        return;
    };
    let mut said = String::new();
    loop {
        tokio::select! {
            _ = tokio::time::sleep(LOOK) => {}
            _ = asked.recv() => said.clear(),
        }
        let file = file.clone();
        let read = tokio::task::spawn_blocking(move || Settings::load(Some(&file))).await;
        let word = match read {
            Ok(Ok(settings)) => take(&started, settings, &registry),
            Ok(Err(error)) => format!("settings not read again, the stations stay as they were: {error}"),
            Err(error) => error.to_string(),
        };
        if !word.is_empty() && word != said {
            tracing::warn!("{word}");
        }
        said = word;
    }
}

/// Exchanges the registry if it has changed; what there is to say of the rest.
fn take(started: &Settings, settings: Settings, registry: &watch::Sender<Arc<Registry>>) -> String {
    let known = registry.borrow().clone();
    if *known != *settings.registry {
        tracing::info!(
            stations = settings.registry.stations().len(),
            before = known.stations().len(),
            "stations read again"
        );
        registry.send_replace(settings.registry.clone());
    }
    let changed: Vec<String> = settings
        .describe()
        .into_iter()
        .zip(started.describe())
        .filter(|(now, then)| now != then && !is_overridden(&now.0))
        .map(|(now, _)| now.0)
        .collect();
    if changed.is_empty() {
        return String::new();
    }
    format!("changed, and waiting for a restart: {}", changed.join(", "))
}

/// Keys that the command line may say otherwise than the file.
fn is_overridden(key: &str) -> bool {
    key.starts_with("broker.") || key == "lake.uri" || key.starts_with("district.")
}
