//! `run` and `check` against a real broker: what the spool has synced is never lost and never changes its number.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::time::Duration;

use common::{Broker, Ingester, edge, finish, signal, spawn, stderr, stdout, wait_for, write};
use dustwatch_journal::{Journal, JournalOptions};

const DEVICE: &str = "110109-DY-0003";

/// A source that counts, a hundred times a second, with a broken line now and then.
const COUNTER: &str = r#"i=0; while :; do i=$((i+1)); echo "{\"tsp\": $i}"; [ $((i % 10)) = 0 ] && echo broken; sleep 0.01; done"#;

fn settings(folder: &Path, broker: &str, command: &str) -> std::path::PathBuf {
    let text = format!(
        r#"
[agent]
district = "110109"
device = "{DEVICE}"
broker = "{broker}"
spool = "spool"
sync_interval_ms = 100
batch = 4
resend_after_s = 1

[[source]]
kind = "exec"
command = ["sh", "-c", '''{command}''']

[calibrate.tsp]
slope = 2.0
offset = 0.5
"#
    );
    write(folder, "edge.toml", &text)
}

#[test]
fn nothing_synced_is_lost_though_the_agent_and_the_broker_are_killed() {
    let mut broker = Broker::start();
    let ingester = Ingester::start(broker.port, 0);
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path(), &broker.url(), COUNTER);
    let start = || spawn(edge().arg("run").arg("--config").arg(&config));

    // Everything well, then the agent is killed.
    let mut agent = start();
    wait_for("the first observations", || {
        ingester.with(|t| t.contiguous(DEVICE) >= 50)
    });
    agent.kill().unwrap();
    agent.wait().unwrap();
    wait_for("the last will", || {
        ingester.with(|t| t.status.last().is_some_and(|(_, said)| said == "offline"))
    });

    // No broker: the spool keeps. Killed again.
    broker.kill();
    let mut agent = start();
    std::thread::sleep(Duration::from_millis(1200));
    agent.kill().unwrap();
    agent.wait().unwrap();
    let (journal, recovery) = Journal::open(&folder.path().join("spool"), JournalOptions::default()).unwrap();
    let (epoch, synced) = (journal.id().to_owned(), journal.last().get());
    assert!(recovery.records > 20, "{recovery:?}");
    drop(journal);

    // The broker is back: what was synced arrives, and more.
    broker.restart();
    let agent = start();
    wait_for("all that was synced", || {
        ingester.with(|t| t.contiguous(DEVICE) > synced + 20)
    });
    signal(&agent, "TERM");
    let output = finish(agent);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("not_json"), "broken lines are told");

    let (journal, _) = Journal::open(&folder.path().join("spool"), JournalOptions::default()).unwrap();
    ingester.with(|taken| {
        assert_eq!(taken.contradictions, Vec::<String>::new());
        assert_eq!(
            taken.streams.keys().cloned().collect::<Vec<_>>(),
            [(DEVICE.to_owned(), epoch.clone())]
        );
        let stream = taken.streams.values().next().unwrap();
        assert_eq!(taken.contiguous(DEVICE), stream.len() as u64, "no gap");
        assert!(journal.cut().get() <= stream.len() as u64 && journal.last().get() >= stream.len() as u64);
        assert!(journal.cut().get() > synced, "confirmed records are given up");
        let value: serde_json::Value = serde_json::from_str(&stream[&1]).unwrap();
        assert_eq!(value["tsp"].as_f64(), Some(2.5), "calibrated");
        assert!(value["time"].is_string(), "timed");
        let said: Vec<&str> = taken.status.iter().map(|(_, said)| said.as_str()).collect();
        assert_eq!(said.last(), Some(&"offline"), "{said:?}");
        assert!(said.contains(&"online"));
    });
}

#[test]
fn an_agent_without_a_broker_stops_at_once_and_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path(), "mqtt://127.0.0.1:9", COUNTER);
    let agent = spawn(edge().arg("run").arg("--config").arg(&config));
    std::thread::sleep(Duration::from_millis(700));
    signal(&agent, "TERM");
    let started = std::time::Instant::now();
    let output = finish(agent);
    assert!(
        output.status.success() && started.elapsed() < Duration::from_secs(3),
        "{}",
        stderr(&output)
    );
    let (journal, recovery) = Journal::open(&folder.path().join("spool"), JournalOptions::default()).unwrap();
    assert!(recovery.records > 10 && journal.cut().get() == 0, "{recovery:?}");
}

#[test]
fn check_tells_what_works_and_what_does_not() {
    let broker = Broker::start();
    let folder = tempfile::tempdir().unwrap();
    let check = |config: &Path| {
        finish(spawn(
            edge()
                .arg("check")
                .arg("--config")
                .arg(config)
                .args(["--format", "csv"]),
        ))
    };
    let good = check(&settings(
        folder.path(),
        &broker.url(),
        "echo '{\"tsp\":1,\"pm10\":2}'",
    ));
    assert!(good.status.success(), "{}{}", stdout(&good), stderr(&good));
    assert!(stdout(&good).contains("observed 2 values"), "{}", stdout(&good));
    let bad = check(&settings(folder.path(), "mqtt://127.0.0.1:9", "echo no"));
    assert_eq!(bad.status.code(), Some(1));
    let said = stdout(&bad);
    assert!(said.contains("not_json") && said.contains("refused"), "{said}");
}

#[test]
fn wrong_settings_name_the_line_or_key() {
    let folder = tempfile::tempdir().unwrap();
    let good = std::fs::read_to_string(settings(folder.path(), "mqtt://127.0.0.1:9", "true")).unwrap();
    for (from, to, part) in [
        ("batch = 4", "batches = 4", "line 8"),
        ("batch = 4", "batch = 0", "agent.batch"),
        ("110109\"\ndevice", "1101\"\ndevice", "agent.district"),
        ("[calibrate.tsp]", "[calibrate.tps]", "calibrate.tps"),
        ("mqtt://127.0.0.1:9", "127.0.0.1", "agent.broker"),
        ("kind = \"exec\"", "kind = \"modbus\"", "modbus"),
    ] {
        let config = write(folder.path(), "wrong.toml", &good.replace(from, to));
        let output = finish(spawn(edge().arg("run").arg("--config").arg(&config)));
        assert_eq!(output.status.code(), Some(2), "{to}: {}", stderr(&output));
        assert!(
            stderr(&output).contains(part) && stderr(&output).contains("wrong.toml"),
            "{to}: {}",
            stderr(&output)
        );
    }
}
