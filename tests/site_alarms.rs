//! Promise: whoever has to know of a site above the limit is told within seconds, and nobody is told nothing because a
//! process died or a webhook slept.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::mpsc::Receiver;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::mosquitto::{Memory, Mosquitto};
use support::process::Running;
use support::webhook::webhook;
use support::wire::Wire;
use support::world::{Place, World};

const SITE: &str = "dust/v1/110109/110109-DY-0003/obs";
const ALARM: &str = "dust/v1/110109/110109-DY-0003/alarm";
const MINUTE: u64 = 60_000;

fn place() -> Place {
    Place::new("110109").township("110109001", "大峪街道").station(
        "110109-DY-0003",
        "site",
        "110109001",
        "1m",
    )
}

/// Milliseconds of the quarter of an hour that began so many quarters before the last full one.
fn quarter(before: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    (now / (15 * MINUTE) - 1 - before) * 15 * MINUTE
}

/// A quarter of minutes of one TSP.
fn minutes(start: u64, tsp: u32) -> String {
    let one = |minute: u64| format!("{{\"time\":{},\"tsp\":{tsp}}}", start + minute * MINUTE);
    format!("{{\"obs\":[{}]}}", (0..15).map(one).collect::<Vec<_>>().join(","))
}

fn world(url: &str) -> World {
    let world = World::new(&place());
    let file = world.path("dustwatch.toml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    text.push_str(&format!("\n[alarm]\nevery_seconds = 1\nwebhook = \"{url}\"\n"));
    std::fs::write(file, text).unwrap();
    world
}

fn watch(world: &World) -> Running {
    world.spawn_dustwatch(&["alarms", "watch"])
}

fn told(posted: &Receiver<serde_json::Value>) -> Vec<String> {
    let body = posted.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(body["district"], "110109");
    let line = |alarm: &serde_json::Value| {
        format!(
            "{} {} {}",
            alarm["state"].as_str().unwrap(),
            alarm["rule"].as_str().unwrap(),
            alarm["peak"]
        )
    };
    body["alarms"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn an_exceedance_is_told_on_its_topic_and_to_the_webhook_until_that_has_it() {
    let (url, posted) = webhook(&["500 Internal Server Error", "200 OK"]);
    let world = world(&url);
    let _mosquitto = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    let watch = watch(&world);
    let mut alarms = Wire::connect_to(world.port(), "bureau", ALARM);
    Wire::connect(world.port(), "site").publish(SITE, minutes(quarter(3), 612));

    let (topic, payload) = alarms.message();
    let alarm: serde_json::Value = serde_json::from_str(&payload).unwrap();
    assert_eq!(topic, ALARM);
    assert_eq!(
        (alarm["rule"].as_str(), alarm["peak"].as_f64()),
        (Some("tsp_15min"), Some(612.0))
    );
    assert_eq!(told(&posted), ["raised tsp_15min 612.0"]);
    assert_eq!(
        told(&posted),
        ["raised tsp_15min 612.0"],
        "the first answer was 500"
    );
    watch.terminate().expect_code(0);
    ingest.terminate().expect_code(0);
    let listed = world.dustwatch(&["alarms", "list", "--format", "csv"]).ok();
    assert!(
        listed
            .lines()
            .nth(1)
            .unwrap()
            .contains("大峪街道,tsp,tsp_15min,alarm"),
        "{listed}"
    );
}

#[test]
fn a_process_that_dies_forgets_nothing_and_tells_nothing_anew() {
    let (url, posted) = webhook(&["200 OK"]);
    let world = world(&url);
    let _mosquitto = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    let mut site = Wire::connect(world.port(), "site");
    let mut first = watch(&world);
    site.publish(SITE, minutes(quarter(9), 600));
    assert_eq!(told(&posted), ["raised tsp_15min 600.0"]);
    first.wait_for_log("the webhook's turn", |line| {
        line.contains("alarm told") && line.contains("webhook")
    });
    // Once more, so that the note of it is on disk: a second alarm is only told after it.
    site.publish(SITE, minutes(quarter(7), 700));
    assert_eq!(told(&posted), ["raised tsp_15min 700.0"]);
    first.kill();

    // While nobody looks: another one, and a correction that takes the first away.
    site.publish(SITE, minutes(quarter(5), 1200));
    site.publish(SITE, minutes(quarter(9), 60));
    // What was published before a confirmed one has been taken.
    site.publish_and_confirm(SITE, "e", 1, &format!("\"time\":{},\"tsp\":50", quarter(3)));
    ingest.terminate().expect_code(0);
    let second = watch(&world);
    let mut news = told(&posted);
    // The kill may have come between the webhook's answer and the note of it.
    news.retain(|line| line != "raised tsp_15min 700.0");
    assert_eq!(
        news,
        [
            "withdrawn tsp_15min 600.0",
            "raised tsp_15min 1200.0",
            "raised tsp_15min_severe 1200.0"
        ]
    );
    second.terminate().expect_code(0);
}
