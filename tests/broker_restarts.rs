//! Promise: a broker that dies by SIGKILL and comes back, with its memory or without, loses nothing that was confirmed.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::load::{Load, audit, place};
use support::mosquitto::{Memory, Mosquitto};
use support::random::Random;
use support::world::{World, confirmed};

fn restart_the_broker(memory: Memory, ack_after: &str) {
    const KILLS: usize = 3;
    let mut random = Random::printed();
    let mut place = place();
    place.broker_keys += &format!("ack_after = \"{ack_after}\"");
    let world = World::new(&place);
    let mut broker = Mosquitto::start(world.port(), memory);
    let mut ingest = world.start_ingest();
    let load = Load {
        round: 0,
        observations: 9000,
        batch: 2,
        rate: 500,
    };
    let mut agents = load.spawn(&world, world.port());
    for kill in 1..=KILLS {
        world.wait_for_commits(1);
        std::thread::sleep(Duration::from_millis(random.between(0, 300)));
        assert!(!agents.has_ended(), "the load ended before kill {kill}");
        let connected = said(&ingest.stderr(), "connected to broker");
        broker.kill();
        std::thread::sleep(Duration::from_millis(random.between(50, 500)));
        broker.restart();
        // Only what is new counts.
        let news = move |log: &str| said(log, "connected to broker") > connected;
        wait_until(&ingest, news);
    }
    let report = agents.wait().ok();
    assert_eq!(confirmed(&report), load.observations, "{report}");
    if memory == Memory::None {
        let subscribed = said(&ingest.stderr(), "\"subscribed\"");
        assert!(subscribed > KILLS, "it subscribed {subscribed} times only");
    }
    assert!(!ingest.has_ended());
    ingest.terminate().ok();
    audit(&world, &[load]);
}

fn wait_until(ingest: &support::process::Running, fits: impl Fn(&str) -> bool) {
    let since = std::time::Instant::now();
    while !fits(&ingest.stderr()) {
        assert!(
            since.elapsed() < Duration::from_secs(60),
            "no new connection:\n{}",
            ingest.stderr()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn said(log: &str, what: &str) -> usize {
    log.lines().filter(|line| line.contains(what)).count()
}

#[test]
fn a_broker_that_remembers() {
    restart_the_broker(Memory::OnDisk, "journal");
}

#[test]
fn a_broker_that_remembers_while_messages_wait_for_the_table() {
    restart_the_broker(Memory::OnDisk, "lake");
}

#[test]
fn a_broker_that_forgets() {
    restart_the_broker(Memory::None, "journal");
}

#[test]
fn a_broker_that_forgets_while_messages_wait_for_the_table() {
    restart_the_broker(Memory::None, "lake");
}
