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

/// Bytes of a spool's segments.
fn spooled(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder.join("spool")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|e| e == "seg"))
        .map(|path| path.metadata().unwrap().len())
        .sum()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap().path();
        std::fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}

/// An older copy of the spool is put back, and the agent runs for a while without a broker: it numbers observations
/// with numbers that were confirmed of others. What the broker had retained of that must not be believed of them.
#[test]
fn a_spool_that_went_back_in_time_believes_no_confirmation_of_its_other_life() {
    let broker = Broker::start();
    let ingester = Ingester::start(broker.port, 0);
    let folder = tempfile::tempdir().unwrap();
    let (spool, image) = (folder.path().join("spool"), folder.path().join("image"));
    let run = |broker: &str| {
        let config = settings(folder.path(), broker, COUNTER);
        spawn(edge().arg("run").arg("--config").arg(&config))
    };
    let stop = |agent| {
        signal(&agent, "TERM");
        let output = finish(agent);
        assert!(output.status.success(), "{}", stderr(&output));
        stderr(&output)
    };
    let open = || {
        let (journal, _) = Journal::open(&spool, JournalOptions::default()).unwrap();
        (journal.id().to_owned(), journal.cut().get(), journal.last().get())
    };
    let confirmed = || ingester.with(|t| t.contiguous(DEVICE));

    let agent = run(&broker.url());
    wait_for("the first observations", || confirmed() >= 30);
    stop(agent);
    copy(&spool, &image);
    let (first_epoch, _, in_image) = open();
    let agent = run(&broker.url());
    wait_for("many more", || confirmed() >= in_image + 200);
    stop(agent);
    std::fs::remove_dir_all(&spool).unwrap();
    copy(&image, &spool);

    let before = spooled(folder.path());
    let agent = run("mqtt://127.0.0.1:9");
    wait_for("observations in the spool", || {
        spooled(folder.path()) > before + 2000
    });
    stop(agent);
    let (_, _, reused) = open();
    assert!(
        in_image + 10 < reused && reused < confirmed(),
        "{in_image} {reused}"
    );

    let agent = run(&broker.url());
    let renewed = |t: &common::Taken| {
        let mut epochs = t.streams.keys().map(|(_, epoch)| epoch.clone());
        epochs.find(|epoch| *epoch != first_epoch)
    };
    wait_for("what was kept, under another epoch", || {
        ingester.with(|t| {
            let epoch = renewed(t)?;
            let stream = t.streams.get(&(DEVICE.to_owned(), epoch))?;
            Some((in_image + 1..=reused + 20).all(|seq| stream.contains_key(&seq)))
        }) == Some(true)
    });
    let said = stop(agent);
    assert!(
        said.contains("an older copy of the spool must have been put back"),
        "{said}"
    );
    let (id, cut, _) = open();
    let epoch = ingester.with(renewed).unwrap();
    assert!(id == first_epoch && epoch.starts_with(&format!("{id}-")));
    ingester.with(|t| {
        let stream = &t.streams[&(DEVICE.to_owned(), epoch.clone())];
        assert!(cut > reused, "confirmed records are given up");
        let lost: Vec<u64> = (in_image + 1..=cut)
            .filter(|seq| !stream.contains_key(seq))
            .collect();
        assert_eq!(lost, Vec::<u64>::new(), "given up and never taken");
    });
    // The next life goes on under the same name.
    let agent = run(&broker.url());
    let seen = ingester.with(|t| t.messages);
    wait_for("more", || ingester.with(|t| t.messages) > seen + 5);
    stop(agent);
    assert_eq!(ingester.with(|t| t.streams.len()), 2);
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
        ("kind = \"exec\"", "kind = \"opcua\"", "opcua"),
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
