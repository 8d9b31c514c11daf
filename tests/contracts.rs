//! Promise: what other programs rely on stays: exit statuses, printed columns, table columns, identity, flags, and a
//! door for SQL that only answers.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::datatypes::{DataType, TimeUnit};
use support::csv::Table;
use support::mosquitto::{Memory, Mosquitto};
use support::oracle::COLUMNS;
use support::parquet_reader::DeltaLog;
use support::wire::Wire;
use support::world::{Place, World};

const DEVICE: &str = "110109-DY-0001";
const OBS: &str = "dust/v1/110109/110109-DY-0001/obs";

fn place() -> Place {
    Place::new("110109")
        .township("110109001", "大峪街道")
        .township("110109002", "城子街道")
        .station(DEVICE, "township", "110109001", "1m")
}

/// A world that an agent and a third party have spoken to.
fn spoken(place: &Place, messages: &[(&str, &str)], last: (&str, &str)) -> World {
    let world = World::new(place);
    let _broker = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "third-party");
    for (topic, payload) in messages {
        wire.publish(topic, *payload);
    }
    wire.publish_and_confirm(last.0, "6f1c", 123_456, last.1);
    ingest.terminate().ok();
    world
}

const EXAMPLE: &str = r#""device":"110109-DY-0001","time":"2019-08-06T08:00:00+08:00","pm25":35.2,"pm10":80.1,"tsp":120.4,"noise":61.2,"temperature":28.4,"humidity":45.1,"pressure":100.4,"wind_speed":1.8,"wind_direction":203,"flags":{"tsp":"D"}"#;

#[test]
fn the_table_has_the_columns_of_the_contract() {
    let before = now_micros();
    let world = spoken(&place(), &[], (OBS, EXAMPLE));
    let log = DeltaLog::read(&world.lake().join("observations"));
    assert_eq!(log.partition_columns, ["day"]);
    let schema = log.file_schema();
    let kind = |name: &str| {
        schema
            .field_with_name(name)
            .map(|field| field.data_type().clone())
            .ok()
    };
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    assert_eq!(kind("device"), Some(DataType::Utf8));
    assert_eq!(kind("observed_at"), Some(instant.clone()));
    assert_eq!(kind("received_at"), Some(instant));
    assert_eq!(kind("epoch"), Some(DataType::Utf8));
    assert_eq!(kind("seq"), Some(DataType::Int64));
    for (parameter, places) in [
        ("tsp", 1),
        ("pm10", 1),
        ("pm25", 1),
        ("noise", 1),
        ("temperature", 1),
        ("humidity", 1),
        ("pressure", 2),
        ("wind_speed", 1),
        ("wind_direction", 1),
    ] {
        assert_eq!(
            kind(parameter),
            Some(DataType::Decimal128(9, places)),
            "{parameter}"
        );
        assert_eq!(
            kind(&format!("{parameter}_flag")),
            Some(DataType::Utf8),
            "{parameter}_flag"
        );
    }
    assert_eq!(
        kind("day"),
        None,
        "the partition stands in the log, not in the files"
    );
    let fields = log.schema["fields"].as_array().unwrap();
    let day = fields.iter().find(|field| field["name"] == "day").unwrap();
    assert_eq!(day["type"], "date");

    let observations = log.observations();
    let (key, stored) = observations.iter().next().unwrap();
    assert_eq!(*key, (DEVICE.to_owned(), 1_565_049_600_000_000));
    assert_eq!(
        (stored.day.as_str(), stored.epoch.as_deref(), stored.seq),
        ("2019-08-06", Some("6f1c"), Some(123_456))
    );
    let value = |key: &str| stored.values.get(key).copied();
    assert_eq!(value("pm25"), Some((352, 1)));
    assert_eq!(value("pressure"), Some((10_040, 2)));
    assert_eq!(value("wind_direction"), Some((2030, 1)));
    let flags: BTreeMap<&str, &str> = stored
        .texts
        .iter()
        .filter(|(column, _)| column.ends_with("_flag"))
        .map(|(column, flag)| (column.as_str(), flag.as_str()))
        .collect();
    assert_eq!(flags, [("tsp_flag", "D")].into(), "normal is null");
    let received: i64 = world
        .query("SELECT cast(received_at AS bigint) AS at FROM observations")
        .cell()
        .parse()
        .unwrap();
    assert!(
        (before..=now_micros()).contains(&received),
        "received at {received}"
    );
}

fn now_micros() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

#[test]
fn a_correction_wins_and_the_same_again_counts_once() {
    let first = r#"{"time":"2019-08-06T08:00:00+08:00","pm25":35.2,"pm10":80}"#;
    let again = r#"{"device":"110109-DY-0001","pm10":80.0,"pm25":35.20,"time":1565049600000}"#;
    let correction = r#"{"time":"2019-08-06T00:00:00Z","pm25":36.7,"pm10":80,"flags":{"pm10":"N"}}"#;
    let messages = [(OBS, first), (OBS, again), (OBS, correction), (OBS, correction)];
    let world = spoken(
        &place(),
        &messages,
        (OBS, "\"time\":\"2019-08-06T08:01:00+08:00\",\"pm25\":1"),
    );
    let rows = world.query("SELECT pm25, pm10, pm10_flag FROM observations ORDER BY observed_at");
    assert_eq!(rows.rows, [["36.7", "80.0", ""], ["1.0", "", ""]]);

    // In another commit, and in another process.
    let _broker = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "third-party");
    wire.publish(OBS, correction);
    wire.publish(
        OBS,
        r#"{"time":"2019-08-06T00:00:00Z","pm25":38.1,"flags":{"pm25":"M"}}"#,
    );
    wire.publish_and_confirm(OBS, "6f1c", 123_457, "\"time\":\"2019-08-06T08:02:00+08:00\"");
    ingest.terminate().ok();
    let rows = world.query("SELECT pm25, pm25_flag, pm10 FROM observations ORDER BY observed_at");
    assert_eq!(rows.rows, [["38.1", "M", ""], ["1.0", "", ""], ["", "", ""]]);
    assert_eq!(world.query("SELECT count(*) FROM observations").cell(), "3");
    let history = Table::parse(&world.dustwatch(&["lake", "history", "--format", "csv"]).ok());
    assert!(history.rows.len() >= 3, "made, and two commits: {history:?}");
}

#[test]
fn rank_prints_the_columns_of_the_contract_and_nothing_else() {
    let world = World::new(&place());
    let question = ["rank", "--parameter", "pm25", "--period", "2019-W32"];
    let print = |format: &str| {
        world
            .dustwatch(&[&question[..], &["--format", format]].concat())
            .ok()
    };
    let header = "rank,rank_worst,township_code,township,value,mean,stations,valid_days,previous_value,change_percent,\
                  previous_rank,rank_change,last_year_value,last_year_percent,cumulative_value,status,last,day_min_hours";
    let csv = print("csv");
    assert_eq!(csv.lines().next(), Some(header));
    let table = Table::parse(&csv);
    assert_eq!(table.header, COLUMNS);
    assert_eq!(
        table.column("township"),
        ["大峪街道", "城子街道"],
        "townships without data are listed"
    );
    assert_eq!(table.column("status"), ["insufficient_data"; 2]);
    assert_eq!(table.column("rank"), [""; 2]);

    let json: serde_json::Value = serde_json::from_str(&print("json")).unwrap();
    let rows = json.as_array().or_else(|| json["rows"].as_array()).unwrap();
    assert_eq!(rows.len(), 2);
    for column in COLUMNS {
        assert!(
            rows[0].get(column).is_some(),
            "{column} is missing in {}",
            rows[0]
        );
    }
    assert!(rows[0]["rank"].is_null());
    assert!(print("table").contains("大峪街道"));
}

#[test]
fn every_table_goes_to_standard_output_alone() {
    let world = spoken(&place(), &[(OBS, "{")], (OBS, EXAMPLE));
    for (command, column) in [
        (&["query", "SELECT device, pm25 FROM observations"][..], "device"),
        (&["rejected", "list"], "reason"),
        (&["lake", "history"], "version"),
        (&["rank", "--parameter", "tsp", "--period", "2019-08-06"], "rank"),
    ] {
        for format in ["csv", "json"] {
            let said = world
                .dustwatch(&[command, &["--format", format, "--log-format", "json"]].concat())
                .ok();
            if format == "csv" {
                let table = Table::parse(&said);
                assert!(
                    table.header.iter().any(|name| name == column),
                    "{command:?}: {:?}",
                    table.header
                );
                assert!(!table.rows.is_empty(), "{command:?}");
            } else {
                assert!(
                    serde_json::from_str::<serde_json::Value>(&said).is_ok(),
                    "{command:?}: {said}"
                );
            }
        }
    }
    let tables = world.query("SELECT count(*) FROM stations");
    assert_eq!(tables.cell(), "1");
    assert_eq!(
        world
            .query("SELECT name FROM townships ORDER BY code")
            .column("name"),
        ["大峪街道", "城子街道"]
    );
    assert_eq!(
        world
            .query("SELECT count(*) FROM parameters WHERE key = 'pm25'")
            .cell(),
        "1"
    );
}

#[test]
fn sql_only_answers() {
    let world = spoken(&place(), &[], (OBS, EXAMPLE));
    let secret = world.write("secret.csv", "a,b\n1,2\n").display().to_string();
    let out = world.path("out").display().to_string();
    for sql in [
        "CREATE TABLE t AS SELECT 1".to_owned(),
        "CREATE VIEW v AS SELECT 1".to_owned(),
        format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{secret}'"),
        "INSERT INTO observations SELECT * FROM observations".to_owned(),
        "DELETE FROM observations".to_owned(),
        "UPDATE observations SET pm25 = 1".to_owned(),
        "DROP TABLE observations".to_owned(),
        format!("COPY observations TO '{out}.parquet'"),
        format!("COPY (SELECT 1) TO '{out}.csv'"),
        "SET datafusion.execution.batch_size = 1".to_owned(),
        format!("EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}.csv'"),
    ] {
        let said = world.dustwatch(&["query", &sql]);
        assert!(matches!(said.code, Some(1 | 2)), "{sql}: {said}");
        assert!(said.stderr.contains("read-only"), "{sql}: {said}");
        assert_eq!(said.stdout, "", "{sql}");
    }
    for sql in [
        format!("SELECT * FROM '{secret}'"),
        format!("SELECT * FROM read_csv('{secret}')"),
        "SELECT 1; DROP TABLE observations".to_owned(),
        "SELEC 1".to_owned(),
    ] {
        let said = world.dustwatch(&["query", &sql]);
        assert!(matches!(said.code, Some(1 | 2)), "{sql}: {said}");
        assert_eq!(said.stdout, "", "{sql}");
        assert!(!said.stderr.is_empty(), "{sql}");
    }
    assert!(!world.path("out.csv").exists() && !world.path("out.parquet").exists());
    assert_eq!(world.query("SELECT count(*) FROM observations").cell(), "1");
    assert_eq!(DeltaLog::read(&world.lake().join("observations")).count_rows(), 1);
}

#[test]
fn what_fails_exits_with_one() {
    let place = place();
    let world = World::new(&place);
    world.write("lake", "not a folder");
    world
        .dustwatch(&["query", "SELECT count(*) FROM observations"])
        .expect_code(1);
    world.dustwatch(&["rollup"]).expect_code(1);
    let world = World::new(&place);
    world.write("journal", "not a folder");
    world.dustwatch(&["ingest"]).expect_code(1);
}

#[test]
fn periods_are_read_or_refused() {
    let world = World::new(&place());
    let rank = |period: &str| {
        world.dustwatch(&[
            "rank",
            "--parameter",
            "pm25",
            "--period",
            period,
            "--format",
            "csv",
        ])
    };
    for period in [
        "2019-W32",
        "2019-08-06",
        "2019-08",
        "2019-08-H1",
        "2019-08-H2",
        "2019",
        "2019-08-01..2019-08-07",
    ] {
        rank(period).expect_code(0);
    }
    for period in [
        "2019-W53",
        "2019-02-29",
        "2019-13",
        "2019-08-H3",
        "19",
        "2019-08-07..2019-08-01",
        "2019-W1",
        "",
    ] {
        let said = rank(period);
        said.expect_code(2);
        assert!(
            said.stderr.contains("period") || period.is_empty(),
            "{period}: {said}"
        );
        assert_eq!(said.stdout, "", "{period}");
    }
}

/// A new district, another time zone and a new parameter need settings only.
#[test]
fn another_district_needs_no_code() {
    const OURS: &str = "dust/v1/650104/XS-1/obs";
    let mut place =
        Place::new("650104")
            .township("650104001", "北京路街道")
            .station("XS-1", "site", "650104001", "1m");
    place.district_keys = "timezone = \"Asia/Urumqi\"\nparameters = \"parameters.toml\"".to_owned();
    let parameters = "[[parameter]]\nkey = \"oil_fume\"\nname = \"油烟\"\nunit = \"mg/m³\"\ndecimals = 3\n";
    let world = World::new(&place);
    world.write("parameters.toml", parameters);
    let _broker = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "kitchen");
    // 23:30 at Urumqi, 01:30 of the next day at Beijing.
    wire.publish_and_confirm(
        OURS,
        "e",
        1,
        "\"time\":\"2019-08-05T17:30:00Z\",\"oil_fume\":1.234,\"pm25\":9",
    );
    ingest.terminate().ok();

    let rows = world.query("SELECT device, oil_fume, cast(day AS varchar) AS day FROM observations");
    assert_eq!(rows.rows, [["XS-1", "1.234", "2019-08-05"]]);
    let log = DeltaLog::read(&world.lake().join("observations"));
    let stored = log.observations().into_values().next().unwrap();
    assert_eq!(stored.values, [("oil_fume".to_owned(), (1234, 3))].into());
    let shown = world.dustwatch(&["config", "show"]).ok();
    assert!(shown.contains("650104") && shown.contains("Urumqi"), "{shown}");
}
