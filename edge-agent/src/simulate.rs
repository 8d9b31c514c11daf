//! `simulate`: publishes a [network](crate::network) that nobody built.
//!
//! The generator runs on a thread of its own and is held back by the publisher's window.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dustwatch_observation::{Clock, Observation, Time};

use crate::network::{Feed, Network};
use crate::pack::PackOptions;
use crate::publish::{Publisher, PublisherOptions};
use crate::pump::Pump;
use crate::{EdgeError, Progress, Report, Shutdown};

/// How a simulated network is published.
#[derive(Debug, Clone)]
pub struct SimulationOptions {
    /// Where to and how.
    pub publisher: PublisherOptions,
    /// Observations of a message, at least 1.
    pub batch: usize,
    /// Messages a second; as fast as they are confirmed when `None`.
    pub rate: Option<f64>,
    /// Ends after so many observations, if the span does not end before.
    pub count: Option<u64>,
}

impl SimulationOptions {
    /// One observation a message, as fast as they are confirmed, to the end of the span.
    pub fn new(publisher: PublisherOptions) -> Self {
        Self {
            publisher,
            batch: 1,
            rate: None,
            count: None,
        }
    }
}

/// Publishes everything that the network observes in the span and waits until it is confirmed.
///
/// # Errors
/// [`EdgeError::Refused`], [`EdgeError::GaveUp`], [`EdgeError::TooLarge`].
///
/// # Panics
/// Outside a tokio runtime.
pub async fn run_simulation(
    options: SimulationOptions,
    network: Network,
    span: Range<Time>,
    progress: Arc<Progress>,
    shutdown: Shutdown,
) -> Result<Report, EdgeError> {
    let expected = network.expected(&span);
    progress.set_total(options.count.map_or(expected, |count| count.min(expected)));
    run(options, network, span, None, progress, shutdown).await
}

/// Publishes what the network observes from `from` on, each observation when its time has come, until stopped or until
/// the count is reached. What lies in the past of `clock` is published at once.
///
/// # Errors
/// As [`run_simulation`].
///
/// # Panics
/// Outside a tokio runtime.
pub async fn run_live(
    options: SimulationOptions,
    network: Network,
    from: Time,
    clock: Arc<dyn Clock>,
    progress: Arc<Progress>,
    shutdown: Shutdown,
) -> Result<Report, EdgeError> {
    progress.set_total(options.count.unwrap_or(0));
    let span = from..Time::from_micros(i64::MAX - 1_000_000_000);
    run(options, network, span, Some(clock), progress, shutdown).await
}

async fn run(
    options: SimulationOptions,
    network: Network,
    span: Range<Time>,
    clock: Option<Arc<dyn Clock>>,
    progress: Arc<Progress>,
    shutdown: Shutdown,
) -> Result<Report, EdgeError> {
    let started = Instant::now();
    let epoch = options.publisher.epoch.clone();
    let publisher = Publisher::start(
        options.publisher,
        Arc::clone(&progress),
        None,
        None,
        shutdown.clone(),
    );
    let pack = PackOptions {
        epoch: epoch.clone(),
        batch: options.batch.max(1),
        offset_seconds: network.offset_seconds(),
    };
    let parameters = Arc::clone(network.parameters());
    let pump = Pump::new(pack, parameters, options.rate, publisher.offers(), shutdown);
    let count = options.count.unwrap_or(u64::MAX);
    let feeding = tokio::task::spawn_blocking(move || generate(network.feed(span), clock, count, pump));
    let outcome = publisher.finish().await?;
    feeding.await.map_err(|_| EdgeError::Ended("the generator"))??;
    Ok(Report::new(
        &epoch,
        &progress,
        outcome.unconfirmed,
        outcome.stopped,
        started.elapsed(),
    ))
}

fn generate(
    mut feed: Feed,
    clock: Option<Arc<dyn Clock>>,
    count: u64,
    mut pump: Pump,
) -> Result<(), EdgeError> {
    let mut observation = Observation::default();
    for _ in 0..count {
        if let Some(clock) = &clock {
            let due = feed.due().as_micros();
            let remains = || {
                let micros = due.saturating_sub(clock.now().as_micros()).max(0);
                Duration::from_micros(micros.cast_unsigned())
            };
            // Nobody waits for company until the next tick.
            if !remains().is_zero() && (pump.flush()?.is_break() || pump.wait(remains).is_break()) {
                return Ok(());
            }
        }
        if !feed.next_into(&mut observation) {
            break;
        }
        if pump.push(&mut observation)?.is_break() {
            return Ok(());
        }
    }
    pump.flush().map(|_| ())
}
