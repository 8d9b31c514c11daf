//! Promise: an operator sees what an ingester does, in the names that the dashboard, the alerts and the docs use.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use support::mosquitto::{Memory, Mosquitto};
use support::scrape::{Page, door, get};
use support::wire::Wire;
use support::world::{Place, World, wait_until_ready};

const OBS: &str = "dust/v1/110109/110109-DY-0001/obs";

fn place() -> Place {
    Place::new("110109").township("110109001", "大峪街道").station(
        "110109-DY-0001",
        "township",
        "110109001",
        "1m",
    )
}

fn wait_until(what: &str, fits: impl Fn() -> bool) {
    let since = Instant::now();
    while !fits() {
        assert!(
            since.elapsed() < Duration::from_secs(60),
            "waited in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Words of a text that look like names of ours.
fn names_in(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("dustwatch_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_is_counted_is_what_was_sent() {
    let world = World::new(&place());
    let mut ingest = world.spawn_ingest();
    let door = door(&mut ingest);
    assert_eq!(get(&door, "/live").0, 200);
    let (status, reason) = get(&door, "/ready");
    assert_eq!((status, reason.trim()), (503, "the broker is not connected"));

    let mosquitto = Mosquitto::start(world.port(), Memory::None);
    wait_until_ready(&mut ingest);
    wait_until("ready", || get(&door, "/ready").0 == 200);
    let mut wire = Wire::connect(world.port(), "metrics");
    for minute in 0..20 {
        let time = 1_565_049_600_000i64 + minute * 60_000;
        let payload = format!("{{\"time\":{time},\"pm25\":{minute}}}");
        wire.publish(OBS, payload.as_bytes());
    }
    wire.publish(OBS, &b"{\"time\":1565049600000,\"pm25\":0}"[..]);
    wire.publish(OBS, &b"{\"time\":1565049600000,\"pm25\":77}"[..]);
    wire.publish(OBS, &b"nonsense"[..]);
    wire.publish(
        "dust/v1/110109/110109-XX-0009/obs",
        &b"{\"time\":1565049600000}"[..],
    );
    wait_until("everything is in the table", || {
        let page = Page::scrape(&door);
        page.value("dustwatch_ingest_committed_observations_total") >= 21.0
    });

    let page = Page::scrape(&door);
    let total = |name: &str| page.value(&format!("dustwatch_ingest_{name}_total"));
    assert_eq!(
        (total("messages"), total("journaled"), total("acknowledged")),
        (24.0, 24.0, 24.0)
    );
    assert_eq!(
        (total("observations"), total("committed_observations")),
        (22.0, 21.0)
    );
    assert_eq!(
        (total("duplicates"), total("corrections"), total("connections")),
        (1.0, 1.0, 1.0)
    );
    let rejected =
        |reason: &str| page.value(&format!("dustwatch_ingest_rejected_total{{reason=\"{reason}\"}}"));
    assert_eq!(
        (
            rejected("not_json"),
            rejected("unknown_device"),
            rejected("future_time")
        ),
        (1.0, 1.0, 0.0)
    );
    assert_eq!(page.value("dustwatch_ingest_unacknowledged_messages"), 0.0);
    assert_eq!(page.value("dustwatch_ingest_connected"), 1.0);
    assert_eq!(
        page.value("dustwatch_ingest_observed_to_received_seconds_count"),
        22.0
    );
    assert!(page.value("dustwatch_ingest_received_to_queryable_seconds_count") >= 2.0);
    assert!(page.value("dustwatch_ingest_table_files") >= 1.0);
    assert!(page.value("process_resident_memory_bytes") > 1e6 && page.value("process_open_fds") > 3.0);
    check_names(&page);

    drop(mosquitto);
    wait_until("it notices that the broker is gone", || {
        get(&door, "/ready").0 == 503
    });
    assert_eq!(get(&door, "/live").0, 200, "it waits for the broker, and lives");
    assert_eq!(Page::scrape(&door).value("dustwatch_ingest_connected"), 0.0);
}

#[test]
fn what_a_killed_ingester_left_in_its_journal_is_told_from_the_start() {
    let mut place = place();
    place.lake_keys = "commit_interval_seconds = 3600".to_owned();
    let world = World::new(&place);
    let mosquitto = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "metrics");
    wire.publish_and_confirm(OBS, "e", 1, "\"time\":1565049600000,\"pm25\":1");
    ingest.kill();
    drop(mosquitto);
    let mut again = world.spawn_ingest();
    let door = door(&mut again);
    let page = Page::scrape(&door);
    assert_eq!(page.value("dustwatch_ingest_journal_syncs_total"), 0.0);
    assert!(page.value("dustwatch_ingest_journal_bytes") > 100.0);
}

/// Dashboard, alerts and docs use the names that there are, and the docs list them all.
fn check_names(page: &Page) {
    let names = page.names();
    for file in [
        "config/deploy/alerts.yml",
        "config/deploy/grafana/dashboards/dustwatch-ingest.json",
    ] {
        let text = std::fs::read_to_string(repository(file)).unwrap();
        let used = names_in(&text);
        assert!(used.len() > 5, "{file}");
        for name in used {
            assert!(
                names.contains(name.as_str()),
                "{file} uses {name}, which is not told"
            );
        }
    }
    let docs = std::fs::read_to_string(repository("docs/metrics.md")).unwrap();
    let rows = docs.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let name = cells.next()?.trim().trim_end_matches('`').to_owned();
        Some((name, cells.next()?.trim().to_owned()))
    });
    assert_eq!(rows.collect::<BTreeMap<_, _>>(), page.types);
    let dashboard = std::fs::read_to_string(repository(
        "config/deploy/grafana/dashboards/dustwatch-ingest.json",
    ));
    serde_json::from_str::<serde_json::Value>(&dashboard.unwrap()).unwrap();
}
