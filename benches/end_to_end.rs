//! From the broker to the table: how many observations a second, and what they cost.
//!
//! Real processes on one machine: Mosquitto, `dustwatch ingest` and `dustwatch-edge simulate`, one observation a
//! message and sixty a message. Beside them, with the same load and a broker with the same settings, a subscriber that
//! acknowledges, counts and forgets: what remains when nothing is done with a message. Every process is alone in its
//! run but for the other two of that run, all on the same cores.
//!
//! Sizes: `DUSTWATCH_BENCH_SINGLES` (200000), `DUSTWATCH_BENCH_BATCHED` (3000000), `DUSTWATCH_BENCH_BATCH` (60).
#![allow(missing_docs)]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use dustwatch_config::Settings;

#[path = "common/mod.rs"]
mod common;

use common::process::{
    Cost, Fallible, Running, bytes_of, dustwatch, dustwatch_edge, free_port, machine, mosquitto,
    settings_file,
};
use common::subscriber::{Confirmations, forgets_by_arguments, forgetting};
use common::table::expect_rows;
use common::{env_number, markdown};

/// Parameters of an observation.
const READINGS: f64 = 9.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subscriber {
    Forgets,
    Ingester,
    /// `dustwatch up` with its embedded broker: broker and ingester are one process.
    Embedded,
}

#[derive(Debug, Clone, Copy)]
struct Load {
    observations: u64,
    batch: u64,
    /// Who tells the publisher that a message has arrived.
    confirm: &'static str,
}

impl Load {
    /// The publisher goes round the stations and closes a message when a station has enough for it, and at the end.
    fn messages(self) -> u64 {
        let stations = Settings::load(None).unwrap().registry.stations().len() as u64;
        let (each, more) = (self.observations / stations, self.observations % stations);
        more * (each + 1).div_ceil(self.batch) + (stations - more) * each.div_ceil(self.batch)
    }
}

/// What a run came to.
#[derive(Debug)]
struct Figures {
    subscriber: Subscriber,
    load: Load,
    seconds: f64,
    messages: u64,
    cost: Cost,
    /// Absent when it is the same process.
    broker: Option<Cost>,
    publisher: Cost,
    /// Bytes of data files and of the table's log.
    data: u64,
    log: u64,
}

fn main() -> ExitCode {
    if forgets_by_arguments() {
        return ExitCode::SUCCESS;
    }
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("end_to_end: {message}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Fallible<()> {
    let batch = env_number("DUSTWATCH_BENCH_BATCH", 60);
    let sizes = [
        (1, env_number("DUSTWATCH_BENCH_SINGLES", 200_000)),
        (batch, env_number("DUSTWATCH_BENCH_BATCHED", 3_000_000)),
    ];
    println!(
        "{}; Mosquitto, publisher and subscriber on the same cores\n",
        machine()
    );
    let mut table = vec![
        [
            "subscriber",
            "observations",
            "a message",
            "confirmed by",
            "messages/s",
            "observations/s",
            "its CPU s / 10⁶ obs.",
            "peak RSS, MiB",
            "bytes on disk / obs.",
            "/ reading",
            "broker's CPU s / 10⁶ obs.",
            "publisher's CPU s / 10⁶ obs.",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for (batch, observations) in sizes {
        for (subscriber, confirm) in [
            (Subscriber::Forgets, "broker"),
            (Subscriber::Ingester, "broker"),
            (Subscriber::Ingester, "ingester"),
            (Subscriber::Embedded, "ingester"),
        ] {
            let figures = run(
                subscriber,
                Load {
                    observations,
                    batch,
                    confirm,
                },
            )?;
            table.push(line(&figures));
        }
    }
    println!("{}", markdown(&table));
    Ok(())
}

fn run(subscriber: Subscriber, load: Load) -> Fallible<Figures> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (broker, port) = match subscriber {
        Subscriber::Embedded => (None, free_port()?),
        Subscriber::Forgets | Subscriber::Ingester => {
            let (broker, port) = mosquitto(folder.path())?;
            (Some(broker), port)
        }
    };
    let mut receiver = start(subscriber, folder.path(), port, load)?;
    receiver.wait_for("ready\n")?;
    let before = receiver.cpu_seconds();
    let mut confirmations = Confirmations::listen(port);
    let started = Instant::now();
    let publisher = publish(port, load)?;
    match subscriber {
        Subscriber::Forgets => receiver.wait_for("counted")?,
        Subscriber::Ingester | Subscriber::Embedded => {
            confirmations.wait(load.observations, &mut receiver)?;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    drop(confirmations);
    let publisher = publisher.finish()?;
    let messages = messages(&publisher.said)?;
    if messages != load.messages() {
        return Err(format!(
            "{} messages were expected, {messages} were sent",
            load.messages()
        ));
    }
    let mut cost = match subscriber {
        Subscriber::Forgets => receiver.finish()?,
        Subscriber::Ingester | Subscriber::Embedded => receiver.terminate()?,
    };
    cost.cpu_seconds -= before;
    let broker = broker.map(Running::terminate).transpose()?;
    let table = folder.path().join("lake").join("observations");
    if subscriber != Subscriber::Forgets {
        expect_rows(folder.path(), load.observations)?;
    }
    let log = bytes_of(&table.join("_delta_log"));
    Ok(Figures {
        subscriber,
        load,
        seconds,
        messages,
        cost,
        broker,
        publisher,
        data: bytes_of(&table) - log,
        log,
    })
}

/// Starts who receives, with its settings in the folder.
fn start(subscriber: Subscriber, folder: &Path, port: u16, load: Load) -> Fallible<Running> {
    let command = match subscriber {
        Subscriber::Forgets => return forgetting(port, load.messages()),
        Subscriber::Ingester => "ingest",
        Subscriber::Embedded => "up",
    };
    let settings = settings_file(folder, port, subscriber == Subscriber::Embedded)?;
    Running::start(&dustwatch(), &[command, "--config", &settings])
}

/// Starts the publisher: every observation once, as fast as it is let.
fn publish(port: u16, load: Load) -> Fallible<Running> {
    Running::start(
        &dustwatch_edge()?,
        &[
            "simulate",
            "--no-troubles",
            "--start",
            "2019-08-01",
            "--broker",
            &format!("mqtt://127.0.0.1:{port}"),
            "--batch",
            &load.batch.to_string(),
            "--count",
            &load.observations.to_string(),
            "--confirm",
            load.confirm,
        ],
    )
}

/// The messages of a report like `confirmed 120 observations in 2 messages, 0 resent, …`.
fn messages(said: &str) -> Fallible<u64> {
    let words: Vec<&str> = said.split_whitespace().collect();
    let before = words
        .iter()
        .position(|word| *word == "messages,")
        .and_then(|at| at.checked_sub(1));
    before
        .and_then(|at| words[at].parse().ok())
        .ok_or_else(|| format!("the publisher printed no report:\n{said}"))
}

fn line(figures: &Figures) -> Vec<String> {
    let observations = figures.load.observations as f64;
    let per_million = |cost: &Cost| format!("{:.2}", cost.cpu_seconds / observations * 1e6);
    let stored = |readings: f64, places: usize| match figures.subscriber {
        Subscriber::Forgets => "–".to_owned(),
        Subscriber::Ingester | Subscriber::Embedded => {
            let data = figures.data as f64 / observations / readings;
            let log = figures.log as f64 / observations / readings;
            format!("{data:.places$} + {log:.places$} log")
        }
    };
    vec![
        match figures.subscriber {
            Subscriber::Forgets => "counts and forgets".to_owned(),
            Subscriber::Ingester => "`dustwatch ingest`".to_owned(),
            Subscriber::Embedded => "`dustwatch up`, broker inside".to_owned(),
        },
        figures.load.observations.to_string(),
        figures.load.batch.to_string(),
        figures.load.confirm.to_owned(),
        format!("{:.0}", figures.messages as f64 / figures.seconds),
        format!("{:.0}", observations / figures.seconds),
        per_million(&figures.cost),
        format!("{:.0}", figures.cost.peak_mib),
        stored(1.0, 2),
        stored(READINGS, 3),
        figures
            .broker
            .as_ref()
            .map_or_else(|| "–".to_owned(), per_million),
        per_million(&figures.publisher),
    ]
}
