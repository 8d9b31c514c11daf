//! Settings as a user writes them: what is taken, what is refused, and how it is said.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use dustwatch_config::{AckAfter, ConfigError, Settings};

fn load(folder: &Path, text: &str) -> Result<Settings, ConfigError> {
    let file = folder.join("dustwatch.toml");
    fs::write(&file, text).unwrap();
    Settings::load(Some(&file))
}

fn complaint(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    load(folder.path(), text).unwrap_err().to_string()
}

#[test]
fn without_a_file_it_is_mentougou_with_its_thirteen_townships() {
    let settings = Settings::load(None).unwrap();
    assert_eq!(settings.district.code.as_str(), "110109");
    assert_eq!(settings.registry.townships().len(), 13);
    assert!(settings.registry.stations().len() >= 60);
    assert!(
        ["tsp", "pm10", "pm25", "noise"]
            .iter()
            .all(|key| settings.parameters.find(key).is_some())
    );
}

#[test]
fn every_key_left_out_takes_its_default() {
    let folder = tempfile::tempdir().unwrap();
    let settings = load(folder.path(), "[broker]\nack_after = \"lake\"\n").unwrap();
    assert_eq!(settings.broker.ack_after, AckAfter::Lake);
    assert_eq!(settings.broker.url, "mqtt://127.0.0.1:1883");
    assert_eq!(settings.standards.week_min_days, 5);
    assert_eq!(settings.rules.r5_limit, 48);
}

#[test]
fn another_district_needs_no_code() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("t.csv"),
        "code,name,district\n360101001,某街道,360101\n",
    )
    .unwrap();
    fs::write(
        folder.path().join("s.csv"),
        "device,name,kind,township,interval\nA-1,一号站,township,360101001,1h\n",
    )
    .unwrap();
    let text = "[district]\ncode = \"360101\"\nname = \"某区\"\ntownships = \"t.csv\"\nstations = \"s.csv\"\n[lake]\nuri = \"lake\"\n";
    let settings = load(folder.path(), text).unwrap();
    assert_eq!(settings.registry.stations()[0].expected_per_hour(), 1);
    assert_eq!(
        settings.lake.uri,
        folder.path().join("lake").display().to_string()
    );
    assert!(
        settings.parameters.find("pm25").is_some(),
        "the built-in parameters stand where none are named"
    );
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let text = complaint("[broker]\nurl = \"mqtt://x:1\"\nurll = \"y\"\n");
    assert!(
        text.contains("dustwatch.toml") && text.contains("line 3") && text.contains("urll"),
        "{text}"
    );
}

#[test]
fn values_that_cannot_be_are_named_with_their_key() {
    for (text, key) in [
        ("[broker]\nack_after = \"later\"", "broker.ack_after"),
        ("[broker]\nurl = \"http://x\"", "broker.url"),
        ("[district]\ncode = \"12\"", "district.code"),
        ("[district]\ntimezone = \"Asia/Beijing\"", "district.timezone"),
        (
            "[lake]\ncommit_interval_seconds = 0",
            "lake.commit_interval_seconds",
        ),
        ("[standards]\nweek_min_days = 8", "standards.week_min_days"),
        ("[rules]\nboundary = \"x\"", "rules.boundary"),
    ] {
        let said = complaint(text);
        assert!(said.contains(key), "{text}: {said}");
    }
}

#[test]
fn a_wrong_line_of_the_registry_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let stations = "device,name,kind,township\nA-1,a,township,110109001\nA-2,b,tower,110109001\n";
    fs::write(folder.path().join("s.csv"), stations).unwrap();
    let said = load(folder.path(), "[district]\nstations = \"s.csv\"\n")
        .unwrap_err()
        .to_string();
    assert!(said.contains("s.csv line 3") && said.contains("tower"), "{said}");
}

#[test]
fn a_monitor_that_moves_keeps_its_past_but_stands_at_one_place_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let head = "device,name,kind,township,valid_from,valid_to\n";
    let moved = "A-1,a,site,110109001,,2019-07-31\nA-1,b,site,110109006,2019-08-01,\n";
    fs::write(folder.path().join("s.csv"), format!("{head}{moved}")).unwrap();
    let settings = load(folder.path(), "[district]\nstations = \"s.csv\"\n").unwrap();
    let on = |day: &str| {
        settings
            .registry
            .station_on("A-1", day.parse().unwrap())
            .unwrap()
            .township
            .clone()
    };
    assert_eq!(
        (on("2019-07-31"), on("2019-08-01")),
        ("110109001".to_owned(), "110109006".to_owned())
    );
    let twice = "A-1,a,site,110109001,,2019-08-01\nA-1,b,site,110109006,2019-08-01,\n";
    fs::write(folder.path().join("s.csv"), format!("{head}{twice}")).unwrap();
    let said = load(folder.path(), "[district]\nstations = \"s.csv\"\n")
        .unwrap_err()
        .to_string();
    assert!(said.contains("two places"), "{said}");
}

#[test]
fn a_password_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let settings = load(
        folder.path(),
        "[broker]\nusername = \"u\"\npassword = \"hunter2\"\n",
    )
    .unwrap();
    let shown = format!("{settings:?} {:?}", settings.describe());
    assert!(!shown.contains("hunter2"));
}

#[test]
fn the_written_out_district_is_the_built_in_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("mentougou/dustwatch.toml");
    let written: Vec<_> = Settings::load(Some(&file)).unwrap().describe();
    let builtin: Vec<_> = Settings::load(None).unwrap().describe();
    let is_path = |key: &str| matches!(key, "journal.dir" | "lake.uri");
    assert_eq!(written.len(), builtin.len());
    for (written, builtin) in written.iter().zip(&builtin).filter(|(w, _)| !is_path(&w.0)) {
        assert_eq!(written, builtin);
    }
}

#[test]
fn the_shipped_example_of_real_stations_can_be_read() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("beijing-prsa/dustwatch.toml");
    let settings = Settings::load(Some(&file)).unwrap();
    assert_eq!(
        (
            settings.registry.stations().len(),
            settings.registry.townships().len()
        ),
        (12, 12)
    );
    assert!(
        settings
            .registry
            .stations()
            .iter()
            .all(|s| s.expected_per_hour() == 1)
    );
}

#[test]
fn the_shipped_mappings_can_be_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings");
    let parameters = Settings::load(None).unwrap().parameters;
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        dustwatch_config::mapping(&file)
            .unwrap()
            .check(&parameters)
            .unwrap();
    }
}
