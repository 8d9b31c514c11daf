//! `[alarm]` and its sets of rules as a user writes them: what is taken, what is refused, and how it is said.
#![allow(clippy::unwrap_used)]

use std::fs;

use dustwatch_config::{AlarmLevel, Background, Compare, ConfigError, Settings, StationKind};
use dustwatch_observation::Decimal;

/// A rule that nothing is wrong with.
const RULE: &str = "key = \"own\"\nparameter = \"tsp\"\nminutes = 15\nlimit = 300\n";

/// The settings of an `[alarm]` section and of one file in the folder of rules, if there is one.
fn load(section: &str, set: Option<&str>) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let mut text = format!("[alarm]\n{section}\n");
    if let Some(set) = set {
        text.push_str("rules = \"alarms\"\n");
        fs::create_dir(folder.path().join("alarms")).unwrap();
        fs::write(folder.path().join("alarms/own.toml"), set).unwrap();
    }
    let file = folder.path().join("dustwatch.toml");
    fs::write(&file, text).unwrap();
    Settings::load(Some(&file))
}

fn set(region: &str, rule: &str) -> String {
    format!("region = \"{region}\"\nname = \"本地\"\nname_en = \"own\"\nsource = \"ours\"\n[[rule]]\n{rule}")
}

#[test]
fn the_default_is_the_districts_own_and_says_so() {
    let alarm = load("", None).unwrap().alarm;
    assert_eq!(alarm, Settings::load(None).unwrap().alarm);
    let [set] = &alarm.sets[..] else {
        panic!("{:?}", alarm.sets)
    };
    assert_eq!((set.region.as_str(), set.verified), ("mentougou", false));
    let limits: Vec<(&str, AlarmLevel, Decimal)> = set
        .rules
        .iter()
        .map(|rule| (rule.key.as_str(), rule.level, rule.limit))
        .collect();
    assert_eq!(
        limits,
        [
            ("tsp_15min", AlarmLevel::Alarm, Decimal::new(500, 0)),
            ("tsp_15min_severe", AlarmLevel::Severe, Decimal::new(1000, 0)),
            ("tsp_background", AlarmLevel::Alarm, Decimal::new(2, 0)),
        ]
    );
    assert!(set.rules.iter().all(|rule| rule.kinds == [StationKind::Site]));
    assert_eq!(
        set.rules[2].compare,
        Compare::TimesBackground(Background::Township)
    );
}

#[test]
fn every_built_in_set_can_be_chosen() {
    let all = [
        "hebei",
        "liaoning",
        "liaoning-rural",
        "mentougou",
        "noise",
        "shaanxi",
        "shaanxi-earthwork",
        "shanghai",
    ];
    for region in all {
        let alarm = load(&format!("regions = [\"{region}\"]"), None).unwrap().alarm;
        assert!(alarm.rules().count() > 0, "{region}");
    }
    let none = load("regions = []", None).unwrap().alarm;
    assert_eq!(none.rules().count(), 0);
}

#[test]
fn a_district_without_the_parameter_has_no_rules_until_it_names_some() {
    let folder = tempfile::tempdir().unwrap();
    let parameters = "[[parameter]]\nkey = \"pm25\"\nname = \"PM2.5\"\nname_en = \"PM2.5\"\nunit = \"µg/m³\"\ndecimals = 1\n";
    fs::write(folder.path().join("parameters.toml"), parameters).unwrap();
    let file = folder.path().join("dustwatch.toml");
    let write = |more: &str| {
        fs::write(
            &file,
            format!("[district]\nparameters = \"parameters.toml\"\n{more}\n"),
        )
        .unwrap();
        Settings::load(Some(&file))
    };
    assert_eq!(write("").unwrap().alarm.rules().count(), 0);
    let error = write("[alarm]\nregions = [\"mentougou\"]")
        .unwrap_err()
        .to_string();
    assert!(error.contains("alarm.regions"), "{error}");
}

#[test]
fn a_set_of_ones_own_takes_the_place_of_the_built_in_one() {
    let alarm = load("", Some(&set("mentougou", RULE))).unwrap().alarm;
    let keys: Vec<&str> = alarm.rules().map(|(_, rule)| rule.key.as_str()).collect();
    assert_eq!(keys, ["own"]);
}

#[test]
fn what_cannot_be_is_refused_with_file_rule_and_key() {
    for (section, told) in [
        (
            "regions = [\"mars\"]",
            "alarm.regions: \"mars\" is none of hebei, liaoning",
        ),
        (
            "regions = [\"shanghai\", \"mentougou\"]",
            "alarm.regions: rule \"tsp_15min\" of mentougou is in another",
        ),
        ("every_seconds = 0", "alarm.every_seconds: must be 1 to 3600"),
        ("webhook = \"ftp://x\"", "alarm.webhook: does not begin with http"),
        ("hook = 1", "unknown field `hook`"),
    ] {
        let error = load(section, None).unwrap_err().to_string();
        assert!(error.contains(told), "{section}: {error}");
    }
    for (rule, told) in [
        (
            RULE.replace("tsp", "smell"),
            "rule \"own\": parameter: \"smell\" is not in parameters.toml",
        ),
        (RULE.replace("15", "7"), "minutes: 7 does not divide an hour"),
        (RULE.replace("300", "0"), "limit: must be above 0"),
        (
            format!("{RULE}compare = \"times_background\"\n"),
            "background: is missing",
        ),
        (
            format!("{RULE}background = \"district\"\n"),
            "background: is for comparisons",
        ),
        (
            format!("{RULE}from_hour = 6\n"),
            "from_hour: from_hour and to_hour go together",
        ),
        (
            format!("{RULE}kinds = [\"moon\"]\n"),
            "kinds: \"moon\" is no kind of station",
        ),
        (
            format!("{RULE}[[rule]]\n{RULE}"),
            "rule \"own\": key: is there twice",
        ),
        (format!("{RULE}colour = 1\n"), "unknown field `colour`"),
    ] {
        let error = load("", Some(&set("own", &rule))).unwrap_err().to_string();
        assert!(
            error.contains(told) && error.contains("own.toml"),
            "{rule}: {error}"
        );
    }
}

#[test]
fn what_stands_behind_a_webhooks_host_is_not_printed() {
    let alarm = load(
        "webhook = \"https://me:pass@oapi.example/robot/send?access_token=SECRET\"",
        None,
    )
    .unwrap()
    .alarm;
    let webhook = alarm.webhook.clone().unwrap();
    assert!(webhook.address().ends_with("SECRET"));
    let printed = format!("{:?} {alarm:?} {webhook}", alarm.describe());
    assert!(printed.contains("https://oapi.example/***"), "{printed}");
    assert!(
        !printed.contains("SECRET") && !printed.contains("pass"),
        "{printed}"
    );
}
