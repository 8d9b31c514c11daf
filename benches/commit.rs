//! What a commit costs when days of table lie behind it: identity, file, log entry and syncs, as the ingester makes it.
//!
//! The same ten seconds of 64 monitors are committed again and again: to an empty table; behind thirty days of one file
//! each, as compaction leaves them; behind thirty days that nobody compacted. At the end, that many commits with the
//! compaction of the running day among them, and the memory of the process along the way.
//!
//! Sizes: `DUSTWATCH_BENCH_COMMITS` (200), `DUSTWATCH_BENCH_DAYS` (30), `DUSTWATCH_BENCH_FILES_A_DAY` (48).
#![allow(missing_docs)]
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use dustwatch_config::Settings;
use dustwatch_lake::{Appender, CompactWhen, Identity, Lake, LocalDays, ObservationRows, TableKind};
use dustwatch_observation::{Decimal, Observation, Time};

#[path = "common/mod.rs"]
mod common;

use common::{env_number, markdown, median};

const KIND: TableKind = TableKind::Observations;
const DAY: i64 = 86_400_000_000;
const DEVICES: i64 = 64;

/// Rows of the devices at one time of a day.
fn rows(settings: &Settings, day: i64, second: i64) -> ObservationRows {
    let mut rows = ObservationRows::new(settings.parameters.clone());
    let mut local = LocalDays::new(settings.district.timezone);
    let mut observation = Observation::new(settings.parameters.len());
    for device in 0..DEVICES {
        observation.clear();
        observation.device = format!("110109-DY-{device:04}");
        observation.time = Time::from_micros(1_565_020_800_000_000 + day * DAY + second * 1_000_000);
        for (id, _) in settings.parameters.iter() {
            observation.reading_mut(id).value = Some(Decimal::new(device * 7 + second % 100, 1));
        }
        let day = local.day_of(observation.time).unwrap();
        rows.append(&observation, observation.time.plus_micros(350_000), day);
    }
    rows
}

struct Writer {
    appender: Appender,
    identity: Identity,
    position: u64,
}

impl Writer {
    async fn open(lake: &Lake) -> Self {
        Self {
            appender: Appender::open(lake, KIND, "bench").await.unwrap(),
            identity: Identity::new(lake),
            position: 0,
        }
    }

    /// Milliseconds of a commit.
    async fn commit(&mut self, mut rows: ObservationRows) -> f64 {
        self.position += 1;
        let began = Instant::now();
        self.identity.admit(&mut self.appender, &mut rows).await.unwrap();
        self.appender.append_admitted(&rows, self.position).await.unwrap();
        began.elapsed().as_secs_f64() * 1e3
    }
}

async fn measure(settings: &Settings, days: u64, files_a_day: u64, commits: u64) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let uri = folder.path().to_str().unwrap().to_owned();
    let lake = Lake::at(&uri, settings.parameters.clone(), settings.district.timezone).unwrap();
    let mut writer = Writer::open(&lake).await;
    for day in 0..days as i64 {
        for file in 0..files_a_day as i64 {
            writer.commit(rows(settings, day, file * 60)).await;
        }
    }
    let behind = writer.appender.files();
    let mut times = Vec::new();
    for commit in 0..commits as i64 {
        times.push(writer.commit(rows(settings, days as i64, commit * 10)).await);
    }
    let last = &mut times[commits as usize * 3 / 4..].to_vec();
    vec![
        days.to_string(),
        behind.to_string(),
        format!("{:.1}", median(&mut times.clone())),
        format!("{:.1}", median(last)),
        format!("{:.1}", times.iter().copied().fold(0.0, f64::max)),
    ]
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// Many commits to one day, compacted now and then as an ingester's maintenance does.
async fn long_run(settings: &Settings, commits: u64) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let uri = folder.path().to_str().unwrap().to_owned();
    let lake = Lake::at(&uri, settings.parameters.clone(), settings.district.timezone).unwrap();
    let mut writer = Writer::open(&lake).await;
    let mut lines = vec![
        ["commits", "files", "median of the last, ms", "resident, MiB"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let part = commits / 5;
    for step in 0..5 {
        let mut times = Vec::new();
        for commit in step * part..(step + 1) * part {
            times.push(writer.commit(rows(settings, 0, commit as i64 * 10)).await);
            if commit % 60 == 59 {
                let when = CompactWhen {
                    today: 0,
                    open_day_files: 60,
                };
                lake.compact(KIND, when).await.unwrap();
            }
        }
        lines.push(vec![
            ((step + 1) * part).to_string(),
            writer.appender.files().to_string(),
            format!("{:.1}", median(&mut times)),
            format!("{:.0}", resident_mib()),
        ]);
    }
    lines
}

fn main() {
    let settings = Settings::load(None).unwrap();
    let commits = env_number("DUSTWATCH_BENCH_COMMITS", 200);
    let days = env_number("DUSTWATCH_BENCH_DAYS", 30);
    let files = env_number("DUSTWATCH_BENCH_FILES_A_DAY", 48);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut table = vec![
        [
            "days behind",
            "files behind",
            "median commit, ms",
            "of the last quarter",
            "slowest",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for (days, files) in [(0, 0), (days, 1), (days, files)] {
        table.push(runtime.block_on(measure(&settings, days, files, commits)));
    }
    println!("{}\n{}", common::process::machine(), markdown(&table));
    println!(
        "{}",
        markdown(&runtime.block_on(long_run(&settings, commits * 5)))
    );
}
