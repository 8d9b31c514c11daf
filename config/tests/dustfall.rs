//! `[dustfall]` as a user writes it: points of the district's own, and what is refused.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use dustwatch_config::{ConfigError, NdPolicy, Settings};

fn load(folder: &Path, points: &str, keys: &str) -> Result<Settings, ConfigError> {
    fs::write(folder.join("points.csv"), points).unwrap();
    let file = folder.join("dustwatch.toml");
    fs::write(&file, format!("[dustfall]\npoints = \"points.csv\"\n{keys}\n")).unwrap();
    Settings::load(Some(&file))
}

fn complaint(points: &str, keys: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    load(folder.path(), points, keys).unwrap_err().to_string()
}

const HEAD: &str = "site,name,township,mn,diameter_cm,area_cm2,exposure_days,valid_from,valid_to\n";

#[test]
fn every_built_in_township_has_points_and_another_district_starts_without() {
    let settings = Settings::load(None).unwrap();
    for township in settings.registry.townships() {
        let points = settings.dustfall.points.iter();
        let count = points.filter(|point| point.township == township.code).count();
        assert!((1..=3).contains(&count), "{}: {count} points", township.name);
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("t.csv"),
        "code,name,district\n360101001,某街道,360101\n",
    )
    .unwrap();
    fs::write(folder.path().join("s.csv"), "device,name,kind,township\n").unwrap();
    let text = "[district]\ncode = \"360101\"\ntownships = \"t.csv\"\nstations = \"s.csv\"\n";
    let file = folder.path().join("dustwatch.toml");
    fs::write(&file, text).unwrap();
    assert!(Settings::load(Some(&file)).unwrap().dustfall.points.is_empty());
}

#[test]
fn points_are_found_by_code_or_name_and_keep_their_past() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "{HEAD}P1,一号点,110109001,,15.0,,,,2019-07-31\nP1,一号点,110109006,,15.0,,,2019-08-01,\n\
         P2,二号点,110109001,MN1,,353.25,30,,\n"
    );
    let dustfall = load(folder.path(), &text, "nd_policy = \"zero\"")
        .unwrap()
        .dustfall;
    assert_eq!(dustfall.nd_policy, NdPolicy::Zero);
    for name in ["P1", "一号点"] {
        let townships: Vec<&str> = dustfall.entries(name).map(|p| p.township.as_str()).collect();
        assert_eq!(townships, ["110109001", "110109006"], "{name}");
    }
    assert_eq!(dustfall.entries("三号点").count(), 0);
    let day = |text: &str| text.parse().unwrap();
    let first = &dustfall.points[0];
    assert!(first.covers(day("2019-07-31")) && !first.covers(day("2019-08-01")));
}

#[test]
fn what_cannot_be_is_named_with_its_line_or_key() {
    for (lines, said) in [
        ("P1,a,110109999,,15.0,,,,\n", "110109999"),
        ("P1,a,110109001,,150,,,,\n", "diameter_cm"),
        ("P1,a,110109001,,,0.0177,,,\n", "area_cm2"),
        ("P1,a,110109001,MN1,,,30,,\n", "area_cm2 or diameter_cm"),
        ("P1,a,110109001,,,,,,\nP1,b,110109001,,,,,,\n", "line 3"),
        (
            "P1,a,110109001,M,15.0,,,,\nP2,b,110109001,M,15.0,,,,\n",
            "two points",
        ),
    ] {
        let text = complaint(&format!("{HEAD}{lines}"), "");
        assert!(
            text.contains("points.csv") && text.contains(said),
            "{lines}: {text}"
        );
    }
    for (keys, key) in [
        ("nd_policy = \"third\"", "dustfall.nd_policy"),
        ("district_dustfall = \"sum\"", "dustfall.district_dustfall"),
        ("exposure_min_days = 33", "dustfall.exposure_min_days"),
        ("detection_limit = -1", "dustfall.detection_limit"),
        ("net_max_g = 500", "dustfall.net_max_g"),
        ("void_notes = [\"\"]", "dustfall.void_notes"),
        ("year_min_months = 13", "dustfall.year_min_months"),
    ] {
        let text = complaint(HEAD, keys);
        assert!(text.contains(key), "{keys}: {text}");
    }
}
