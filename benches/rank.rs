//! A week's ranking: from the rollup and from the observations, in a running process and as a command.
//!
//! Fifteen days of the simulated district go into a lake through the appender, without a broker; `hourly` is rolled up
//! from them. The week is the second one, so that there is one before it. Warm is a call in this process; cold is
//! `dustwatch rank`, a process from start to end (the files are in the page cache in both). Days:
//! `DUSTWATCH_BENCH_DAYS` (15); timed rounds: `DUSTWATCH_BENCH_ROUNDS` (9); commits, and so files, a day:
//! `DUSTWATCH_BENCH_COMMITS` (24).
#![allow(missing_docs)]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use dustwatch_analytics::{Period, RankRequest, SourceChoice, rank, roll_up};
use dustwatch_config::Settings;
use dustwatch_edge::network::Troubles;
use dustwatch_lake::{Appender, Identity, Lake, LocalDays, ObservationRows, TableKind};
use dustwatch_observation::Observation;

#[path = "common/mod.rs"]
mod common;

use common::district::simulate;
use common::process::{Fallible, Running, bytes_of, dustwatch, machine};
use common::{env_number, markdown, median};

const WEEK: &str = "2019-W32";
const PARAMETERS: [&str; 2] = ["tsp", "pm25"];
const SOURCES: [(SourceChoice, &str); 2] = [(SourceChoice::Rollup, "rollup"), (SourceChoice::Raw, "raw")];

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match bench().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("rank: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn bench() -> Fallible<()> {
    let days = env_number("DUSTWATCH_BENCH_DAYS", 15);
    let rounds = env_number("DUSTWATCH_BENCH_ROUNDS", 9) as usize;
    let commits = env_number("DUSTWATCH_BENCH_COMMITS", 24);
    let settings = Settings::load(None).unwrap();
    println!("{}\n", machine());
    let all = simulate(&settings, days, Troubles::Usual);
    let mut table = vec![
        [
            "commits a day",
            "parameter",
            "from",
            "warm, ms",
            "fastest",
            "command, ms",
            "fastest",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for commits in [1, commits] {
        let folder = tempfile::tempdir().unwrap();
        let uri = folder.path().join("lake");
        let lake = Lake::at(
            uri.to_str().unwrap(),
            settings.parameters.clone(),
            settings.district.timezone,
        )
        .unwrap();
        let started = Instant::now();
        let filled = fill(&lake, &settings, &all, days, commits).await;
        let took = started.elapsed();
        let started = Instant::now();
        let report = roll_up(&lake, &settings, |_| {}).await.unwrap();
        println!(
            "{commits} commits a day: {} observations of {days} days written in {:.1} s ({}), {:.1} MB on disk; \
             {} hourly means rolled up in {:.1} s",
            filled.rows,
            took.as_secs_f64(),
            filled.ends(),
            bytes_of(&uri.join("observations")) as f64 / 1e6,
            report.rows,
            started.elapsed().as_secs_f64()
        );
        for parameter in PARAMETERS {
            for (source, name) in SOURCES {
                let mut warm = Vec::new();
                let mut request = RankRequest::new(parameter, WEEK.parse::<Period>().unwrap());
                request.source = source;
                for round in 0..=rounds {
                    let started = Instant::now();
                    let ranking = rank(&lake, &settings, &request).await.unwrap();
                    assert!(ranking.rows.iter().any(|row| row.rank == Some(1)));
                    if round > 0 {
                        warm.push(milliseconds(started));
                    }
                }
                let mut cold = Vec::new();
                for round in 0..=rounds {
                    let started = Instant::now();
                    command(&uri, parameter, name)?;
                    if round > 0 {
                        cold.push(milliseconds(started));
                    }
                }
                let fastest = |times: &[f64]| times.iter().copied().fold(f64::INFINITY, f64::min);
                table.push(vec![
                    commits.to_string(),
                    parameter.to_owned(),
                    name.to_owned(),
                    format!("{:.0}", median(&mut warm)),
                    format!("{:.0}", fastest(&warm)),
                    format!("{:.0}", median(&mut cold)),
                    format!("{:.0}", fastest(&cold)),
                ]);
            }
        }
    }
    println!("\n{}", markdown(&table));
    Ok(())
}

/// What filling the lake came to.
#[derive(Debug, Default)]
struct Filled {
    rows: u64,
    /// Milliseconds of each commit: to know which rows are new, and to append them.
    admit: Vec<f64>,
    append: Vec<f64>,
}

impl Filled {
    /// The medians of the first and the last commits.
    fn ends(&self) -> String {
        let part = self.admit.len().div_ceil(10);
        let mut out = Vec::new();
        for (name, times) in [("admit", &self.admit), ("append", &self.append)] {
            let last = times.len() - part;
            let (first, last) = (
                median(&mut times[..part].to_vec()),
                median(&mut times[last..].to_vec()),
            );
            out.push(format!("{name} {first:.0} ms at first, {last:.0} ms at last"));
        }
        out.join("; ")
    }
}

/// Imports observations in so many commits a day, in the order of delivery, each counted once.
async fn fill(lake: &Lake, settings: &Settings, all: &[Observation], days: u64, commits: u64) -> Filled {
    let mut appender = Appender::open(lake, TableKind::Observations, "bench")
        .await
        .unwrap();
    let mut identity = Identity::new(lake);
    let mut builder = ObservationRows::new(settings.parameters.clone());
    let mut local = LocalDays::new(settings.district.timezone);
    let mut filled = Filled::default();
    let mut position = 0;
    for part in all.chunks(all.len().div_ceil((days * commits) as usize)) {
        for observation in part {
            let day = local.day_of(observation.time).unwrap();
            builder.append(observation, observation.time.plus_micros(350_000), day);
        }
        let mut rows = builder.take();
        let started = Instant::now();
        identity.admit(&mut appender, &mut rows).await.unwrap();
        filled.admit.push(milliseconds(started));
        position += 1;
        let started = Instant::now();
        filled.rows += appender.append_rows(&rows, position).await.unwrap().rows;
        filled.append.push(milliseconds(started));
    }
    filled
}

fn command(lake: &Path, parameter: &str, source: &str) -> Fallible<()> {
    let lake = lake.display().to_string();
    let arguments = [
        "rank",
        "--lake",
        &lake,
        "--parameter",
        parameter,
        "--period",
        WEEK,
        "--source",
        source,
        "--format",
        "csv",
    ];
    let said = Running::start(&dustwatch(), &arguments)?.finish()?.said;
    if said.contains("ranked") {
        Ok(())
    } else {
        Err(format!("nobody is ranked:\n{said}"))
    }
}

fn milliseconds(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1e3
}
