//! Promise: a network that is cut, hangs or crawls costs time and nothing else.
//!
//! Ingester and agents reach a real Mosquitto through a proxy that misbehaves. Afterwards every observation is in the
//! table once.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use support::load::{Load, audit, place};
use support::mosquitto::{Memory, Mosquitto, free_port};
use support::process::Running;
use support::proxy::Proxy;
use support::random::Random;
use support::world::{World, confirmed};

/// A world whose broker stands behind a proxy, and the port of the broker itself.
fn far_away() -> (World, Mosquitto, Proxy, u16) {
    let world = World::new(&place());
    let port = free_port();
    let broker = Mosquitto::start(port, Memory::OnDisk);
    let proxy = Proxy::start(world.port(), port);
    (world, broker, proxy, port)
}

#[track_caller]
fn finish(world: &World, load: Load, agents: Running, ingest: Running) {
    let said = agents.wait().ok();
    assert_eq!(confirmed(&said), load.observations, "{said}");
    ingest.terminate().ok();
    audit(world, &[load]);
}

#[test]
fn connections_cut_in_the_middle_of_packets() {
    const CUTS: u64 = 6;
    let mut random = Random::printed();
    let (world, _broker, proxy, _) = far_away();
    let ingest = world.start_ingest();
    let load = Load {
        round: 0,
        observations: 3000,
        batch: 2,
        rate: 400,
    };
    let mut agents = load.spawn(&world, world.port());
    for cut in 1..=CUTS {
        let bytes = random.between(300, 80_000);
        eprintln!("cut {cut} after {bytes} bytes");
        proxy.cut_after(bytes);
        let since = Instant::now();
        while proxy.cuts() < cut && !agents.has_ended() {
            assert!(
                since.elapsed() < Duration::from_secs(60),
                "nothing passes any more"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    assert!(
        proxy.cuts() >= CUTS / 2,
        "only {} cuts hit the load",
        proxy.cuts()
    );
    proxy.cut_after(i64::MAX as u64);
    finish(&world, load, agents, ingest);
}

#[test]
fn a_peer_that_vanished_without_a_word_is_noticed() {
    let (world, _broker, proxy, port) = far_away();
    let mut ingest = world.start_ingest();
    let load = Load {
        round: 0,
        observations: 3000,
        batch: 2,
        rate: 300,
    };
    let mut agents = load.spawn(&world, port);
    world.wait_for_commits(2);
    assert!(!agents.has_ended(), "in the middle of the load");
    proxy.freeze();
    ingest.wait_for_log("silence", |line| line.contains("said nothing for"));
    finish(&world, load, agents, ingest);
}

#[test]
fn a_slow_network() {
    let (world, _broker, proxy, _) = far_away();
    let ingest = world.start_ingest();
    proxy.slow(Some(40_000));
    let load = Load {
        round: 0,
        observations: 1500,
        batch: 5,
        rate: 1000,
    };
    let agents = load.spawn(&world, world.port());
    finish(&world, load, agents, ingest);
}
