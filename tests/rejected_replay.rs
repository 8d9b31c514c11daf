//! Promise: what was rejected can be tried again once its cause is mended, and counts once; a flood of bad messages is
//! counted, and cannot fill the disk.
#![allow(clippy::unwrap_used)]

mod support;

use support::csv::Table;
use support::mosquitto::{Memory, Mosquitto};
use support::parquet_reader::DeltaLog;
use support::wire::Wire;
use support::world::{Place, World};

const KNOWN: &str = "110109-DY-0001";
const NEW: &str = "110109-YD-0002";
const KNOWN_OBS: &str = "dust/v1/110109/110109-DY-0001/obs";
const NEW_OBS: &str = "dust/v1/110109/110109-YD-0002/obs";
const STATIONS: &str = "device,name,kind,township,interval\n\
    110109-DY-0001,大峪,township,110109001,1h\n110109-YD-0002,永定,township,110109106,1h\n";

fn place() -> Place {
    Place::new("110109")
        .township("110109001", "大峪街道")
        .township("110109106", "永定镇")
        .station(KNOWN, "township", "110109001", "1h")
}

/// A day of hourly observations as one message.
fn day(device: &str, pm25: u32) -> String {
    let observations: Vec<String> = (0..24)
        .map(|hour| {
            format!(
                "{{\"seq\":{},\"time\":\"2019-08-06T{hour:02}:00:00+08:00\",\"pm25\":{pm25}}}",
                hour + 1
            )
        })
        .collect();
    format!(
        "{{\"device\":\"{device}\",\"epoch\":\"e\",\"obs\":[{}]}}",
        observations.join(",")
    )
}

fn list(world: &World, options: &[&str]) -> Table {
    let said = world.dustwatch(&[&["rejected", "list", "--format", "csv"], options].concat());
    Table::parse(&said.ok())
}

/// What a replay prints, by reason: taken, still rejected, not replayable.
fn replay(world: &World, options: &[&str]) -> (Table, String) {
    let said = world.dustwatch(&[&["rejected", "replay", "--format", "csv"], options].concat());
    let words = said.stderr.clone();
    (Table::parse(&said.ok()), words)
}

fn physical_rows(world: &World) -> usize {
    DeltaLog::read(&world.lake().join("observations")).count_rows()
}

#[test]
fn a_device_that_is_registered_later_gets_its_past_back() {
    let world = World::new(&place());
    let _broker = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "new-device");
    wire.publish(NEW_OBS, day(NEW, 30));
    // Of this one a part is good; what is not will never be.
    wire.publish(
        KNOWN_OBS,
        r#"{"obs":[{"time":"2019-08-05T01:00:00+08:00","pm25":1},{"time":"2019-08-05T02:00:00+08:00","pm25":1,"flags":{"pm25":"X"}}]}"#,
    );
    wire.publish(
        KNOWN_OBS,
        format!("{{\"time\":1,\"note\":\"{}\"}}", "x".repeat(3_000_000)),
    );
    wire.publish("dust/v1/110109/a device/obs", "{}");
    wire.publish(KNOWN_OBS, day(KNOWN, 40));
    wire.publish_and_confirm(
        KNOWN_OBS,
        "last",
        1,
        "\"time\":\"2019-08-07T00:00:00+08:00\",\"pm25\":2",
    );
    ingest.terminate().ok();
    let before = physical_rows(&world);
    assert_eq!(before, 26);
    let outstanding = list(&world, &[]);
    assert_eq!(outstanding.rows.len(), 4, "{outstanding:?}");

    // An ingester that still has the old registry runs on; the replay has the new one.
    let ingest = world.start_ingest();
    world.write("stations.csv", STATIONS);
    let (dry, said) = replay(&world, &["--dry-run"]);
    assert!(said.contains("24 observations would be added"), "{said}");
    assert_eq!(physical_rows(&world), before, "a dry run changes nothing");
    let (done, said) = replay(&world, &[]);
    assert!(said.contains("24 observations added, 1 already there"), "{said}");
    assert!(said.contains("1 cannot be replayed"), "{said}");
    assert_eq!(done, dry, "a dry run says what happens");
    let expected = [
        ["bad_topic", "0", "1", "0"],
        ["too_large", "0", "0", "1"],
        ["bad_flag", "0", "1", "0"],
        ["unknown_device", "1", "0", "0"],
    ];
    assert_eq!(done.rows, expected);
    assert_eq!(physical_rows(&world), before + 24);
    wire.publish_and_confirm(
        KNOWN_OBS,
        "last",
        2,
        "\"time\":\"2019-08-07T01:00:00+08:00\",\"pm25\":2",
    );
    ingest.terminate().ok();

    check_past(&world);
    check_list(&world, before);
}

/// What was replayed counts as what it is: received then, and ranked.
fn check_past(world: &World) {
    let times = world.query(&format!(
        "SELECT count(*) FROM observations o JOIN rejected r ON r.received_at = o.received_at \
         WHERE o.device = '{NEW}' AND r.reason = 'unknown_device'"
    ));
    assert_eq!(times.cell(), "24", "received when it was received first");
    let ranking = world
        .dustwatch(&[
            "rank",
            "--parameter",
            "pm25",
            "--period",
            "2019-08-06",
            "--format",
            "csv",
        ])
        .ok();
    let ranking = Table::parse(&ranking);
    assert_eq!(ranking.column("township"), ["永定镇", "大峪街道"]);
    assert_eq!(ranking.column("value"), ["30", "40"]);
}

/// The list is of what is outstanding, and a second replay adds nothing to the `before` rows and the 25 since.
fn check_list(world: &World, before: usize) {
    let left = list(world, &[]);
    assert_eq!(left.rows.len(), 3);
    assert!(!left.column("reason").contains(&"unknown_device"));
    assert_eq!(list(world, &["--device", NEW]).rows.len(), 0);
    let all = list(world, &["--all", "--device", NEW, "--reason", "unknown_device"]);
    assert_ne!(all.column("replayed_at"), [""]);
    let (_, said) = replay(world, &[]);
    assert!(said.contains("0 observations added, 1 already there"), "{said}");
    assert_eq!(
        physical_rows(world),
        before + 25,
        "the one that came over the wire"
    );
    assert_eq!(
        world.query("SELECT count(*) FROM rejected").cell(),
        "4",
        "nothing is deleted"
    );
    world
        .dustwatch(&["rejected", "replay", "--reason", "no_such"])
        .expect_code(2);
}

/// The first receipt counts, so a correction that came later is not undone by a replay of what it corrected.
#[test]
fn what_came_later_wins_over_what_is_replayed() {
    let world = World::new(&place());
    let _broker = Mosquitto::start(world.port(), Memory::None);
    let mut wire = Wire::connect(world.port(), "corrected");
    let ingest = world.start_ingest();
    wire.publish(NEW_OBS, r#"{"time":"2019-08-06T08:00:00+08:00","pm25":10}"#);
    wire.publish_and_confirm(
        KNOWN_OBS,
        "e",
        1,
        "\"time\":\"2019-08-06T08:00:00+08:00\",\"pm25\":2",
    );
    ingest.terminate().ok();
    world.write("stations.csv", STATIONS);
    let ingest = world.start_ingest();
    wire.publish(NEW_OBS, r#"{"time":"2019-08-06T08:00:00+08:00","pm25":20}"#);
    wire.publish_and_confirm(
        KNOWN_OBS,
        "e",
        2,
        "\"time\":\"2019-08-06T09:00:00+08:00\",\"pm25\":2",
    );
    ingest.terminate().ok();

    let question = format!("SELECT pm25 FROM observations WHERE device = '{NEW}'");
    for (round, added) in [(1, 1), (2, 0)] {
        let (_, said) = replay(&world, &[]);
        assert!(
            said.contains(&format!("{added} observations added")),
            "round {round}: {said}"
        );
        assert_eq!(world.query(&question).cell(), "20.0");
        assert_eq!(physical_rows(&world), 4);
    }
}

#[test]
fn a_flood_is_counted_and_kept_in_part() {
    const SENT: usize = 700;
    let mut place = place();
    place.broker_keys =
        "rejects_per_device_per_hour = 25\nreject_bytes_per_device_per_hour = 40000".to_owned();
    let world = World::new(&place).with_clock();
    let _broker = Mosquitto::start(world.port(), Memory::None);
    let mut wire = Wire::connect(world.port(), "flood");
    let ingest = world.start_ingest();
    // Two ingesters, one after the other: each begins the hour's allowance anew, and goes on with its counts.
    for number in 0..SENT / 2 {
        wire.publish(KNOWN_OBS, format!("broken {number}"));
    }
    wire.publish_and_confirm(
        KNOWN_OBS,
        "e",
        1,
        "\"time\":\"2019-08-06T08:00:00+08:00\",\"pm25\":2",
    );
    ingest.terminate().ok();
    let ingest = world.start_ingest();
    for number in SENT / 2..SENT {
        let wrong = format!("{{\"time\":\"later\",\"pm25\":{number}}}");
        wire.publish(KNOWN_OBS, wrong);
    }
    // Another device has an allowance of its own, also of bytes.
    for letter in ["a", "b", "c", "d", "e"] {
        wire.publish(NEW_OBS, letter.repeat(15_000));
    }
    wire.publish_and_confirm(
        KNOWN_OBS,
        "e",
        2,
        "\"time\":\"2019-08-06T09:00:00+08:00\",\"pm25\":2",
    );
    // Killed with counts that no table has yet, before or after a commit.
    ingest.kill();
    let unsaid = world.query("SELECT count(*) AS n FROM rejected WHERE reason = 'rate_limited'");
    let before = unsaid.cell().parse::<usize>().unwrap();
    // The next hour.
    world.set_clock(3600);
    let ingest = world.start_ingest();
    wire.publish_and_confirm(
        KNOWN_OBS,
        "e",
        3,
        "\"time\":\"2019-08-06T10:00:00+08:00\",\"pm25\":2",
    );
    ingest.terminate().ok();
    let rows = world.query("SELECT count(*) AS n FROM rejected WHERE reason = 'rate_limited'");
    let rows = rows.cell().parse::<usize>().unwrap();
    assert!(
        before == 0 && rows == 2 || before > 0 && rows <= 4,
        "a row a device and hour: {before}, {rows}"
    );

    let rows = world.query(
        "SELECT topic, reason, detail, CASE WHEN payload = X'' THEN 0 ELSE 1 END AS kept FROM rejected",
    );
    let at = |name: &str| rows.position(name);
    let (mut kept, mut counted, mut bad_time) = (0, 0, 0);
    let (mut kept_large, mut counted_large) = (0, 0);
    for row in &rows.rows {
        let limited = row[at("reason")] == "rate_limited";
        assert_eq!(row[at("kept")], if limited { "0" } else { "1" }, "{row:?}");
        let detail = &row[at("detail")];
        let more: usize = if limited {
            detail.split(' ').next().unwrap().parse().unwrap()
        } else {
            0
        };
        if row[at("topic")] == KNOWN_OBS {
            kept += usize::from(!limited);
            counted += more;
            bad_time += detail
                .split_once("bad_time ")
                .filter(|_| limited)
                .map_or(0, |(_, rest)| {
                    rest.split([';', ',']).next().unwrap().parse::<usize>().unwrap()
                });
        } else {
            kept_large += usize::from(!limited);
            counted_large += more;
        }
    }
    assert_eq!(kept + counted, SENT, "{rows:?}");
    // Twice 25; should the hour have changed on the way, twice more.
    assert!((50..=100).contains(&kept), "{kept}");
    assert!((SENT / 2 - 50..=SENT / 2 - 25).contains(&bad_time), "{bad_time}");
    assert_eq!(kept_large + counted_large, 5);
    assert!((2..=4).contains(&kept_large), "{kept_large}");
    assert_eq!(world.query("SELECT count(*) FROM observations").cell(), "3");
}
