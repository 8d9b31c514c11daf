//! How long a message waits at a given rate, and how old the newest observation of the table is.
//!
//! First: one publisher sends at a steady rate, about half of what `end_to_end` found to be the most, to Mosquitto with
//! an ingester behind it. Each message's time counts from the moment when it should have left, so that a publisher held up
//! does not hide what held it up. Told are the time to the broker's PUBACK, and the time until the ingester's
//! confirmation says that the message is durable; beside them the PUBACKs with the subscriber that forgets.
//!
//! Then: `dustwatch-edge simulate --live`, an observation a second of each of the 64 monitors, with default settings. The
//! table is asked twice a second for its newest observation; its age is what somebody who asks then has to put up with.
//!
//! Sizes: `DUSTWATCH_BENCH_RATE` (20000 messages/s, one a message), `DUSTWATCH_BENCH_BATCH_RATE` (6000 messages/s),
//! `DUSTWATCH_BENCH_BATCH` (60), `DUSTWATCH_BENCH_SECONDS` (10), `DUSTWATCH_BENCH_LIVE_SECONDS` (120).
#![allow(missing_docs)]
#![allow(clippy::unwrap_used)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use dustwatch_observation::{Clock, SystemClock};

#[path = "common/mod.rs"]
mod common;

use common::paced::{Pace, Waits, publish};
use common::process::{Fallible, Running, dustwatch, dustwatch_edge, machine, mosquitto, settings_file};
use common::subscriber::{forgets_by_arguments, forgetting};
use common::table::{expect_rows, newest};
use common::{env_number, markdown};

/// Between two looks at the table.
const LOOK: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    if forgets_by_arguments() {
        return ExitCode::SUCCESS;
    }
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("latency: {message}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Fallible<()> {
    println!("{}\n", machine());
    let seconds = env_number("DUSTWATCH_BENCH_SECONDS", 10);
    let batch = env_number("DUSTWATCH_BENCH_BATCH", 60) as usize;
    let paces = [
        (1, env_number("DUSTWATCH_BENCH_RATE", 20_000)),
        (batch, env_number("DUSTWATCH_BENCH_BATCH_RATE", 6_000)),
    ];
    let head = [
        "subscriber",
        "a message",
        "messages/s",
        "from sent to",
        "median, ms",
        "p99",
        "p99.9",
        "longest",
    ];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for (batch, rate) in paces {
        let pace = Pace { rate, seconds, batch };
        let waits = before_one_that_forgets(pace)?;
        table.push(line("counts and forgets", pace, "PUBACK", &waits.puback));
        let waits = before_an_ingester(pace)?;
        table.push(line("`dustwatch ingest`", pace, "PUBACK", &waits.puback));
        table.push(line("`dustwatch ingest`", pace, "durable", &waits.durable));
    }
    println!("{}", markdown(&table));
    println!(
        "{}",
        markdown(&ages(env_number("DUSTWATCH_BENCH_LIVE_SECONDS", 120))?)
    );
    Ok(())
}

fn before_one_that_forgets(pace: Pace) -> Fallible<Waits> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (broker, port) = mosquitto(folder.path())?;
    let mut receiver = forgetting(port, pace.messages())?;
    receiver.wait_for("ready\n")?;
    let waits = publish(port, pace, false)?;
    receiver.finish()?;
    broker.terminate()?;
    Ok(waits)
}

fn before_an_ingester(pace: Pace) -> Fallible<Waits> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (broker, port) = mosquitto(folder.path())?;
    let settings = settings_file(folder.path(), port, false)?;
    let mut ingester = Running::start(&dustwatch(), &["ingest", "--config", &settings])?;
    ingester.wait_for("ready\n")?;
    let waits = publish(port, pace, true)?;
    ingester.terminate()?;
    broker.terminate()?;
    expect_rows(folder.path(), pace.messages() * pace.batch as u64)?;
    Ok(waits)
}

/// The age of the table's newest observation, look by look, from half a minute after the start on.
fn ages(seconds: u64) -> Fallible<Vec<Vec<String>>> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (_broker, port) = mosquitto(folder.path())?;
    let settings = settings_file(folder.path(), port, false)?;
    let mut ingester = Running::start(&dustwatch(), &["ingest", "--config", &settings])?;
    ingester.wait_for("ready\n")?;
    let url = format!("mqtt://127.0.0.1:{port}");
    let live = [
        "simulate",
        "--live",
        "--no-troubles",
        "--interval",
        "1s",
        "--broker",
        &url,
    ];
    let mut monitors = Running::start(&dustwatch_edge()?, &live)?;
    std::thread::sleep(Duration::from_secs(30));
    let mut ages = Vec::new();
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        if ingester.has_ended() || monitors.has_ended() {
            return Err(format!("ended:\n{}\n{}", ingester.said(), monitors.said()));
        }
        // The age when the answer was asked for, not when it came.
        let asked = SystemClock.now();
        let newest = newest(folder.path())?.ok_or("nothing is in the table after half a minute")?;
        ages.push((asked.as_micros() - newest.as_micros()) as f64 / 1e6);
        std::thread::sleep(LOOK);
    }
    ages.sort_by(f64::total_cmp);
    let age = |share: f64| format!("{:.1}", at(&ages, share));
    Ok(vec![
        [
            "looks",
            "age of the newest observation, median, s",
            "p99",
            "oldest",
        ]
        .map(str::to_owned)
        .to_vec(),
        vec![ages.len().to_string(), age(0.5), age(0.99), age(1.0)],
    ])
}

/// The value that such a share of them does not exceed.
fn at<T: Copy>(sorted: &[T], share: f64) -> T {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

fn line(subscriber: &str, pace: Pace, to: &str, waits: &[Duration]) -> Vec<String> {
    let ms = |share: f64| format!("{:.1}", at(waits, share).as_secs_f64() * 1e3);
    vec![
        subscriber.to_owned(),
        pace.batch.to_string(),
        pace.rate.to_string(),
        to.to_owned(),
        ms(0.5),
        ms(0.99),
        ms(0.999),
        ms(1.0),
    ]
}
