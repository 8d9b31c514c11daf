//! `replay`: publishes real tables as if their stations were devices.
//!
//! At `max`, files are read one after the other as fast as messages are confirmed, in constant memory. At a speed, all
//! rows are read first and put in the order of their times, since tables of many stations are often sorted by station.

mod source;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dustwatch_observation::table::Mapping;
use dustwatch_observation::{Observation, ParameterSet};

use crate::pack::PackOptions;
use crate::publish::{Publisher, PublisherOptions};
use crate::pump::Pump;
use crate::{EdgeError, Progress, Report, Shutdown};
use source::Rows;

/// How fast a table is published.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As fast as messages are confirmed.
    Max,
    /// Seconds of the table in a second: 3600 is an hour a second.
    Times(f64),
}

impl std::str::FromStr for Speed {
    type Err = EdgeError;

    fn from_str(text: &str) -> Result<Self, EdgeError> {
        match (text, text.parse()) {
            ("max", _) => Ok(Speed::Max),
            (_, Ok(times)) if f64::is_finite(times) && times > 0.0 => Ok(Speed::Times(times)),
            _ => Err(EdgeError::Usage(format!(
                "speed {text:?} is neither max nor a number above 0"
            ))),
        }
    }
}

/// What is replayed and how.
#[derive(Debug, Clone)]
pub struct ReplayOptions {
    /// Where to and how.
    pub publisher: PublisherOptions,
    /// The tables.
    pub files: Vec<PathBuf>,
    /// How they are read.
    pub mapping: Mapping,
    /// What they may hold.
    pub parameters: Arc<ParameterSet>,
    /// How fast.
    pub speed: Speed,
    /// Observations of a message, at least 1.
    pub batch: usize,
    /// The offset that times are written with, in seconds east of UTC.
    pub offset_seconds: i32,
}

/// Publishes the tables and waits until everything is confirmed.
///
/// # Errors
/// [`EdgeError::Table`] when a file or the mapping cannot be used; [`EdgeError::Refused`], [`EdgeError::GaveUp`],
/// [`EdgeError::TooLarge`].
///
/// # Panics
/// Outside a tokio runtime.
pub async fn run_replay(
    options: ReplayOptions,
    progress: Arc<Progress>,
    shutdown: Shutdown,
) -> Result<Report, EdgeError> {
    let started = Instant::now();
    let epoch = options.publisher.epoch.clone();
    // What cannot be opened is found before anything is published.
    for file in &options.files {
        Rows::open(file, &options, &progress)?;
    }
    let publisher = Publisher::start(
        options.publisher.clone(),
        Arc::clone(&progress),
        None,
        None,
        shutdown.clone(),
    );
    let pack = PackOptions {
        epoch: epoch.clone(),
        batch: options.batch.max(1),
        offset_seconds: options.offset_seconds,
    };
    let pump = Pump::new(
        pack,
        Arc::clone(&options.parameters),
        None,
        publisher.offers(),
        shutdown,
    );
    let counters = Arc::clone(&progress);
    let reading = tokio::task::spawn_blocking(move || match options.speed {
        Speed::Max => read_in_turn(&options, &counters, pump),
        Speed::Times(times) => read_by_time(&options, &counters, pump, times),
    });
    let outcome = publisher.finish().await?;
    reading.await.map_err(|_| EdgeError::Ended("the reader"))??;
    Ok(Report::new(
        &epoch,
        &progress,
        outcome.unconfirmed,
        outcome.stopped,
        started.elapsed(),
    ))
}

fn read_in_turn(options: &ReplayOptions, progress: &Progress, mut pump: Pump) -> Result<(), EdgeError> {
    let mut buffer = Observation::default();
    for file in &options.files {
        let mut rows = Rows::open(file, options, progress)?;
        while rows.next_into(&mut buffer)? {
            if pump.push(&mut buffer)?.is_break() {
                return Ok(());
            }
        }
    }
    pump.flush().map(|_| ())
}

fn read_by_time(
    options: &ReplayOptions,
    progress: &Progress,
    mut pump: Pump,
    times: f64,
) -> Result<(), EdgeError> {
    let mut all: Vec<Observation> = Vec::new();
    for file in &options.files {
        let mut rows = Rows::open(file, options, progress)?;
        let mut row = Observation::default();
        while rows.next_into(&mut row)? {
            all.push(std::mem::take(&mut row));
        }
    }
    all.sort_by_key(|observation| observation.time);
    progress.set_total(all.len() as u64);
    let Some(first) = all.first().map(|observation| observation.time) else {
        return Ok(());
    };
    let started = Instant::now();
    for mut observation in all {
        let ahead = observation.time.as_micros().saturating_sub(first.as_micros());
        let due = started + Duration::from_secs_f64(ahead as f64 / 1e6 / times);
        if pump
            .wait(|| due.saturating_duration_since(Instant::now()))
            .is_break()
            || pump.push(&mut observation)?.is_break()
        {
            return Ok(());
        }
    }
    pump.flush().map(|_| ())
}
