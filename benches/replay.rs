//! How long an ingester takes after a restart to bring its journal into the table.
//!
//! A journal of the simulated district, as an ingester leaves it that was killed while its lake could not be reached:
//! nothing of it is in the table. `dustwatch ingest` starts beside a broker with nothing to say, and is timed from its
//! start until it calls itself ready and everything is committed. Beside it, what remains when the records are read and
//! forgotten.
//!
//! Sizes: `DUSTWATCH_BENCH_REPLAY` (10000000), `DUSTWATCH_BENCH_BATCH` (60).
#![allow(missing_docs)]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use dustwatch_config::Settings;
use dustwatch_journal::{Journal, JournalOptions, Position};

#[path = "common/mod.rs"]
mod common;

use common::messages::Messages;
use common::process::{Fallible, Running, bytes_of, dustwatch, machine, mosquitto, settings_file};
use common::table::expect_rows;
use common::{env_number, markdown};

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("replay: {message}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Fallible<()> {
    let observations = env_number("DUSTWATCH_BENCH_REPLAY", 10_000_000);
    let batch = env_number("DUSTWATCH_BENCH_BATCH", 60) as usize;
    println!("{}\n", machine());
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let journal = folder.path().join("journal");
    let records = observations / batch as u64;
    let observations = records * batch as u64;
    leave_behind(&journal, records, batch)?;
    let bytes = bytes_of(&journal);
    let read = read_and_forget(&journal, records)?;
    let (seconds, cpu, peak) = replay(folder.path(), observations)?;
    let line = |who: &str, seconds: f64, cpu: String, peak: String| {
        let rate = format!("{:.0}", observations as f64 / seconds / 1e3);
        vec![who.to_owned(), format!("{seconds:.2}"), rate, cpu, peak]
    };
    println!(
        "{observations} observations in {records} records, {:.0} MB\n",
        bytes as f64 / 1e6
    );
    println!(
        "{}",
        markdown(&[
            [
                "",
                "seconds",
                "thousand observations/s",
                "CPU s / 10⁶ obs.",
                "peak RSS, MiB"
            ]
            .map(str::to_owned)
            .to_vec(),
            line(
                "records read, and forgotten",
                read,
                "–".to_owned(),
                "–".to_owned()
            ),
            line(
                "`dustwatch ingest`, from its start until all is in the table",
                seconds,
                format!("{:.2}", cpu / observations as f64 * 1e6),
                format!("{peak:.0}"),
            ),
        ])
    );
    Ok(())
}

/// Writes the journal, records as the ingester's has them: version, time of receipt, bytes sent, topic, payload.
fn leave_behind(dir: &Path, records: u64, batch: usize) -> Fallible<()> {
    let fail = |e: &dyn std::fmt::Display| e.to_string();
    let settings = Settings::load(None).map_err(|e| fail(&e))?;
    let (mut journal, _) = Journal::open(dir, JournalOptions::default()).map_err(|e| fail(&e))?;
    let mut record = Vec::new();
    for (_, message) in (0..records).zip(Messages::new(&settings, batch)) {
        let received = message.observed_at.plus_micros(350_000);
        record.clear();
        record.push(1);
        record.extend_from_slice(&received.as_micros().to_le_bytes());
        record.extend_from_slice(&(message.payload.len() as u32).to_le_bytes());
        record.extend_from_slice(&(message.topic.len() as u16).to_le_bytes());
        record.extend_from_slice(message.topic.as_bytes());
        record.extend_from_slice(&message.payload);
        journal.append(&record).map_err(|e| fail(&e))?;
    }
    journal.sync().map(drop).map_err(|e| fail(&e))
}

/// Seconds to open the journal and read each record once.
fn read_and_forget(dir: &Path, records: u64) -> Fallible<f64> {
    let since = Instant::now();
    let (journal, _) = Journal::open(dir, JournalOptions::default()).map_err(|e| e.to_string())?;
    let mut reader = journal.reader(Position::ZERO);
    let mut read = 0;
    while reader.next().map_err(|e| e.to_string())?.is_some() {
        read += 1;
    }
    if read == records {
        Ok(since.elapsed().as_secs_f64())
    } else {
        Err(format!("{records} records were written, {read} read"))
    }
}

/// Seconds, CPU seconds and MiB of an ingester that finds the journal.
fn replay(folder: &Path, observations: u64) -> Fallible<(f64, f64, f64)> {
    let (broker, port) = mosquitto(folder)?;
    let settings = settings_file(folder, port, false)?;
    let since = Instant::now();
    let mut ingester = Running::start(&dustwatch(), &["ingest", "--config", &settings])?;
    ingester.wait_for("ready\n")?;
    ingester.wait_for("journal replayed")?;
    // The last commits end with the orderly stop.
    let cost = ingester.terminate()?;
    let seconds = since.elapsed().as_secs_f64();
    broker.terminate()?;
    expect_rows(folder, observations)?;
    Ok((seconds, cost.cpu_seconds, cost.peak_mib))
}
