//! `[qc]` and `calibration.toml` as a user writes them: what is taken, what is refused, and how it is said.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use dustwatch_config::{ConfigError, HumidityMethod, QC_TESTS, Settings};

/// The settings of a `[qc]` section and of a `calibration.toml` beside it, if there is one.
fn load(section: &str, calibration: Option<&str>) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dustwatch.toml");
    let mut text = format!("[qc]\n{section}\n");
    if let Some(calibration) = calibration {
        text.push_str("calibration = \"calibration.toml\"\n");
        fs::write(folder.path().join("calibration.toml"), calibration).unwrap();
    }
    fs::write(&file, text).unwrap();
    Settings::load(Some(&file))
}

fn complaint(section: &str, calibration: Option<&str>) -> String {
    load(section, calibration).unwrap_err().to_string()
}

#[test]
fn every_key_left_out_takes_its_default() {
    let qc = load("", None).unwrap().qc;
    assert_eq!(qc.tests, QC_TESTS);
    assert!(qc.exclude_suspect);
    assert_eq!(qc.describe(), Settings::load(None).unwrap().qc.describe());
}

#[test]
fn tests_run_in_their_order_and_none_is_made_up() {
    let qc = load("tests = [\"q4\", \"q1\", \"q4\"]\nsuspect = \"include\"", None)
        .unwrap()
        .qc;
    assert_eq!(qc.tests, ["q1", "q4"]);
    assert!(!qc.exclude_suspect);
    assert_eq!(load("tests = []", None).unwrap().qc.tests, [""; 0]);
    for (section, told) in [
        ("tests = [\"q12\"]", "qc.tests: \"q12\" is none of q1, q2"),
        ("tests = [\"q10\"]", "qc.tests: q10 cannot be evaluated"),
        (
            "suspect = \"drop\"",
            "qc.suspect: \"drop\" is none of exclude, include",
        ),
        ("humid_level = \"invalid\"", "qc.humid_level"),
        ("stuck_minutes = 1441", "qc.stuck_minutes: must be 2 to 1440"),
        ("neighbour_z = 0.0", "qc.neighbour_z: must be above 0"),
        (
            "stuck_exempt = [\"smell\"]",
            "qc.stuck_exempt: \"smell\" is not in parameters.toml",
        ),
        (
            "mountain_townships = [\"1\"]",
            "qc.mountain_townships: \"1\" is not in townships.csv",
        ),
        ("spike = 3", "unknown field `spike`"),
    ] {
        let text = complaint(section, None);
        assert!(text.contains("dustwatch.toml") && text.contains(told), "{text}");
    }
}

#[test]
fn a_calibration_has_a_version_that_follows_its_text() {
    let file = "version = \"2019-08\"\n[[calibration]]\nmodel = \"LS-PM\"\nparameter = \"pm25\"\nslope = 0.92\n\
                offset = -1.5\nvalid_from = \"2019-05-01\"\n[[humidity]]\nmodel = \"LS-PM\"\nparameter = \"pm25\"\n\
                method = \"kappa_koehler\"\n";
    let first = load("", Some(file)).unwrap().qc.calibrations;
    assert_eq!((first.lines[0].slope, first.lines[0].offset), (0.92, -1.5));
    assert_eq!(first.lines[0].valid_from, "2019-05-01".parse().ok());
    assert_eq!(first.humidity[0].method, HumidityMethod::KappaKoehler);
    assert_eq!(first.humidity[0].kappa, 0.4);
    assert!(first.version.starts_with("2019-08-"));
    let second = load("", Some(&file.replace("0.92", "0.93")))
        .unwrap()
        .qc
        .calibrations;
    assert_ne!(
        first.version, second.version,
        "a change that forgot to give another version"
    );
}

#[test]
fn a_calibration_that_cannot_be_is_refused_by_name() {
    let line = |slope: &str, parameter: &str, days: &str| {
        format!(
            "[[calibration]]\nmodel = \"LS-PM\"\nparameter = \"{parameter}\"\nslope = {slope}\noffset = 0.0\n{days}\n"
        )
    };
    let humidity = |parameter: &str, method: &str| {
        format!("[[humidity]]\nmodel = \"LS-PM\"\nparameter = \"{parameter}\"\nmethod = \"{method}\"\n")
    };
    let both = line("1.0", "pm25", "valid_to = \"2019-05-01\"")
        + &line("1.1", "pm25", "valid_from = \"2019-05-01\"");
    for (entries, told) in [
        (
            line("0.0", "pm25", ""),
            "calibration of LS-PM pm25: slope must be above 0",
        ),
        (line("1.0", "smell", ""), "\"smell\" is not in parameters.toml"),
        (
            line("1.0", "pm25", "valid_to = \"May\""),
            "valid_to is not a date",
        ),
        (
            line(
                "1.0",
                "pm25",
                "valid_from = \"2019-05-02\"\nvalid_to = \"2019-05-01\"",
            ),
            "valid_to is before valid_from",
        ),
        (both, "two entries hold on the same day"),
        (
            humidity("tsp", "epa"),
            "humidity of LS-PM tsp: the formulas hold for pm25 and pm10 only",
        ),
        (humidity("pm25", "magic"), "line 5"),
    ] {
        let text = complaint("", Some(&format!("version = \"1\"\n{entries}")));
        assert!(text.contains("calibration.toml") && text.contains(told), "{text}");
    }
    assert!(complaint("", Some("version = \" \"\n")).contains("version: must not be empty"));
}

#[test]
fn the_page_names_every_key_and_test() {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/quality-control.md")).unwrap();
    for (key, _) in Settings::load(None).unwrap().qc.describe() {
        assert!(
            page.contains(&format!("`{key}`")) || page.contains(&format!("`{key} =")),
            "{key}"
        );
    }
    for test in QC_TESTS {
        assert!(
            page.contains(&format!("| [{test}](../analytics/sql/qc_{test}_")),
            "{test}"
        );
    }
}
