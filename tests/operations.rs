//! Promise: stations come and go without a restart, and stopping takes no longer than it is told to and loses nothing.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use support::mosquitto::{Memory, Mosquitto};
use support::wire::Wire;
use support::world::{Place, World, wait_until_ready};

const OBS: &str = "dust/v1/110109/110109-DY-0001/obs";
const NEW: &str = "dust/v1/110109/110109-DY-0002/obs";
const STATIONS: &str = "device,name,kind,township,interval\n110109-DY-0001,一号,township,110109001,1m\n";

fn place() -> Place {
    Place::new("110109").township("110109001", "大峪街道").station(
        "110109-DY-0001",
        "township",
        "110109001",
        "1m",
    )
}

fn observation(minute: i64) -> Vec<u8> {
    format!("{{\"time\":{},\"pm25\":1}}", 1_565_049_600_000 + minute * 60_000).into_bytes()
}

#[test]
fn a_station_that_is_added_is_taken_without_a_restart() {
    let world = World::new(&place());
    let _mosquitto = Mosquitto::start(world.port(), Memory::None);
    let mut ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "operations");
    wire.publish(NEW, observation(0));

    world.write(
        "stations.csv",
        &format!("{STATIONS}110109-DY-0002,二号,nonsense,110109001,1m\n"),
    );
    ingest.wait_for_log("the mistake", |line| {
        line.contains("stations.csv") && line.contains("nonsense")
    });
    wire.publish(NEW, observation(1));

    world.write(
        "stations.csv",
        &format!("{STATIONS}110109-DY-0002,二号,site,110109001,1m\n"),
    );
    ingest.wait_for_log("the new stations", |line| line.contains("stations read again"));
    wire.publish(NEW, observation(2));
    ingest.terminate().expect_code(0);
    let rows = world.query("SELECT device FROM observations");
    assert_eq!(rows.column("device"), ["110109-DY-0002"]);
    let rejected = world.query("SELECT reason FROM rejected");
    assert_eq!(rejected.column("reason"), ["unknown_device", "unknown_device"]);
}

#[test]
fn a_table_out_of_reach_holds_a_shutdown_up_for_its_deadline_and_no_longer() {
    let world = World::new(&place());
    let _mosquitto = Mosquitto::start(world.port(), Memory::None);
    let mut ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "operations");
    // A file stands where the day's folder is to be made: nothing can be written there.
    let day = world.lake().join("observations").join("day=2019-08-06");
    std::fs::write(&day, "in the way").unwrap();
    for minute in 0..5 {
        wire.publish(OBS, observation(minute));
    }
    ingest.wait_for_log("the failing commit", |line| line.contains("commit failed"));
    let since = Instant::now();
    let ended = ingest.terminate();
    ended.expect_code(0);
    assert!(
        since.elapsed() >= Duration::from_secs(10),
        "the deadline of the settings is used"
    );
    assert!(ended.stderr.contains("the next start takes it up"), "{ended}");

    std::fs::remove_file(&day).unwrap();
    let mut again = world.spawn_ingest();
    wait_until_ready(&mut again);
    again.terminate().expect_code(0);
    let rows = world.query("SELECT count(*) AS n FROM observations");
    assert_eq!(rows.cell(), "5");
}
