//! Quality control: each test on tables that fit a screen.
#![allow(clippy::unwrap_used)]

mod common;

use common::World;
use common::qc::{Seen, seen, seen_at};
use common::time;
use dustwatch_observation::Flag;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;

/// Monitors of every kind: hourly, by the minute, in the mountains, light-scattering.
const STATIONS: [&str; 5] = [
    "h,township,t1,1h,BAM-1020,39.90,116.10",
    "m,site,t1,1m,LS-TSP,39.91,116.10",
    "top,township,t2,1h,BAM-1020,39.95,115.50",
    "beta,site,t1,1m,BAM-1020,39.92,116.10",
    "flat,township,t1,1h,BAM-1020,39.93,116.10",
];

/// One value of a parameter at each hour, or minute, from local midnight of 2019-08-06 on.
fn series(device: &str, step: i64, parameter: &str, values: &[&str]) -> Vec<Seen> {
    let start = time("2019-08-06T00:00:00+08:00").as_micros();
    (0..)
        .zip(values)
        .map(|(i, value)| seen_at(device, start + i * step, &[(parameter, *value)]))
        .collect()
}

#[tokio::test]
async fn q1_tells_what_no_sensor_can_have_read() {
    let mut world = World::controlled(&STATIONS).await;
    let at = |device, hour: u32, values: &[(&str, &str)]| {
        seen(device, &format!("2019-08-06T{hour:02}:00:00+08:00"), values)
    };
    world
        .watch([
            at(
                "h",
                0,
                &[("pm25", "5000"), ("tsp", "20000.1"), ("temperature", "-40")],
            ),
            at(
                "h",
                1,
                &[("pm25", "-0.1"), ("humidity", "100.1"), ("pressure", "79.99")],
            ),
            at(
                "h",
                2,
                &[("pressure", "80"), ("wind_direction", "361"), ("noise", "19.9")],
            ),
            at("h", 3, &[("pm10", "5000.1")]).flagged(Flag::Fault),
            at("top", 1, &[("pressure", "79.99")]),
            at("top", 2, &[("pressure", "74.99")]),
            at("stranger", 1, &[("pressure", "79.99")]),
        ])
        .await;
    world.control().await;
    assert_eq!(
        world.flags("q1").await,
        [
            "h|08-06 00:00|tsp|invalid|20000.1 is above 20000.0",
            "h|08-06 01:00|humidity|invalid|100.1 is above 100.0",
            "h|08-06 01:00|pm25|invalid|-0.1 is below 0.0",
            "h|08-06 01:00|pressure|invalid|79.99 is below 80.0",
            "h|08-06 02:00|noise|invalid|19.9 is below 20.0",
            "h|08-06 02:00|wind_direction|invalid|361.0 is above 360.0",
            "stranger|08-06 01:00|pressure|invalid|79.99 is below 80.0",
            "top|08-06 02:00|pressure|invalid|74.99 is below 75.0",
        ]
    );
}

#[tokio::test]
async fn q2_tells_a_value_that_stays_for_six_hours_or_an_hour_of_minutes() {
    let mut world = World::controlled(&STATIONS).await;
    world.watch(series("h", HOUR, "tsp", &["7"; 5])).await;
    world.watch(series("top", HOUR, "tsp", &["7"; 6])).await;
    world.watch(series("m", MINUTE, "pm10", &["7"; 60])).await;
    world.watch(series("beta", MINUTE, "pm10", &["7"; 59])).await;
    world
        .watch(series("calm", MINUTE, "wind_speed", &["0"; 70]))
        .await;
    world.control().await;
    let flags = world.flags("q2").await;
    assert_eq!(flags.len(), 66);
    assert_eq!(flags[0], "m|08-06 00:00|pm10|suspect|7.0 for 60 min or longer");
    assert_eq!(flags[65], "top|08-06 05:00|tsp|suspect|7.0 for 360 min or longer");
}

#[tokio::test]
async fn q2_runs_go_over_midnight_and_end_at_gaps_other_values_and_device_flags() {
    let mut world = World::controlled(&STATIONS).await;
    let at = |day: u32, hour: u32| {
        seen(
            "h",
            &format!("2019-08-{day:02}T{hour:02}:00:00+08:00"),
            &[("tsp", "7")],
        )
    };
    // Three hours on either side of midnight.
    world
        .watch((21..24).map(|h| at(5, h)).chain((0..3).map(|h| at(6, h))))
        .await;
    // Six hours with a gap of four; six hours of which the device doubts one counts as five with a gap of two.
    world.watch([1, 2, 3, 7, 8, 9].map(|h| at(10, h))).await;
    world
        .watch((0..6).map(|h| {
            if h == 3 {
                at(15, h).flagged(Flag::Maintenance)
            } else {
                at(15, h)
            }
        }))
        .await;
    world.control().await;
    let flags = world.flags("q2").await;
    let times: Vec<&str> = flags.iter().map(|flag| &flag[2..13]).collect();
    assert_eq!(
        times,
        [
            "08-05 21:00",
            "08-05 22:00",
            "08-05 23:00",
            "08-06 00:00",
            "08-06 01:00",
            "08-06 02:00",
            "08-15 00:00",
            "08-15 01:00",
            "08-15 02:00",
            "08-15 04:00",
            "08-15 05:00"
        ],
        "a missing or doubted hour does not end a run, a gap of more than three intervals does"
    );
}

#[tokio::test]
async fn q3_tells_a_moment_that_stands_out() {
    let mut world = World::controlled(&STATIONS).await;
    let calm = ["30"; 12];
    let mut spike = calm;
    spike[6] = "230.1";
    world.watch(series("h", HOUR, "tsp", &spike)).await;
    spike[6] = "230";
    world.watch(series("top", HOUR, "tsp", &spike)).await;
    // Noise is no particle, and a neighbourhood that varies by itself has no spikes.
    spike[6] = "1000";
    world.watch(series("flat", HOUR, "noise", &spike)).await;
    let rough = [
        "100", "400", "150", "500", "90", "420", "700", "130", "480", "60", "300",
    ];
    world.watch(series("m", MINUTE, "pm10", &rough)).await;
    // Six values at least: five here.
    world
        .watch(series("beta", MINUTE, "pm10", &["30", "30", "900", "30", "30"]))
        .await;
    world.control().await;
    assert_eq!(
        world.flags("q3").await,
        ["h|08-06 06:00|tsp|suspect|230.1 among values around 30.0"]
    );
}

#[tokio::test]
async fn q4_tells_that_the_part_is_more_than_the_whole() {
    let mut world = World::controlled(&STATIONS).await;
    let at = |hour: u32, pm25, pm10, tsp| {
        let values = [("pm25", pm25), ("pm10", pm10), ("tsp", tsp)];
        seen("h", &format!("2019-08-06T{hour:02}:00:00+08:00"), &values)
    };
    world
        .watch([
            at(0, "115", "100", "100"),
            at(1, "115.1", "100", "100"),
            at(2, "50", "120.1", "100"),
            // Domain reference 1.3, frame E: PM10 295, PM2.5 207, TSP 217.
            at(3, "207", "295", "217"),
            // Frame D: TSP 0, PM10 24, PM2.5 23.
            at(4, "23", "24", "0"),
            at(5, "500", "100", "50"),
        ])
        .await;
    world.control().await;
    assert_eq!(
        world.flags("q4").await,
        [
            "h|08-06 01:00|pm10|suspect|pm25 115.1 against pm10 100.0",
            "h|08-06 01:00|pm25|suspect|pm25 115.1 against pm10 100.0",
            "h|08-06 02:00|pm10|suspect|pm10 120.1 against tsp 100.0",
            "h|08-06 02:00|tsp|suspect|pm10 120.1 against tsp 100.0",
            "h|08-06 03:00|pm10|suspect|pm10 295.0 against tsp 217.0",
            "h|08-06 03:00|tsp|suspect|pm10 295.0 against tsp 217.0",
            "h|08-06 04:00|pm10|suspect|pm10 24.0 against tsp 0.0",
            "h|08-06 04:00|tsp|suspect|pm10 24.0 against tsp 0.0",
            "h|08-06 05:00|pm10|suspect|pm25 500.0 against pm10 100.0, pm10 100.0 against tsp 50.0",
            "h|08-06 05:00|pm25|suspect|pm25 500.0 against pm10 100.0",
            "h|08-06 05:00|tsp|suspect|pm10 100.0 against tsp 50.0",
        ]
    );
}

#[tokio::test]
async fn q5_tells_days_of_computed_tsp() {
    let mut world = World::controlled(&STATIONS).await;
    let pm10 = |hour: i64| 300 + (hour * 7919) % 500;
    let day = |device: &str, hours: i64, tsp: &dyn Fn(i64) -> i64| -> Vec<Seen> {
        let start = time("2019-08-06T00:00:00+08:00").as_micros();
        (0..hours)
            .map(|hour| {
                let (pm10, tsp) = (common::qc::tenths(pm10(hour)), common::qc::tenths(tsp(hour)));
                seen_at(device, start + hour * HOUR, &[("pm10", &pm10), ("tsp", &tsp)])
            })
            .collect()
    };
    // As gateways do it: TSP = 1.1 × PM10, to the tenth.
    world
        .watch(day("h", 24, &|hour| (pm10(hour) * 11 + 5) / 10))
        .await;
    // Measured: another tenth of the value now and then.
    world
        .watch(day("top", 24, &|hour| pm10(hour) * 13 / 10 + (hour * 31) % 40))
        .await;
    // Too few pairs of a day; a constant.
    world.watch(day("x", 24, &|hour| pm10(hour) * 11 / 10)).await;
    world.watch(day("flat", 24, &|_| 500)).await;
    world.control().await;
    let flags = world.flags("q5").await;
    assert_eq!(flags.len(), 24, "{flags:?}");
    assert!(
        flags.iter().all(|flag| flag.starts_with("h|")
            && flag.contains("|tsp|invalid|tsp_derived: ")
            && flag.contains("1.1")
            && flag.contains(" × pm10, residual ")),
        "{}",
        flags[0]
    );
}

#[tokio::test]
async fn q6_tells_hours_of_disagreement_with_three_neighbours() {
    let stations = [
        "a,township,t1,1h,,39.90,116.10",
        "b,township,t1,1h,,39.91,116.10",
        "c,township,t1,1h,,39.92,116.10",
        "d,township,t1,1h,,39.93,116.10",
        "s,site,t1,1h,,39.90,116.10",
    ];
    let mut world = World::controlled(&stations).await;
    let far = ["50", "77", "77", "77", "50", "77", "77", "50"];
    world.watch(series("a", HOUR, "pm25", &far)).await;
    for (device, value) in [("b", "50"), ("c", "51"), ("d", "49")] {
        world.watch(series(device, HOUR, "pm25", &[value; 8])).await;
    }
    // A site is not compared with township stations.
    world.watch(series("s", HOUR, "pm25", &["900"; 8])).await;
    world.control().await;
    assert_eq!(
        world.flags("q6").await,
        [
            "a|08-06 01:00|pm25|note|77.0 against 50.0 around, z 3.6",
            "a|08-06 02:00|pm25|note|77.0 against 50.0 around, z 3.6",
            "a|08-06 03:00|pm25|note|77.0 against 50.0 around, z 3.6",
        ],
        "two hours are not three"
    );
}

#[tokio::test]
async fn q7_tells_a_wrong_clock_from_a_late_delivery() {
    let mut world = World::controlled(&STATIONS).await;
    let minutes = |device: &str, delay: &dyn Fn(i64) -> i64| -> Vec<Seen> {
        let start = time("2019-08-06T08:00:00+08:00").as_micros();
        (0..5)
            .map(|i| seen_at(device, start + i * MINUTE, &[("tsp", "7.5")]).received_after(delay(i)))
            .collect()
    };
    world.watch(minutes("m", &|_| 721)).await;
    // Everything of an outage arrives at once.
    world.watch(minutes("beta", &|i| 180 - i)).await;
    world.watch(minutes("fast", &|_| -11)).await;
    world.watch(minutes("fine", &|_| 10)).await;
    // Hourly feeds are sent when their hour is over.
    world
        .watch(
            series("h", HOUR, "tsp", &["1", "2", "3"])
                .into_iter()
                .map(|s| s.received_after(65)),
        )
        .await;
    world.control().await;
    let flags = world.flags("q7").await;
    assert_eq!(flags.len(), 11, "{flags:?}");
    assert_eq!(
        flags[0],
        "beta|08-06 08:00|*|note|5 observations, up to 180 min late"
    );
    assert_eq!(flags[1], "fast|08-06 08:00|tsp|suspect|the clock is 11 min ahead");
    assert_eq!(
        flags[6],
        "m|08-06 08:00|*|note|1 observations, up to 721 min late"
    );
    assert_eq!(
        flags[7],
        "m|08-06 08:01|tsp|suspect|the clock is 721 min behind: twelve_hour_clock"
    );
}

#[tokio::test]
async fn q8_notes_backfill_by_the_hour() {
    let mut world = World::controlled(&STATIONS).await;
    let start = time("2019-08-06T08:30:00+08:00").as_micros();
    let late =
        |i: i64, hours: i64| seen_at("m", start + i * MINUTE, &[("tsp", "7.5")]).received_after(hours * 60);
    world.watch((0..60).map(|i| late(i, 49))).await;
    world.watch([late(60, 48)]).await;
    world.control().await;
    assert_eq!(
        world.flags("q8").await,
        [
            "m|08-06 08:00|*|note|30 observations, up to 49 h late",
            "m|08-06 09:00|*|note|30 observations, up to 49 h late",
        ]
    );
}

#[tokio::test]
async fn q9_notes_light_scattering_in_humid_air_or_doubts_it() {
    let mut world = World::controlled(&STATIONS).await;
    let at = |device: &str, minute: u32, humidity: &str| {
        let values = [
            ("tsp", "80"),
            ("pm25", "20"),
            ("humidity", humidity),
            ("noise", "50"),
        ];
        seen(device, &format!("2019-08-06T08:{minute:02}:00+08:00"), &values)
    };
    world
        .watch([
            at("m", 0, "84.9"),
            at("m", 1, "85"),
            at("m", 2, "91.2"),
            at("beta", 1, "99"),
        ])
        .await;
    world.watch([at("m", 3, "95").flagged(Flag::Fault)]).await;
    world.control().await;
    assert_eq!(
        world.flags("q9").await,
        [
            "m|08-06 08:00|pm25|note|2 values, humidity up to 91.2 %",
            "m|08-06 08:00|tsp|note|2 values, humidity up to 91.2 %",
        ]
    );
    world.settings.qc.thresholds.humid_is_suspect = true;
    assert_eq!(
        world.control().await.changed_days,
        1,
        "other settings make other flags"
    );
    assert_eq!(
        world.flags("q9").await,
        [
            "m|08-06 08:01|pm25|suspect|1 values, humidity up to 85.0 %",
            "m|08-06 08:01|tsp|suspect|1 values, humidity up to 85.0 %",
            "m|08-06 08:02|pm25|suspect|1 values, humidity up to 91.2 %",
            "m|08-06 08:02|tsp|suspect|1 values, humidity up to 91.2 %",
        ]
    );
}

#[tokio::test]
async fn q11_tells_a_device_without_sensors() {
    let mut world = World::controlled(&STATIONS).await;
    let at = |minute: u32, values: &[(&str, &str)]| {
        seen("m", &format!("2018-08-21T14:{minute:02}:00+08:00"), values)
    };
    // Domain reference 1.3, frame C: every factor is zero.
    let all = "pm25 pm10 tsp noise temperature humidity pressure wind_speed wind_direction";
    let all: Vec<(&str, &str)> = all.split(' ').map(|key| (key, "0")).collect();
    world
        .watch([
            at(25, &all),
            at(26, &[("tsp", "0"), ("pm10", "0")]),
            at(27, &[("tsp", "0")]),
            at(28, &[("tsp", "0"), ("pm10", "0"), ("noise", "41.5")]),
        ])
        .await;
    world.control().await;
    let flags = world.flags("q11").await;
    assert_eq!(flags.len(), 11);
    assert_eq!(flags[0], "m|08-21 14:25|humidity|invalid|all 9 values are 0");
    assert_eq!(flags[9], "m|08-21 14:26|pm10|invalid|all 2 values are 0");
}
