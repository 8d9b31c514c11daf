//! Promise: on the wire the ingester says neither too much nor too early, whatever the broker does.
//!
//! The test is the broker, and checks each packet that the real ingester sends.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use support::fake_broker::{Conversation, FakeBroker};
use support::load::place;
use support::process::Running;
use support::world::World;

const TOPIC: &str = "dust/v1/110109/110109-DY-0000/obs";
const REFUSED: u8 = 0x80;

/// A broker at the ingester's address, and the ingester on its way there.
fn start(ack_after: &str) -> (World, FakeBroker, Running) {
    let mut place = place();
    place.broker_keys = format!("ack_after = \"{ack_after}\"");
    let world = World::new(&place);
    let broker = FakeBroker::listen(world.port());
    let ingest = world.spawn_ingest();
    (world, broker, ingest)
}

/// Delivers an observation, each minute's under the id of that minute.
fn deliver(conversation: &mut Conversation, ids: impl IntoIterator<Item = u16>) {
    for id in ids {
        conversation.publish(id, TOPIC, observation(id));
    }
}

fn observation(minute: u16) -> String {
    let (hour, rest) = (minute / 60, minute % 60);
    format!(
        "{{\"epoch\":\"e\",\"from\":1,\"seq\":{minute},\"time\":\"2019-08-06T{hour:02}:{rest:02}:00+08:00\",\"tsp\":1}}"
    )
}

#[track_caller]
fn rows(world: &World, sql: &str) -> Vec<Vec<String>> {
    world.query(sql).rows
}

#[test]
fn acknowledgements_come_in_the_order_of_arrival() {
    for ack_after in ["journal", "lake"] {
        let (_world, broker, ingest) = start(ack_after);
        let mut conversation = broker.accept();
        conversation.begin();
        // Ids in no order of their own.
        let ids = (1..=300u16).map(|n| n * 7 % 307);
        deliver(&mut conversation, ids.clone());
        conversation.expect_acks(ids);
        ingest.terminate().ok();
    }
}

#[test]
fn nothing_of_an_old_connection_reaches_a_new_one() {
    for session_present in [true, false] {
        let (world, broker, ingest) = start("lake");
        let mut first = broker.accept();
        first.begin();
        deliver(&mut first, 1..=200);
        drop(first); // Before the commit, which acknowledges.

        let mut second = broker.accept();
        second.welcome(session_present);
        if !session_present {
            let subscribe = second.expect_subscribe();
            second.answer(&subscribe, 1);
        }
        // The broker numbers from 1 again. A stale acknowledgement would come among or after these.
        deliver(&mut second, [1, 2]);
        second.expect_acks([1, 2]);
        deliver(&mut second, 3..=200);
        second.expect_acks(3..=200);
        ingest.terminate().ok();
        let counted = rows(&world, "SELECT count(*) AS n FROM observations");
        assert_eq!(counted, [["200"]]);
    }
}

#[test]
fn a_subscription_that_the_broker_did_not_confirm_is_asked_for_again() {
    let (_world, broker, mut ingest) = start("journal");
    let mut first = broker.accept();
    first.welcome(false);
    first.expect_subscribe();
    drop(first); // The SUBACK is lost, the session is not.

    let mut second = broker.accept();
    second.welcome(true);
    let subscribe = second.expect_subscribe();
    second.answer(&subscribe, 1);
    support::world::wait_until_ready(&mut ingest);
    ingest.terminate().ok();
}

#[test]
fn a_refused_subscription_is_an_error_and_tried_again() {
    let (_world, broker, mut ingest) = start("journal");
    let mut first = broker.accept();
    first.welcome(false);
    let subscribe = first.expect_subscribe();
    first.answer(&subscribe, REFUSED);
    first.expect_end();
    ingest.wait_for_log("that it was refused", |line| {
        line.contains("ERROR") && line.contains("refused the subscription")
    });

    let mut second = broker.accept();
    second.welcome(true);
    let subscribe = second.expect_subscribe();
    second.answer(&subscribe, 1);
    support::world::wait_until_ready(&mut ingest);
    ingest.terminate().ok();
}

#[test]
fn a_payload_too_large_is_acknowledged_and_rejected_without_a_new_connection() {
    let (world, broker, ingest) = start("journal");
    let mut conversation = broker.accept();
    conversation.begin();
    conversation.publish(1, TOPIC, vec![b'x'; 2 << 20]);
    deliver(&mut conversation, [2]);
    conversation.expect_acks([1, 2]);
    ingest.terminate().ok();
    assert_eq!(rows(&world, "SELECT reason FROM rejected"), [["too_large"]]);
    assert_eq!(rows(&world, "SELECT count(*) AS n FROM observations"), [["1"]]);
}

#[test]
fn bytes_that_are_no_mqtt_end_the_connection_and_nothing_else() {
    let (_world, broker, ingest) = start("journal");
    let mut first = broker.accept();
    first.begin();
    deliver(&mut first, [1]);
    first.expect_acks([1]);
    first.send(&[0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    first.expect_end();

    let mut second = broker.accept();
    second.welcome(true);
    deliver(&mut second, [1, 2]);
    second.expect_acks([1, 2]);
    ingest.terminate().ok();
}

#[test]
fn what_is_acknowledged_is_in_the_journal() {
    let (world, broker, ingest) = start("journal");
    let mut conversation = broker.accept();
    conversation.begin();
    for id in 1..=40 {
        deliver(&mut conversation, [id]);
        conversation.expect_acks([id]);
        assert!(
            holds(&world.path("journal"), observation(id).as_bytes()),
            "{id} was acknowledged and is not in the journal"
        );
    }
    // What it has acknowledged outlives it.
    ingest.kill();
    let again = world.spawn_ingest();
    broker.accept().begin();
    again.terminate().ok();
    assert_eq!(rows(&world, "SELECT count(*) AS n FROM observations"), [["40"]]);
}

fn holds(journal: &Path, record: &[u8]) -> bool {
    let files = std::fs::read_dir(journal)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).any(|path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(record.len()).any(|window| window == record)
    })
}
