//! Promise: bad input never stops the stream and never vanishes; what is wrong is said, with its place.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use support::csv::Table;
use support::mosquitto::{Memory, Mosquitto};
use support::parquet_reader::DeltaLog;
use support::wire::Wire;
use support::world::{Place, World};

const DEVICE: &str = "110109-DY-0001";
const OTHER: &str = "110109-DY-0002";
const OBS: &str = "dust/v1/110109/110109-DY-0001/obs";

fn place() -> Place {
    Place::new("110109")
        .township("110109001", "大峪街道")
        .township("110102001", "西长安街街道")
        .station(DEVICE, "township", "110109001", "1m")
        .station(OTHER, "township", "110109001", "1m")
}

/// What no ingester can take: the stable reason, the topic, the payload.
fn bad_messages() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let large = format!(
        "{{\"time\":1565049600000,\"pm25\":1,\"note\":\"{}\"}}",
        "x".repeat(5_000_000)
    );
    let obs = |text: &str| text.as_bytes().to_vec();
    vec![
        ("not_json", OBS, obs("device=110109-DY-0001;pm25=7")),
        ("not_json", OBS, vec![0xff, 0x00, 0xfe]),
        ("not_json", OBS, Vec::new()),
        ("wrong_type", OBS, obs(r#"{"time":1565049600000,"pm25":"35.2"}"#)),
        ("wrong_type", OBS, obs("[1,2,3]")),
        (
            "unknown_device",
            "dust/v1/110109/110109-XX-9999/obs",
            obs(r#"{"time":1565049600000,"pm25":1}"#),
        ),
        (
            "device_mismatch",
            OBS,
            obs(r#"{"device":"110109-DY-0002","time":1565049600000,"pm25":1}"#),
        ),
        (
            "district_mismatch",
            "dust/v1/110102/110109-DY-0001/obs",
            obs(r#"{"time":1565049600000,"pm25":1}"#),
        ),
        (
            "future_time",
            OBS,
            obs(r#"{"time":"2190-01-01T00:00:00+08:00","pm25":1}"#),
        ),
        (
            "past_time",
            OBS,
            obs(r#"{"time":"1970-01-01T00:00:00+08:00","pm25":1}"#),
        ),
        ("missing_time", OBS, obs(r#"{"pm25":1}"#)),
        ("bad_time", OBS, obs(r#"{"time":"2019-08-06 08:00:00","pm25":1}"#)),
        (
            "bad_flag",
            OBS,
            obs(r#"{"time":1565049600000,"pm25":1,"flags":{"pm25":"X"}}"#),
        ),
        (
            "bad_value",
            OBS,
            obs(r#"{"time":1565049600000,"pm25":1234567890123456789012}"#),
        ),
        ("empty_list", OBS, obs(r#"{"obs":[]}"#)),
        ("too_large", OBS, large.into_bytes()),
        (
            "bad_topic",
            "dust/v1/110109/a device/obs",
            obs(r#"{"time":1565049600000,"pm25":1}"#),
        ),
    ]
}

#[test]
fn unusual_messages_neither_stop_the_ingester_nor_its_connection() {
    let world = World::new(&place());
    let _broker = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "unusual");
    // QoS 0 waits for no PUBACK, and gets none.
    wire.publish_unanswered(OBS, r#"{"time":1565049600000,"pm25":1}"#);
    // Numbers at the end of the range, twice, as a redelivery brings them.
    for _ in 0..2 {
        wire.publish(
            OBS,
            r#"{"epoch":"a","seq":18446744073709551615,"time":1565049660000,"pm25":2}"#,
        );
        wire.publish(
            OBS,
            r#"{"epoch":"a","seq":9223372036854775807,"time":1565049720000,"pm25":3}"#,
        );
    }
    // A device that publishes under the wrong district is rejected, and told that it may forget what it sent.
    wire.publish_and_confirm(
        "dust/v1/110102/110109-DY-0001/obs",
        "b",
        1,
        "\"time\":1565049780000,\"pm25\":4",
    );
    wire.publish_and_confirm(OBS, "c", 1, "\"time\":1565049840000,\"pm25\":5");
    let said = ingest.terminate();
    assert_eq!(said.stderr.matches("connected to broker").count(), 1, "{said}");
    said.ok();
    let values = world.query("SELECT pm25 FROM observations ORDER BY observed_at");
    assert_eq!(values.column("pm25"), ["1.0", "2.0", "3.0", "5.0"]);
}

#[test]
fn bad_messages_are_kept_with_their_reason_and_good_ones_go_on() {
    let world = World::new(&place());
    let _broker = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "badly-made");
    let bad = bad_messages();
    for (minute, (_, topic, payload)) in bad.iter().enumerate() {
        wire.publish(topic, payload.clone());
        let time = 1_565_049_600_000 + minute as i64 * 60_000;
        wire.publish(OBS, format!("{{\"time\":{time},\"pm25\":{minute}}}"));
    }
    // Of a list, what is good is taken.
    wire.publish(
        "dust/v1/110109/110109-DY-0002/obs",
        r#"{"obs":[{"time":1565049600000,"pm25":1},{"time":"yesterday","pm25":2},{"time":1565049660000,"pm25":3}]}"#,
    );
    wire.publish_and_confirm(OBS, "e1", 1, "\"time\":\"2019-08-07T08:00:00+08:00\",\"pm25\":7");
    ingest.terminate().ok();

    let good = bad.len() + 2 + 1;
    assert_eq!(
        world.query("SELECT count(*) FROM observations").cell(),
        good.to_string()
    );
    let values = world.query(&format!(
        "SELECT pm25 FROM observations WHERE device = '{DEVICE}' AND observed_at < timestamp '2019-08-06T12:00:00Z' ORDER BY observed_at"
    ));
    let expected: Vec<String> = (0..bad.len()).map(|minute| format!("{minute}.0")).collect();
    assert_eq!(values.column("pm25"), expected);

    let rejected = Table::parse(&world.dustwatch(&["rejected", "list", "--format", "csv"]).ok());
    let mut expected: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (reason, topic, _) in &bad {
        *expected.entry((reason, topic)).or_default() += 1;
    }
    *expected
        .entry(("bad_time", "dust/v1/110109/110109-DY-0002/obs"))
        .or_default() += 1;
    let mut listed: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for row in rejected
        .column("reason")
        .into_iter()
        .zip(rejected.column("topic"))
    {
        *listed.entry(row).or_default() += 1;
    }
    assert_eq!(listed, expected);
    assert!(
        rejected.column("detail").iter().all(|detail| !detail.is_empty()),
        "{rejected:?}"
    );

    // The table keeps what was sent, byte for byte, but for the one that is too large.
    let kept = world.query("SELECT reason, encode(payload, 'hex') AS hex FROM rejected");
    let mut kept: Vec<(&str, &str)> = kept
        .column("reason")
        .into_iter()
        .zip(kept.column("hex"))
        .collect();
    kept.sort_unstable();
    for (reason, _, payload) in bad.iter().filter(|(reason, ..)| *reason != "too_large") {
        let hex: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(
            kept.contains(&(reason, hex.as_str())),
            "{reason} {hex} is not kept"
        );
    }
}

const MAPPING: &str = r#"device = "{device}"
time = { column = "time", format = "%Y-%m-%d %H:%M:%S", timezone = "Asia/Shanghai" }
missing = ["NA"]
[columns]
pm25 = "pm25"
"#;

const BROKEN: &str = "device,time,pm25\n\
    110109-DY-0001,2019-08-06 08:00:00,35.2\n\
    110109-DY-0001,2019-08-06 08:01:00,NA\n\
    110109-DY-0001,2019-08-06 08:02:00,thirty\n\
    110109-DY-0001,2019-08-06 08:03:00,36.0,7\n\
    110109-DY-0001,06.08.2019 08:04,37.0\n\
    110109-XX-0009,2019-08-06 08:05:00,38.0\n\
    110109-DY-0002,2019-08-06 08:06:00,39.0\n";

#[test]
fn an_import_names_file_and_line_of_what_is_broken_and_takes_the_rest_once() {
    let world = World::new(&place());
    let file = world.write("august.csv", BROKEN).display().to_string();
    let mapping = world.write("mapping.toml", MAPPING).display().to_string();
    let import = ["import", file.as_str(), "--mapping", mapping.as_str()];

    let first = world.dustwatch(&import);
    first.expect_code(0);
    for line in 4..=7 {
        let named = first.stderr.lines().any(|said| names(said, "august.csv", line));
        assert!(named, "line {line} of august.csv is not named:\n{}", first.stderr);
    }
    for line in [2, 3, 8] {
        let named = first.stderr.lines().any(|said| names(said, "august.csv", line));
        assert!(!named, "line {line} is good, but named:\n{}", first.stderr);
    }
    let all = "SELECT device, observed_at, pm25 FROM observations ORDER BY device, observed_at";
    let rows = world.query(all);
    assert_eq!(rows.column("device"), [DEVICE, DEVICE, OTHER]);
    assert_eq!(rows.column("pm25"), ["35.2", "", "39.0"]);
    let reasons = Table::parse(&world.dustwatch(&["rejected", "list", "--format", "csv"]).ok());
    let mut reasons = reasons
        .column("reason")
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    reasons.sort_unstable();
    assert_eq!(reasons, ["bad_row", "bad_time", "unknown_device", "wrong_type"]);

    world.dustwatch(&import).ok();
    assert_eq!(world.query(all), rows, "a second import adds nothing");
    assert_eq!(
        DeltaLog::read(&world.lake().join("observations")).count_rows(),
        3,
        "physical rows"
    );
}

/// Whether a message names a file and a line of it: `august.csv … line=4` or `august.csv line 4` or `august.csv:4`.
fn names(message: &str, file: &str, line: usize) -> bool {
    let message = plain(message);
    let forms = [
        format!("line={line}"),
        format!("line {line}"),
        format!("{file}:{line}"),
    ];
    let ends = |form: &String| {
        message
            .match_indices(form.as_str())
            .any(|(at, _)| !message[at + form.len()..].starts_with(|c: char| c.is_ascii_digit()))
    };
    message.contains(file) && forms.iter().any(ends)
}

/// Without the colours of a log.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.by_ref().find(|c| c.is_ascii_alphabetic());
        } else {
            out.push(c);
        }
    }
    out
}

#[test]
fn a_table_that_does_not_fit_its_mapping_is_refused_whole() {
    let world = World::new(&place());
    let mapping = world.write("mapping.toml", MAPPING).display().to_string();
    let file = world
        .write("other.csv", "station,when,pm25\nx,y,1\n")
        .display()
        .to_string();
    let said = world.dustwatch(&["import", &file, "--mapping", &mapping]);
    assert!(matches!(said.code, Some(1 | 2)), "{said}");
    assert!(
        said.stderr.contains("other.csv") && said.stderr.contains("device"),
        "{said}"
    );

    let missing = world.dustwatch(&["import", "/nowhere/x.csv", "--mapping", &mapping]);
    assert!(matches!(missing.code, Some(1 | 2)), "{missing}");
    assert!(missing.stderr.contains("/nowhere/x.csv"), "{missing}");
}

#[test]
fn wrong_configuration_is_refused_with_its_place() {
    let world = World::new(&place());
    let good = std::fs::read_to_string(world.path("dustwatch.toml")).unwrap();
    world.dustwatch(&["config", "check"]).ok();
    for (added, named) in [
        ("[lake]\nuri = \"x\"\ncomit_rows = 5\n", "comit_rows"),
        ("[broker]\nurl = \"http://x\"\n", "broker.url"),
        ("[broker]\nunknown_device = \"drop\"\n", "broker.unknown_device"),
        (
            "[lake]\ncommit_interval_seconds = 0\n",
            "lake.commit_interval_seconds",
        ),
        ("[district]\ncode = \"mentougou\"\n", "district.code"),
        ("[district]\nstations = \"missing.csv\"\n", "missing.csv"),
        ("[lakes]\n", "lakes"),
        ("[lake\n", "line 1"),
    ] {
        let file = world.write("wrong.toml", added).display().to_string();
        for command in [&["config", "check"][..], &["query", "SELECT 1"][..]] {
            let said = world.bare_dustwatch(&[command, &["--config", &file]].concat());
            said.expect_code(2);
            assert!(
                said.stderr.contains(named),
                "{added:?} does not name {named}: {said}"
            );
            assert_eq!(said.stdout, "", "{said}");
        }
    }
    world.write(
        "stations.csv",
        "device,name,kind,township,interval\n110109-DY-0001,x,town,110109001,1m\n",
    );
    let said = world.dustwatch(&["config", "check"]);
    said.expect_code(2);
    assert!(
        said.stderr.contains("stations.csv line 2") && said.stderr.contains("town"),
        "{said}"
    );
    assert_eq!(
        std::fs::read_to_string(world.path("dustwatch.toml")).unwrap(),
        good
    );
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    let world = World::new(&place());
    for usage in [
        &["nonsense"][..],
        &["rank"],
        &["rank", "--parameter", "pm25", "--period", "2016-W99"],
        &["rank", "--parameter", "pm25", "--period", "last week"],
        &[
            "rank",
            "--parameter",
            "pm25",
            "--period",
            "2016-W10",
            "--order",
            "sideways",
        ],
        &[
            "rank",
            "--parameter",
            "pm25",
            "--period",
            "2016-W10",
            "--format",
            "xml",
        ],
        &["rank", "--parameter", "radon", "--period", "2016-W10"],
        &["query"],
        &["import", "x.csv"],
    ] {
        let said = world.dustwatch(usage);
        said.expect_code(2);
        assert_eq!(said.stdout, "", "{said}");
        assert!(!said.stderr.is_empty(), "{said}");
    }
    world
        .bare_dustwatch(&["query", "SELECT 1", "--config", "/nowhere/dustwatch.toml"])
        .expect_code(2);
}
