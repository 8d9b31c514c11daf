//! `up`: broker (if embedded), ingester, rollups, alarms and notices in one process, until stopped.
//!
//! A stop has steps with names, and each has a deadline: alarms and rollup under way, the ingester's own (drain, commit,
//! acknowledge), and the last rollup (last rollup). What a deadline cuts off, the next start makes up for.

use std::sync::Arc;
use std::time::Duration;

use dustwatch_analytics::roll_up;
use dustwatch_config::{Registry, Settings};
use dustwatch_edge::Shutdown;
use dustwatch_ingest::{EmbeddedBroker, Pipeline};
use dustwatch_lake::Lake;
use dustwatch_observation::SystemClock;
use tokio::sync::watch;

use super::alarming::keep_alarming;
use super::ingest::{open_operators_door, watch};
use super::noticing::keep_noticing;
use super::origin::Origin;
use super::{reload, serve};

/// How often the rollups are brought up to date.
const ROLLUP_INTERVAL: Duration = Duration::from_secs(60);
/// How long a rollup under way may hold up a shutdown, and how long the last one may.
const LAST_ROLLUP: Duration = Duration::from_secs(10);

/// Runs everything until a signal or a failure.
pub(crate) async fn run(origin: Origin) -> anyhow::Result<()> {
    let settings = origin.load()?;
    let mut shutdown = Shutdown::on_signals();
    if settings.broker.embedded {
        EmbeddedBroker::start(&settings.broker.url)?;
    }
    let mut pipeline = Pipeline::start(&settings, Arc::new(SystemClock)).await?;
    open_operators_door(&settings, &pipeline).await?;
    reload::keep_registry(origin, settings.clone(), &pipeline);
    let registry = pipeline.registry().subscribe();
    let rollups = tokio::spawn(keep_rolling_up(
        settings.clone(),
        registry.clone(),
        shutdown.clone(),
    ));
    let alarms = tokio::spawn(keep_alarming(
        settings.clone(),
        registry.clone(),
        shutdown.clone(),
    ));
    let notices = tokio::spawn(keep_noticing(
        settings.clone(),
        registry.clone(),
        shutdown.clone(),
    ));
    let dashboard = tokio::spawn(serve::beside(settings.clone(), shutdown.clone()));
    watch(&mut pipeline, &mut shutdown).await?;
    end("dashboard", dashboard).await?;
    end("notices", notices).await?;
    end("alarms", alarms).await?;
    end("rollup", rollups).await?;
    let summary = pipeline.shutdown().await?;
    // A lake that took no commit takes no rollup either; the next start makes up for both.
    if summary.left_in_journal == 0 {
        roll_up_once_more(&as_registered(&settings, &registry)).await?;
    }
    Ok(())
}

/// Brings the rollups up to the last commit, unless that takes too long.
async fn roll_up_once_more(settings: &Settings) -> anyhow::Result<()> {
    tracing::info!(
        step = "last rollup",
        "shutting down: the rollups are brought up to date"
    );
    let lake = Lake::new(settings)?;
    match tokio::time::timeout(LAST_ROLLUP, roll_up(&lake, settings, &mut |_| {})).await {
        Ok(ended) => {
            ended?;
        }
        Err(_elapsed) => tracing::warn!(
            step = "last rollup",
            seconds = LAST_ROLLUP.as_secs(),
            "the rollup is given up; it is made after the next start, and questions read the observations meanwhile"
        ),
    }
    Ok(())
}

/// The settings with the stations of now.
pub(crate) fn as_registered(settings: &Settings, registry: &watch::Receiver<Arc<Registry>>) -> Settings {
    Settings {
        registry: registry.borrow().clone(),
        ..settings.clone()
    }
}

/// Waits for what is under way; what takes too long is given up, and made anew after the next start.
async fn end(step: &'static str, mut task: tokio::task::JoinHandle<()>) -> anyhow::Result<()> {
    tracing::info!(step, "shutting down: what is under way is waited for");
    match tokio::time::timeout(LAST_ROLLUP, &mut task).await {
        Ok(ended) => ended?,
        Err(_elapsed) => {
            tracing::warn!(
                step,
                seconds = LAST_ROLLUP.as_secs(),
                "what is under way is given up"
            );
            task.abort();
        }
    }
    Ok(())
}

/// Brings the rollups up to date now and then. A failure is said and tried again: rankings fall back to the
/// observations meanwhile.
pub(crate) async fn keep_rolling_up(
    settings: Settings,
    registry: watch::Receiver<Arc<Registry>>,
    mut shutdown: Shutdown,
) {
    let mut tick = tokio::time::interval(ROLLUP_INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = shutdown.requested() => return,
        }
        let settings = as_registered(&settings, &registry);
        let rolled = match Lake::new(&settings) {
            Ok(lake) => roll_up(&lake, &settings, &mut |_| {}).await,
            Err(error) => Err(error.into()),
        };
        match rolled {
            Ok(report) => tracing::debug!(?report, "rolled up"),
            Err(error) => tracing::error!(%error, "rollup failed, trying again"),
        }
    }
}
