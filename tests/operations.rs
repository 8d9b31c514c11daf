//! Promise: stations come and go without a restart, and stopping takes no longer than it is told to and loses nothing.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use support::mosquitto::{Memory, Mosquitto};
use support::scrape::{Page, door};
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
    wire.publish_and_confirm(NEW, "e", 1, "\"time\":1565060400000,\"pm25\":1");
    ingest.terminate().expect_code(0);
    let rows = world.query("SELECT device FROM observations");
    assert_eq!(rows.column("device"), ["110109-DY-0002"]);
    let rejected = world.query("SELECT reason FROM rejected");
    assert_eq!(rejected.column("reason"), ["unknown_device", "unknown_device"]);
}

#[test]
fn a_new_district_is_heard_without_a_restart() {
    const THERE: &str = "dust/v1/110108/110108-HD-0001/obs";
    let world = World::new(&place());
    let _mosquitto = Mosquitto::start(world.port(), Memory::OnDisk);
    let mut ingest = world.start_ingest();
    let door = door(&mut ingest);
    let mut wire = Wire::connect(world.port(), "operations");
    wire.publish(THERE, observation(0));
    let townships = std::fs::read_to_string(world.path("townships.csv")).unwrap();
    world.write(
        "townships.csv",
        &format!("{townships}110108001,海淀街道,110108\n"),
    );
    world.write(
        "stations.csv",
        &format!("{STATIONS}110108-HD-0001,海淀,township,110108001,1m\n"),
    );
    ingest.wait_for_log("the new district", |line| line.contains("a new district"));
    let since = Instant::now();
    while ingest.stderr().matches("\"subscribed\"").count() < 2 {
        assert!(since.elapsed() < Duration::from_secs(60), "{}", ingest.stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
    wire.publish_and_confirm(THERE, "e", 1, "\"time\":1565049660000,\"pm25\":1");
    wire.publish_and_confirm(OBS, "e", 1, "\"time\":1565049660000,\"pm25\":1");
    let page = Page::scrape(&door);
    let total = |name: &str| page.value(&format!("dustwatch_ingest_{name}_total"));
    assert_eq!(
        (total("reloads"), total("failed_reloads"), total("connections")),
        (1.0, 0.0, 1.0)
    );
    ingest.terminate().expect_code(0);
    let rows = world.query("SELECT device FROM observations ORDER BY device");
    assert_eq!(rows.column("device"), ["110108-HD-0001", "110109-DY-0001"]);
}

#[test]
fn what_waits_for_a_restart_is_said_key_by_key() {
    let world = World::new(&place());
    let _mosquitto = Mosquitto::start(world.port(), Memory::None);
    let url = format!("mqtt://127.0.0.1:{}", world.port());
    // What the command line says is no change of the file.
    let mut ingest = world.spawn_ingest_with("dustwatch.toml", &["--broker", &url]);
    wait_until_ready(&mut ingest);
    let door = door(&mut ingest);
    let settings = std::fs::read_to_string(world.path("dustwatch.toml")).unwrap();
    let changed = settings.replace("name = \"某区\"", "name = \"另区\"").replace(
        "[journal]",
        "future_tolerance_seconds = 60\npassword = \"new\"\nusername = \"new\"\n[journal]",
    );
    world.write("dustwatch.toml", &changed);
    ingest.signal("HUP");
    ingest.wait_for_log("the keys", |line| {
        line.contains("\"WARN\"")
            && line.contains(
                "changed, and waiting for a restart: district.name, broker.username, broker.password, \
                 broker.future_tolerance_seconds\"",
            )
    });
    world.write("dustwatch.toml", "nonsense");
    ingest.signal("HUP");
    ingest.wait_for_log("the mistake", |line| line.contains("settings not read again"));
    let page = Page::scrape(&door);
    assert!(page.value("dustwatch_ingest_failed_reloads_total") >= 1.0);
    assert_eq!(page.value("dustwatch_ingest_reloads_total"), 0.0);
    ingest.terminate().expect_code(0);
}

#[test]
fn the_end_of_up_has_steps_with_names_and_brings_the_rollups_up_to_date() {
    let world = World::new(&place());
    let _mosquitto = Mosquitto::start(world.port(), Memory::None);
    let mut up = world.spawn_dustwatch(&["up", "--log-format", "json"]);
    wait_until_ready(&mut up);
    let mut wire = Wire::connect(world.port(), "operations");
    for minute in 0..60 {
        wire.publish(OBS, observation(minute));
    }
    wire.publish_and_confirm(OBS, "e", 1, "\"time\":1565060400000,\"pm25\":1");
    let ended = up.terminate();
    ended.expect_code(0);
    let mut steps = Vec::new();
    for line in ended.stderr.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        let step = event.pointer("/fields/step").or_else(|| event.get("step"));
        if let Some(step) = step.and_then(|step| step.as_str())
            && steps.last().is_none_or(|last| last != step)
        {
            steps.push(step.to_owned());
        }
    }
    let expected = [
        "dashboard",
        "notices",
        "alarms",
        "rollup",
        "drain",
        "commit",
        "acknowledge",
        "done",
        "last rollup",
    ];
    assert_eq!(steps, expected, "{ended}");
    let hours = world.query("SELECT count(*) AS n FROM hourly");
    assert_ne!(hours.cell(), "0");
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
