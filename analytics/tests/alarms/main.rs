//! Alarms: the rules on tables that fit a screen, and random worlds against a slow oracle.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod oracle;
mod places;
mod random;

use common::World;
use common::qc::{Seen, seen, seen_at};
use common::time;
use dustwatch_analytics::{AlarmReport, AlarmRequest, AlarmState, alarm_news, alarms_run};
use dustwatch_config::{AlarmSettings, Settings};
use dustwatch_lake::TableKind;
use dustwatch_observation::{Flag, Time};

pub(crate) const MINUTE: i64 = 60_000_000;

/// A site and a station beside it by the minute, an hourly station, a site in another township.
const STATIONS: [&str; 4] = [
    "site,site,t1,1m,LS-TSP,39.91,116.10",
    "street,township,t1,1m,BAM-1020,39.92,116.10",
    "hourly,township,t1,1h,BAM-1020,39.93,116.10",
    "far,site,t2,1m,LS-TSP,39.95,115.50",
];

/// The settings of an `[alarm]` section.
pub(crate) fn alarm(section: &str) -> AlarmSettings {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dustwatch.toml");
    std::fs::write(&file, format!("[alarm]\n{section}\n")).unwrap();
    Settings::load(Some(&file)).unwrap().alarm
}

async fn world(section: &str) -> World {
    let mut world = World::controlled(&STATIONS).await;
    world.settings.alarm = alarm(section);
    world
}

/// One value a minute, from a local time of 2019-08-06 on.
fn minutes(
    device: &str,
    from: &str,
    parameter: &str,
    values: impl IntoIterator<Item = &'static str>,
) -> Vec<Seen> {
    let start = time(&format!("2019-08-06T{from}:00+08:00")).as_micros();
    (0..)
        .zip(values)
        .map(|(at, value)| seen_at(device, start + at * MINUTE, &[(parameter, value)]))
        .collect()
}

fn repeat(value: &'static str, times: usize) -> impl Iterator<Item = &'static str> {
    std::iter::repeat_n(value, times)
}

impl World {
    pub(crate) async fn evaluate(&self, request: AlarmRequest) -> AlarmReport {
        alarms_run(&self.lake, &self.settings, request, |_| {})
            .await
            .unwrap()
    }

    /// The alarms: device, rule, local start and end, windows, peak, mean, threshold, and whether it goes on from the day before.
    pub(crate) async fn alarms(&self) -> Vec<String> {
        let sql = "SELECT device, rule, to_char(local_time(started_at), '%m-%d %H:%M') AS s, \
                   to_char(local_time(ended_at), '%m-%d %H:%M') AS e, windows, peak, mean, threshold, continued \
                   FROM alarms ORDER BY device, rule, started_at";
        self.lines(sql).await
    }

    async fn evaluated(&self) -> Vec<String> {
        self.evaluate(AlarmRequest::default()).await;
        self.alarms().await
    }
}

#[tokio::test]
async fn a_window_is_an_alarm_above_the_limit_and_not_at_it() {
    let mut world = world("").await;
    world
        .watch(minutes("site", "10:00", "tsp", repeat("500", 15)))
        .await;
    world
        .watch(minutes(
            "site",
            "11:00",
            "tsp",
            repeat("500", 14).chain(["500.1"]),
        ))
        .await;
    world
        .watch(minutes("far", "12:30", "tsp", repeat("1000.2", 30)))
        .await;
    assert_eq!(
        world.evaluated().await,
        [
            "far|tsp_15min|08-06 12:30|08-06 13:00|2|1000.2|1000.2|500.0|false",
            "far|tsp_15min_severe|08-06 12:30|08-06 13:00|2|1000.2|1000.2|1000.0|false",
            "site|tsp_15min|08-06 11:00|08-06 11:15|1|500.007|500.007|500.0|false",
        ]
    );
}

#[tokio::test]
async fn what_is_missing_flagged_or_humid_takes_no_part() {
    let mut world = world("").await;
    // Twelve of fifteen are enough, eleven are not.
    world
        .watch(minutes("site", "10:00", "tsp", repeat("600", 12)))
        .await;
    world
        .watch(minutes("site", "10:30", "tsp", repeat("600", 11)))
        .await;
    let flagged = minutes("site", "11:00", "tsp", repeat("600", 15));
    world
        .watch(flagged.into_iter().map(|seen| seen.flagged(Flag::Calibration)))
        .await;
    for (from, humidity) in [("12:00", "90"), ("12:30", "90.1")] {
        let mut humid = minutes("site", from, "tsp", repeat("600", 15));
        for seen in &mut humid {
            seen.values
                .push(("humidity".to_owned(), humidity.to_owned(), Flag::Normal));
        }
        world.watch(humid).await;
    }
    // Neither is a street a site, nor is a value an hour a window of a quarter.
    world
        .watch(minutes("street", "10:00", "tsp", repeat("600", 15)))
        .await;
    world
        .watch([seen("hourly", "2019-08-06T10:00:00+08:00", &[("tsp", "600")])])
        .await;
    assert_eq!(
        world.evaluated().await,
        [
            "site|tsp_15min|08-06 10:00|08-06 10:15|1|600.0|600.0|500.0|false",
            "site|tsp_15min|08-06 12:00|08-06 12:15|1|600.0|600.0|500.0|false",
        ]
    );
}

#[tokio::test]
async fn twice_the_township_for_half_an_hour_is_an_alarm_and_for_a_quarter_is_none() {
    let mut world = world("").await;
    world
        .watch(minutes("street", "10:00", "tsp", repeat("100", 120)))
        .await;
    world
        .watch(minutes("site", "10:00", "tsp", repeat("200.1", 15)))
        .await;
    world
        .watch(minutes(
            "site",
            "10:30",
            "tsp",
            repeat("201", 15).chain(repeat("203", 15)),
        ))
        .await;
    // The other township has nobody to compare with.
    world
        .watch(minutes("far", "10:30", "tsp", repeat("400", 60)))
        .await;
    assert_eq!(
        world.evaluated().await,
        ["site|tsp_background|08-06 10:30|08-06 11:00|2|203.0|202.0|200.0|false"]
    );
}

#[tokio::test]
async fn a_stretch_over_midnight_is_one_alarm_that_goes_on() {
    let mut world = world("").await;
    world
        .watch(minutes("street", "23:30", "tsp", repeat("100", 60)))
        .await;
    // One window on either side of midnight: each alone would be too short for the rule with two.
    world
        .watch(minutes("site", "23:45", "tsp", repeat("300", 30)))
        .await;
    let expected = [
        "site|tsp_background|08-06 23:45|08-07 00:00|1|300.0|300.0|200.0|false",
        "site|tsp_background|08-07 00:00|08-07 00:15|1|300.0|300.0|200.0|true",
    ];
    assert_eq!(world.evaluated().await, expected);
    let only = |day: &str| AlarmRequest {
        period: Some(day.parse().unwrap()),
        ..AlarmRequest::default()
    };
    for day in ["2019-08-06", "2019-08-07"] {
        let report = world.evaluate(only(day)).await;
        assert_eq!(
            (report.days, report.changed_days),
            (1, 0),
            "{day} alone says the same"
        );
    }
}

#[tokio::test]
async fn regions_count_exceedances_a_day_and_take_the_background_off() {
    let mut world = world("regions = [\"shanghai\", \"hebei\"]").await;
    // Shanghai forgives six windows above 1.0 mg/m³ a day.
    world
        .watch(minutes("far", "08:00", "tsp", repeat("1001", 15 * 8)))
        .await;
    // Hebei: 160 in the district counts as 150, 230 is allowed; the third hour of a day above is an alarm.
    world
        .watch(minutes("street", "10:00", "pm10", repeat("160", 60 * 6)))
        .await;
    world
        .watch(minutes("site", "10:00", "pm10", repeat("230", 60)))
        .await;
    world
        .watch(minutes("site", "11:00", "pm10", repeat("231", 60 * 3)))
        .await;
    assert_eq!(
        world.evaluated().await,
        [
            "far|tsp_15min|08-06 09:30|08-06 10:00|2|1001.0|1001.0|1000.0|false",
            "site|pm10_hourly|08-06 13:00|08-06 14:00|1|231.0|231.0|230.0|false",
        ]
    );
}

#[tokio::test]
async fn noise_is_averaged_by_its_energy_and_the_night_goes_over_midnight() {
    let mut world = world("regions = [\"noise\"]").await;
    // Half the time 73 dB: 70.0 dB on the whole, a little less with silence, a little more with 50 dB between.
    let half = |quiet: &'static str, loud: &'static str| repeat(quiet, 10).chain(repeat(loud, 10));
    world
        .watch(minutes("site", "12:00", "noise", half("30", "73")))
        .await;
    world
        .watch(minutes("site", "12:20", "noise", half("55", "73")))
        .await;
    world
        .watch(minutes("site", "21:40", "noise", repeat("56", 20)))
        .await;
    world
        .watch(minutes("site", "22:00", "noise", repeat("55.1", 20)))
        .await;
    world
        .watch(minutes("site", "05:40", "noise", repeat("55.1", 40)))
        .await;
    assert_eq!(
        world.evaluated().await,
        [
            "site|noise_day|08-06 12:20|08-06 12:40|1|70.058|70.058|70.0|false",
            "site|noise_night|08-06 05:40|08-06 06:00|1|55.1|55.1|55.0|false",
            "site|noise_night|08-06 22:00|08-06 22:20|1|55.1|55.1|55.0|false",
        ]
    );
}

#[tokio::test]
async fn a_window_that_is_not_over_says_nothing_yet() {
    let mut world = world("").await;
    // Twelve minutes of a quarter are enough, and the last three would have made it none.
    world
        .watch(minutes("site", "10:00", "tsp", repeat("600", 12)))
        .await;
    let at = |clock: &str| AlarmRequest {
        until: Some(local(clock)),
        ..AlarmRequest::default()
    };
    world.evaluate(at("10:12")).await;
    assert_eq!(world.alarms().await, [""; 0]);
    world.watch(minutes("site", "10:12", "tsp", repeat("0", 3))).await;
    world
        .watch(minutes("far", "10:00", "tsp", repeat("600", 12)))
        .await;
    world.evaluate(at("10:15")).await;
    let expected = ["far|tsp_15min|08-06 10:00|08-06 10:15|1|600.0|600.0|500.0|false"];
    assert_eq!(world.alarms().await, expected);
}

#[tokio::test]
async fn alarms_outlive_the_observations_that_retention_removes() {
    let mut world = world("").await;
    world
        .watch(minutes("site", "10:00", "tsp", repeat("600", 15)))
        .await;
    let later = minutes("site", "10:00", "tsp", repeat("600", 15))
        .into_iter()
        .map(|mut seen| {
            seen.time = seen.time.plus_micros(5 * 24 * 60 * MINUTE);
            seen
        });
    world.watch(later).await;
    let before = world.evaluated().await;
    assert_eq!(before.len(), 2);
    world
        .lake
        .remove_days_before(TableKind::Observations, 18_117)
        .await
        .unwrap();
    assert_eq!(world.evaluated().await, before);
    world
        .evaluate(AlarmRequest {
            rebuild: true,
            ..AlarmRequest::default()
        })
        .await;
    assert_eq!(world.alarms().await, before);
}

#[tokio::test]
async fn news_are_what_changed_between_two_versions() {
    let mut world = world("").await;
    world
        .watch(minutes("site", "10:00", "tsp", repeat("600", 15)))
        .await;
    let first = world.evaluate(AlarmRequest::default()).await.version.unwrap();
    world
        .watch(minutes("site", "10:15", "tsp", repeat("600", 15)))
        .await;
    world
        .watch(minutes("far", "10:15", "tsp", repeat("600", 15)))
        .await;
    let second = world.evaluate(AlarmRequest::default()).await.version.unwrap();
    // A correction: the first quarter was no exceedance, so the alarm begins later.
    let corrected = minutes("site", "10:00", "tsp", repeat("60", 15));
    world
        .watch(corrected.into_iter().map(|seen| seen.received_after(60)))
        .await;
    let third = world.evaluate(AlarmRequest::default()).await.version.unwrap();
    let told = async |old: Option<u64>, new: u64, since: &str| -> Vec<String> {
        let news = alarm_news(&world.lake, &world.settings, old, new, time(since))
            .await
            .unwrap();
        let line = |event: &dustwatch_analytics::AlarmEvent| {
            let state = match event.state {
                AlarmState::Raised => "raised",
                AlarmState::Withdrawn => "withdrawn",
            };
            format!("{state} {} {} {}", event.device, event.rule, event.started_at)
        };
        news.iter().map(line).collect()
    };
    let morning = "2019-08-06T00:00:00+08:00";
    assert_eq!(
        told(None, first, morning).await,
        ["raised site tsp_15min 2019-08-06T10:00:00+08:00"]
    );
    assert_eq!(
        told(Some(first), second, morning).await,
        ["raised far tsp_15min 2019-08-06T10:15:00+08:00"],
        "one that only lasts longer is no news"
    );
    assert_eq!(
        told(Some(second), third, morning).await,
        [
            "withdrawn site tsp_15min 2019-08-06T10:00:00+08:00",
            "raised site tsp_15min 2019-08-06T10:15:00+08:00",
        ]
    );
    assert_eq!(told(None, third, "2019-08-06T11:00:00+08:00").await, [""; 0]);
}

#[tokio::test]
async fn nothing_new_commits_nothing_and_other_rules_make_everything_anew() {
    let mut world = world("").await;
    let empty = world.evaluate(AlarmRequest::default()).await;
    assert_eq!(
        (empty.source_version, empty.days),
        (Some(0), 0),
        "an empty table is a version"
    );
    world
        .watch(minutes("site", "10:00", "tsp", repeat("600", 15)))
        .await;
    let first = world.evaluate(AlarmRequest::default()).await;
    assert_eq!(
        world.evaluate(AlarmRequest::default()).await.version,
        first.version
    );
    world.settings.alarm = alarm("regions = [\"liaoning\"]");
    assert_eq!(world.evaluated().await, [""; 0]);
    world.settings.alarm = alarm("");
    assert_eq!(world.evaluated().await.len(), 1);
    assert!(world.lake.version(TableKind::Alarms).await.unwrap() > first.version);
}

/// Microseconds of a local time of 2019-08-06.
pub(crate) fn local(text: &str) -> Time {
    time(&format!("2019-08-06T{text}:00+08:00"))
}
