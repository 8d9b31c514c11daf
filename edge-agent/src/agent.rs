//! The agent proper: wires sources, spool and publisher together, and takes them apart in order.
//!
//! Shutdown runs down the stream: the sources stop, the spool becomes durable, what is under way gets a short time to
//! be confirmed, the spool is closed. What is unconfirmed then stays in it for the next start.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dustwatch_observation::Clock;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::crew::Crew;
use crate::health::Health;
use crate::publish::{Limits, Publisher, PublisherOptions};
use crate::service::{self, Pulse};
use crate::settings::AgentSettings;
use crate::spool::{Head, Spool, Tracker, start_feeding};
use crate::{EdgeError, Progress, Report, Shutdown, Trouble};

/// Changes of the settings that may wait.
const CHANGES: usize = 4;
/// How long the disk may take for what the sources left.
const SETTLE_PATIENCE: Duration = Duration::from_secs(3);
/// How long what is under way may take to be confirmed.
const DRAIN: Duration = Duration::from_secs(2);

/// Runs an agent until stopped. `password` is the broker's, if it asks for one.
///
/// # Errors
/// [`EdgeError::SpoolOpen`] and the other errors of the spool, when its disk fails.
///
/// # Panics
/// Outside a tokio runtime.
pub async fn run_agent(
    settings: AgentSettings,
    password: Option<String>,
    clock: Arc<dyn Clock>,
    progress: Arc<Progress>,
    trouble: Trouble,
    mut shutdown: Shutdown,
) -> Result<Report, EdgeError> {
    let started = std::time::Instant::now();
    let spool = Spool::open(&settings.spool, &settings.device, settings.for_others())?;
    let epoch = spool.epoch().to_owned();
    let (keeping, publishing) = (Pulse::default(), Pulse::default());
    let mut options = publisher_options(&settings, password, &spool);
    options.pulse = publishing.clone();
    let health = Health::new(&settings.sources, Arc::clone(&clock), trouble);
    options.health = Some(Arc::clone(&health));
    let (changes, mut changed) = mpsc::channel(CHANGES);
    options.changes = Some(changes);
    let epoch_file = spool.epoch_file();
    let (ends, reader, durable) = spool.start(
        settings.sync_interval,
        settings.spool_limits.clone(),
        Arc::clone(&clock),
        (keeping.clone(), Arc::clone(&health)),
    )?;
    let confirmed = ends.confirmed;
    let tracker = Arc::<Mutex<Tracker>>::default();
    let read = Arc::clone(&tracker);
    let on_confirmed = Box::new(move |device: &str, seq| {
        let cut = tracker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .confirm(device, seq);
        confirmed.send_if_modified(|known| {
            let is_news = *known < cut;
            *known = cut.max(*known);
            is_news
        });
    });
    let (stop_publisher, publisher_shutdown) = Shutdown::new();
    let publisher = Publisher::start(
        options,
        Arc::clone(&progress),
        Some(on_confirmed),
        Some(Box::new(move || epoch_file.begin())),
        publisher_shutdown,
    );
    let head = Head {
        device: settings.device.as_str().into(),
        epoch: epoch.clone(),
    };
    let mut feeder = start_feeding(head, settings.batch, (reader, read), durable, publisher.offers());
    let mut keeper = ends.keeper;
    let mut crew = Crew::start(settings, ends.records, clock, health)?;
    let mut watched = JoinSet::new();
    watched.spawn(async move { service::watch(&[keeping, publishing]).await });

    let early = loop {
        tokio::select! {
            () = shutdown.requested() => break None,
            ended = &mut keeper => break Some(ended),
            ended = &mut feeder => break Some(ended),
            Some(change) = changed.recv() => crew.take(change).await,
        }
    };
    service::stopping();
    // Also when the disk has failed: a relay that is on has to go off.
    tracing::info!("stopping sources");
    crew.stop().await;
    if let Some(ended) = early {
        // Nothing can be kept, so nothing is published that could not be confirmed.
        stop_publisher.request();
        ended.map_err(|_| EdgeError::Ended("the spool"))??;
        return Err(EdgeError::Ended("the spool"));
    }
    drop(tokio::time::timeout(SETTLE_PATIENCE, ends.settled).await);
    tracing::info!("spool durable, waiting for confirmations under way");
    stop_publisher.request();
    let outcome = publisher.finish().await?;
    feeder.await.map_err(|_| EdgeError::Ended("the feeder"))??;
    keeper.await.map_err(|_| EdgeError::Ended("the spool"))??;
    tracing::info!(
        unconfirmed = outcome.unconfirmed,
        "stopped; what is unconfirmed stays in the spool"
    );
    Ok(Report::new(
        &epoch,
        &progress,
        outcome.unconfirmed,
        true,
        started.elapsed(),
    ))
}

fn publisher_options(settings: &AgentSettings, password: Option<String>, spool: &Spool) -> PublisherOptions {
    PublisherOptions {
        tls: settings.tls.clone(),
        username: settings.username.clone(),
        password,
        device: Some(settings.device.clone()),
        confirm: settings.confirm,
        resend_after: settings.resend_after,
        drain: DRAIN,
        limits: Limits::AGENT,
        give_up_after: None,
        for_others: settings.for_others(),
        highest_used: Some(spool.used()),
        ..PublisherOptions::new(
            settings.broker.clone(),
            settings.district.clone(),
            format!("dustwatch-edge-{}", settings.device),
            spool.epoch().to_owned(),
        )
    }
}
