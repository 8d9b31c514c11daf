//! The spool at its limit: what goes is what the settings say, it is told, and nothing else goes.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use common::{Broker, Ingester, edge, finish, signal, spawn, stderr, wait_at_most, write};

const DEVICE: &str = "110109-DY-0003";
/// More than 16 MiB hold.
const LINES: u64 = 300_000;
/// For a machine that has something else to do.
const PATIENCE: Duration = Duration::from_secs(180);

fn settings(folder: &Path, broker: &str, keys: &str, command: &str) -> PathBuf {
    let text = format!(
        "[agent]\ndistrict = \"110109\"\ndevice = \"{DEVICE}\"\nbroker = \"{broker}\"\nbatch = 1000\n\
         sync_interval_ms = 50\n{keys}\n\n[[source]]\nkind = \"exec\"\ncommand = [\"sh\", \"-c\", '''{command}''']\n"
    );
    write(folder, "edge.toml", &text)
}

fn run(config: &Path) -> Child {
    spawn(edge().arg("run").arg("--config").arg(config))
}

/// Bytes of the spool.
fn bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder.join("spool")).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().metadata().map_or(0, |metadata| metadata.len()))
        .sum()
}

/// Fills a spool without a broker until it stays as it is, and says what the agent said.
fn fill(folder: &Path, keys: &str) -> String {
    let command = format!(
        "seq -f '{{\"tsp\":%.0f,\"pm10\":10.5,\"pm25\":5.5,\"noise\":50.5,\"temperature\":20.5,\"humidity\":30.5}}' 1 {LINES}; touch \"{}\"; exec sleep 60",
        folder.join("said").display()
    );
    let agent = run(&settings(folder, "mqtt://127.0.0.1:1", keys, &command));
    let mut seen = (0, 0);
    wait_at_most(PATIENCE, "a spool that does not grow", || {
        std::thread::sleep(Duration::from_millis(300));
        let now = bytes(folder);
        seen = if now == seen.0 {
            (now, seen.1 + 1)
        } else {
            (now, 0)
        };
        now > 10 << 20 && seen.1 >= 5 && (keys.contains("wait") || folder.join("said").exists())
    });
    signal(&agent, "TERM");
    let output = finish(agent);
    assert!(
        bytes(folder) <= (16 << 20) + (64 << 10),
        "{} bytes",
        bytes(folder)
    );
    stderr(&output)
}

/// Delivers what the spool has, and says which values of TSP came.
fn deliver(folder: &Path, keys: &str) -> BTreeSet<u64> {
    let broker = Broker::start();
    let ingester = Ingester::start(broker.port, 0);
    let agent = run(&settings(folder, &broker.url(), keys, "exec sleep 60"));
    let mut seen = (0, 0);
    wait_at_most(PATIENCE, "everything", || {
        std::thread::sleep(Duration::from_millis(200));
        let now = ingester.with(|taken| taken.observations());
        seen = if now == seen.0 {
            (now, seen.1 + 1)
        } else {
            (now, 0)
        };
        now > 0 && seen.1 >= 5
    });
    signal(&agent, "TERM");
    let output = finish(agent);
    assert!(stderr(&output).contains("unconfirmed=0"), "{}", stderr(&output));
    ingester.with(|taken| {
        assert_eq!(taken.contradictions, Vec::<String>::new());
        let said = taken.streams.values().flat_map(|stream| stream.values());
        let values = said.map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
        values.map(|value| value["tsp"].as_u64().unwrap()).collect()
    })
}

/// Whether there is none missing between the first and the last.
fn is_whole(values: &BTreeSet<u64>) -> bool {
    values.last().unwrap() - values.first().unwrap() + 1 == values.len() as u64
}

#[test]
fn the_oldest_go_or_the_newest_or_the_sources_wait() {
    for policy in ["drop_oldest", "drop_newest", "wait"] {
        let folder = tempfile::tempdir().unwrap();
        let keys = format!("spool_limit_mb = 16\nspool_full = \"{policy}\"");
        let said = fill(folder.path(), &keys);
        let came = deliver(folder.path(), &keys);
        let (first, last) = (*came.first().unwrap(), *came.last().unwrap());
        assert!(
            (50_000..LINES as usize).contains(&came.len()),
            "{policy}: {} came",
            came.len()
        );
        match policy {
            "drop_oldest" => {
                assert!(first > 1 && last == LINES && is_whole(&came), "{first} to {last}");
                assert!(said.contains("given up that nobody has confirmed"), "{said}");
                // What was told to be gone is what is gone.
                assert!(said.contains(&format!("last={} ", first - 1)), "{first}: {said}");
            }
            "drop_newest" => {
                let early: BTreeSet<u64> = came.range(..=50_000).copied().collect();
                assert!(
                    first == 1 && early.len() == 50_000,
                    "{first}, {} of the early ones",
                    early.len()
                );
                assert!(said.contains("what is new is lost"), "{said}");
            }
            _ => {
                assert!(first == 1 && is_whole(&came), "{first} to {last}, {}", came.len());
                assert!(said.contains("the sources have to wait"), "{said}");
            }
        }
    }
}

#[test]
fn what_is_too_old_goes_when_the_agent_starts() {
    let folder = tempfile::tempdir().unwrap();
    let old = r#"echo "{\"time\":\"2019-08-06T08:00:00+08:00\",\"tsp\":1}"; echo "{\"time\":\"2019-08-06T08:01:00+08:00\",\"tsp\":2}"; echo "{\"tsp\":3}"; exec sleep 60"#;
    let agent = run(&settings(folder.path(), "mqtt://127.0.0.1:1", "", old));
    std::thread::sleep(Duration::from_secs(1));
    signal(&agent, "TERM");
    finish(agent);
    let came = deliver(folder.path(), "spool_max_age = \"30d\"");
    assert_eq!(came, BTreeSet::from([3]));
}

#[test]
fn wrong_limits_name_the_key() {
    let folder = tempfile::tempdir().unwrap();
    for (keys, part) in [
        ("spool_limit_mb = 1", "agent.spool_limit_mb: must be 16"),
        (
            "spool_max_age = \"old\"",
            "agent.spool_max_age: \"old\" is not a length",
        ),
        (
            "spool_full = \"panic\"",
            "agent.spool_full: \"panic\" is none of wait",
        ),
    ] {
        let config = settings(folder.path(), "mqtt://127.0.0.1:1", keys, "true");
        let output = finish(spawn(edge().arg("run").arg("--config").arg(&config)));
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(part), "{part}: {}", stderr(&output));
    }
}
