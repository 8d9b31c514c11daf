//! Promise: a gateway may publish the frames of a data logger as they are; their values are in the table once, and what is no
//! frame is kept with its reason.
#![allow(clippy::unwrap_used)]

mod support;

use support::csv::Table;
use support::mosquitto::{Memory, Mosquitto};
use support::wire::Wire;
use support::world::{Place, World};

const FRAMES: &str = "dust/v1/110109/110109-DY-0003/hj212";
const HOURS: &str = "dust/v1/110109/110109-DY-0004/hj212";
const OBS: &str = "dust/v1/110109/110109-DY-0003/obs";
/// The reference's own frames: real-time data, and an hour in two parts.
const REAL_TIME: &str = "##0365QN=20190808090000000;ST=39;CN=2011;PW=123456;MN=110109006000000000000001;Flag=5;CP=&&DataTime=20190808090000;a34001-Rtd=186,a34001-Flag=N;a34002-Rtd=92,a34002-Flag=N;a34004-Rtd=41,a34004-Flag=N;a01001-Rtd=27.4,a01001-Flag=N;a01002-Rtd=63,a01002-Flag=N;a01006-Rtd=99.812,a01006-Flag=N;a01007-Rtd=1.6,a01007-Flag=N;a01008-Rtd=225,a01008-Flag=N;LA-Rtd=58.3,LA-Flag=N&&ACC1\r\n";
const HOUR_FIRST: &str = "##0182QN=20190808100001000;ST=39;CN=2061;PW=123456;MN=110109006000000000000001;Flag=7;PNUM=2;PNO=1;CP=&&DataTime=20190808090000;a34001-Min=101,a34001-Avg=148,a34001-Max=233,a34001-Flag=N&&C301\r\n";
const HOUR_SECOND: &str = "##0179QN=20190808100001001;ST=39;CN=2061;PW=123456;MN=110109006000000000000001;Flag=7;PNUM=2;PNO=2;CP=&&DataTime=20190808090000;a34004-Min=30,a34004-Avg=38,a34004-Max=47,a34004-Flag=N&&8941\r\n";
const SIGN_OF_LIFE: &str =
    "##0087QN=20260801085857223;ST=39;CN=9015;PW=123456;MN=110109006000000000000001;Flag=9;CP=&&&&6E80\r\n";
/// A dustfall monitor's, whose checksum is none of the standard's; and one of a construction site whose is, in mg/m³.
const OTHER_CHECKSUM: &str = "##0187QN=20190923154847375;ST=39;CN=2011;PW=123456;MN=190720099;Flag=5;CP=&&DataTime=20190923154847;a34004-Rtd=12000,a34004-Flag=D;a34002-Rtd=16000,a34002-Flag=D;LA-Rtd-Rtd=71.0,LA-Rtd-Flag=N&&48C0\r\n";

fn world(more: &str) -> World {
    let place = Place::new("110109")
        .township("110109001", "大峪街道")
        .station("110109-DY-0003", "site", "110109001", "1m")
        .station("110109-DY-0004", "site", "110109001", "1h");
    let world = World::new(&place);
    let settings = std::fs::read_to_string(world.path("dustwatch.toml")).unwrap();
    world.write("dustwatch.toml", &format!("{settings}\n{more}"));
    world
}

/// Publishes to an ingester until everything before is confirmed, and stops it.
fn publish(world: &World, payloads: &[(&str, String)], seq: u64) {
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "gateway");
    for (topic, payload) in payloads {
        wire.publish(topic, payload.clone());
    }
    let marker = format!("\"time\":\"2019-08-01T00:{seq:02}:00+08:00\",\"tsp\":1");
    wire.publish_and_confirm(OBS, "marker", seq, &marker);
    ingest.terminate().ok();
}

fn rejected(world: &World) -> Table {
    Table::parse(&world.dustwatch(&["rejected", "list", "--format", "csv"]).ok())
}

#[test]
fn frames_become_observations_once() {
    let world = world("[hj212.devices.\"110109-DY-0004\"]\ncommand = 2061\nunits = { a34001 = \"mg/m3\" }\n");
    let _broker = Mosquitto::start(world.port(), Memory::None);
    let frames = [
        (FRAMES, REAL_TIME.to_owned()),
        // Once more, without its end of line, beside a sign of life and data that are not kept.
        (FRAMES, format!("{SIGN_OF_LIFE}{}", REAL_TIME.trim_end())),
        (FRAMES, format!("{HOUR_FIRST}{HOUR_SECOND}")),
        (HOURS, format!("{HOUR_SECOND}{HOUR_FIRST}")),
        // Alone it would take the place of the whole.
        (HOURS, HOUR_FIRST.to_owned()),
    ];
    publish(&world, &frames, 1);
    let rows = world.query(
        "SELECT device, CAST(observed_at AS VARCHAR) AS at, CAST(tsp AS DOUBLE) AS tsp, CAST(pm25 AS DOUBLE) AS pm25, \
         CAST(noise AS DOUBLE) AS noise, epoch IS NULL AS without_epoch FROM observations_rows \
         WHERE observed_at > '2019-08-02' ORDER BY device",
    );
    assert_eq!(rows.column("device"), ["110109-DY-0003", "110109-DY-0004"]);
    assert!(
        rows.column("at")
            .iter()
            .all(|at| at.starts_with("2019-08-08T01:00:00")),
        "{rows:?}"
    );
    assert_eq!(rows.column("tsp"), ["186.0", "148000.0"], "the other sends mg/m³");
    assert_eq!(rows.column("pm25"), ["41.0", "38.0"]);
    assert_eq!(rows.column("noise"), ["58.3", ""]);
    assert_eq!(rows.column("without_epoch"), ["true", "true"]);
    let rejected = rejected(&world);
    assert_eq!(rejected.column("reason"), ["bad_frame"]);
    assert!(
        rejected.column("detail")[0].starts_with("parts {1} of 2"),
        "{rejected:?}"
    );
}

#[test]
fn what_is_no_frame_is_kept_and_read_once_the_settings_are_mended() {
    let world = world("");
    let _broker = Mosquitto::start(world.port(), Memory::None);
    let frames = [
        (FRAMES, format!("{OTHER_CHECKSUM}{REAL_TIME}")),
        (FRAMES, HOUR_FIRST.replace("CN=2061", "CN=2011")),
        (FRAMES, "{\"tsp\":1}".to_owned()),
        (FRAMES, REAL_TIME[..200].to_owned()),
        (FRAMES, String::new()),
    ];
    publish(&world, &frames, 1);
    let list = rejected(&world);
    assert_eq!(list.column("reason"), ["bad_frame"; 5], "{list:?}");
    let details = list.column("detail").join("\n");
    for part in [
        "the checksum is another: ##0187QN=20190923154847375",
        "no ## with four digits",
        "there is no frame",
    ] {
        assert!(details.contains(part), "{part}: {details}");
    }
    let count = || {
        world
            .query("SELECT count(*) AS n FROM observations WHERE tsp IS NULL OR tsp > 1")
            .column("n")[0]
            .to_owned()
    };
    assert_eq!(count(), "1", "the good frame beside a bad one is taken");

    let settings = std::fs::read_to_string(world.path("dustwatch.toml")).unwrap();
    world.write(
        "dustwatch.toml",
        &format!("{settings}\n[hj212]\ncrc = \"ignore\"\n"),
    );
    let replayed = world.dustwatch(&["rejected", "replay", "--format", "csv"]);
    assert!(
        replayed.stderr.contains("1 observations added") || replayed.stderr.contains("1 observation added"),
        "{}",
        replayed.stderr
    );
    assert_eq!(count(), "2");
    let flags = world.query("SELECT pm25_flag, noise_flag FROM observations WHERE pm25 = 12000");
    assert_eq!(
        (flags.column("pm25_flag"), flags.column("noise_flag")),
        (vec!["D"], vec![""])
    );
}

#[test]
fn wrong_settings_name_the_key() {
    for (section, part) in [
        (
            "[hj212]\ncrc = \"modbus\"\n",
            "hj212.crc: \"modbus\" is none of spec",
        ),
        ("[hj212]\ncommand = 3020\n", "hj212.command: 3020 is none of 2011"),
        (
            "[hj212.devices.\"110109-DY-0003\"]\nunits = { a34001 = \"g\" }\n",
            "hj212.devices.110109-DY-0003.units.a34001: \"g\" is none of mg/m3",
        ),
        ("[hj212]\nmn = \"1\"\n", "unknown field `mn`"),
    ] {
        let world = world(section);
        let said = world.dustwatch(&["config", "check"]);
        said.expect_code(2);
        assert!(
            said.stderr.contains(part) && said.stderr.contains("dustwatch.toml"),
            "{part}: {}",
            said.stderr
        );
    }
}
