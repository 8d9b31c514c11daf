//! Promise: a service manager hears when an ingester takes messages and when it ends, and gives it the time to end.
#![allow(clippy::unwrap_used)]

mod support;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use support::mosquitto::{Memory, Mosquitto};
use support::process::Running;
use support::world::{Place, World};

/// What the manager hears next.
#[track_caller]
fn heard(manager: &UnixDatagram) -> String {
    let mut word = [0; 256];
    let length = manager.recv(&mut word).expect("the manager is told something");
    String::from_utf8_lossy(&word[..length]).into_owned()
}

#[test]
fn the_service_manager_hears_ready_after_the_subscription_and_stopping_at_the_end() {
    let world = World::new(&Place::new("110109").township("110109001", "大峪街道"));
    let socket = world.path("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dustwatch"));
    command
        .args(["ingest", "--log-format", "json", "--config"])
        .arg(world.path("dustwatch.toml"))
        .env_remove("RUST_LOG")
        .env("NOTIFY_SOCKET", &socket);
    let mut ingest = Running::spawn(command);
    // Without a broker there is nothing to take messages from.
    ingest.wait_for_log("the missing broker", |line| {
        line.contains("broker connection lost")
    });
    manager.set_nonblocking(true).unwrap();
    assert!(
        manager.recv(&mut [0; 256]).is_err(),
        "ready was said without a broker"
    );
    manager.set_nonblocking(false).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(120))).unwrap();

    let _broker = Mosquitto::start(world.port(), Memory::None);
    assert_eq!(heard(&manager), "READY=1");
    // A second look at the stations is no reason to end.
    ingest.signal("HUP");
    let since = Instant::now();
    let ended = ingest.terminate();
    assert_eq!(heard(&manager), "STOPPING=1");
    assert!(since.elapsed() < Duration::from_secs(60), "{ended}");
    ended.expect_code(0);
}

/// The value of a key in a text of lines like `key=value # comment`.
#[track_caller]
fn seconds(file: &str, key: &str) -> u64 {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut pairs = text.lines().filter_map(|line| line.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim() == key).unwrap();
    let value = value.split('#').next().unwrap();
    value.trim().parse().unwrap()
}

#[test]
fn the_unit_gives_a_shutdown_more_time_than_the_default_settings_take() {
    let shutdown = seconds("config/mentougou/dustwatch.toml", "shutdown_seconds");
    let stop = seconds("config/deploy/dustwatch-ingest.service", "TimeoutStopSec");
    assert!(
        stop > shutdown + 2 * 2,
        "{stop} s for {shutdown} s and the last words"
    );
}
