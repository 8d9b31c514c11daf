//! The agent proper: wires sources, spool and publisher together, and takes them apart in order.
//!
//! Shutdown runs down the stream: the sources stop, the spool becomes durable, what is under way gets a short time to
//! be confirmed, the spool is closed. What is unconfirmed then stays in it for the next start.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dustwatch_observation::Clock;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::publish::{Limits, Publisher, PublisherOptions};
use crate::service::{self, Pulse};
use crate::settings::AgentSettings;
use crate::source::{self, Intake, Working};
use crate::spool::{Head, Record, Spool, Tracker, start_feeding};
use crate::switch::{self, Switches};
use crate::{EdgeError, Progress, Report, Shutdown};

/// How long sources may take to stop.
const SOURCE_PATIENCE: Duration = Duration::from_secs(3);
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
    mut shutdown: Shutdown,
) -> Result<Report, EdgeError> {
    let started = std::time::Instant::now();
    let spool = Spool::open(&settings.spool, &settings.device, settings.for_others())?;
    let epoch = spool.epoch().to_owned();
    let (keeping, publishing) = (Pulse::default(), Pulse::default());
    let mut options = publisher_options(&settings, password, &spool);
    options.pulse = publishing.clone();
    let epoch_file = spool.epoch_file();
    let (ends, reader, durable) = spool.start(
        settings.sync_interval,
        settings.spool_limits.clone(),
        Arc::clone(&clock),
        keeping.clone(),
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
    let (stop_sources, sources_shutdown) = Shutdown::new();
    let mut sources = start_sources(settings, ends.records, clock, &sources_shutdown);
    let mut watched = JoinSet::new();
    watched.spawn(async move { service::watch(&[keeping, publishing]).await });

    let early = tokio::select! {
        () = shutdown.requested() => None,
        ended = &mut keeper => Some(ended),
        ended = &mut feeder => Some(ended),
    };
    service::stopping();
    // Also when the disk has failed: a relay that is on has to go off.
    tracing::info!("stopping sources");
    stop_sources.request();
    let stopping = async { while sources.join_next().await.is_some() {} };
    drop(tokio::time::timeout(SOURCE_PATIENCE, stopping).await);
    sources.shutdown().await;
    if let Some(ended) = early {
        // Nothing can be kept, so nothing is published that could not be confirmed.
        stop_publisher.request();
        ended.map_err(|_| EdgeError::Ended("the spool"))??;
        return Err(EdgeError::Ended("the spool"));
    }
    drop(tokio::time::timeout(SOURCE_PATIENCE, ends.settled).await);
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

/// Starts the sources, and the switches that follow what they observe.
fn start_sources(
    settings: AgentSettings,
    records: mpsc::Sender<Record>,
    clock: Arc<dyn Clock>,
    shutdown: &Shutdown,
) -> JoinSet<()> {
    let (switches, seen) = Switches::new(&settings.switches);
    let intake = Intake::new(&settings, Arc::clone(&clock), records, switches.clone());
    let Working { mut tasks, buses } = source::start(settings.sources, settings.averaging, &intake, shutdown);
    tasks.spawn(switch::run(switches, seen, buses, clock, shutdown.clone()));
    tasks
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
