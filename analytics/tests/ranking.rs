//! Rankings against the worked numbers of the field.
#![allow(clippy::unwrap_used)]

mod common;

use common::{World, cells, day, days, hours, row};
use dustwatch_analytics::{Order, RANKING_COLUMNS, RankRequest, Scope, Source, SourceChoice, Table};
use dustwatch_observation::Flag;

const RANKS: [&str; 5] = ["rank", "rank_worst", "township_code", "value", "status"];

/// `count` townships `t00`, `t01`, … of the district, each with one hourly station `s00`, `s01`, …
async fn row_of_townships(count: usize) -> World {
    let townships: Vec<String> = (0..count).map(|i| format!("t{i:02},镇{i:02},110109")).collect();
    let stations: Vec<String> = (0..count)
        .map(|i| format!("s{i:02},township,t{i:02},1h,,"))
        .collect();
    let texts = |list: &[String]| -> Vec<&'static str> { list.iter().map(|s| &*s.clone().leak()).collect() };
    World::new(&texts(&townships), &texts(&stations)).await
}

#[tokio::test]
async fn days_are_averaged_before_stations() {
    let stations = ["a,township,t1,1h,,", "b,township,t1,1h,,"];
    let mut world = World::with(&["t1,大峪街道,110109"], &stations, 1).await;
    for (device, date, value) in [
        ("a", "2019-08-01", "40"),
        ("a", "2019-08-02", "50"),
        ("a", "2019-08-03", "60"),
        ("b", "2019-08-01", "80"),
    ] {
        world.append(day(device, date, "pm25", value)).await;
    }
    let ranking = world.rank("pm25", "2019-08-01..2019-08-03").await;
    assert_eq!(
        cells(&ranking, &["value", "mean", "stations", "valid_days"]),
        ["56.7|56.666666667|2|3"]
    );
}

#[tokio::test]
async fn equal_values_share_a_rank() {
    // Beijing, PM2.5 from January to June 2019, 17 rows.
    let values = [38, 39, 40, 41, 42, 44, 45, 45, 47, 48, 48, 48, 48, 48, 49, 49, 50];
    let mut world = row_of_townships(values.len()).await;
    let rows = values.iter().enumerate();
    world
        .append(rows.flat_map(|(i, v)| day(&format!("s{i:02}"), "2019-06-30", "pm25", &v.to_string())))
        .await;
    let ranking = world.rank("pm25", "2019-06-30").await;
    let ranks: Vec<u32> = ranking.rows.iter().map(|r| r.rank.unwrap()).collect();
    assert_eq!(ranks, [1, 2, 3, 4, 5, 6, 7, 7, 9, 10, 10, 10, 10, 10, 15, 15, 17]);
    let worst: Vec<u32> = ranking.rows.iter().map(|r| r.rank_worst.unwrap()).collect();
    assert_eq!(worst, [17, 16, 15, 14, 13, 12, 10, 10, 9, 4, 4, 4, 4, 4, 2, 2, 1]);
}

#[tokio::test]
async fn ties_are_printed_by_unrounded_mean_then_by_code_and_worst_is_the_reverse() {
    let mut world = row_of_townships(4).await;
    // t00 and t02 are equal to the last digit, t01 is lower but rounds to the same, t03 is higher.
    for (device, value) in [("s00", "48.2"), ("s01", "48.1"), ("s02", "48.2"), ("s03", "52")] {
        world.append(day(device, "2019-08-06", "tsp", value)).await;
    }
    let best = world.rank("tsp", "2019-08-06").await;
    assert_eq!(
        cells(&best, &RANKS),
        [
            "1|2|t01|48|ranked",
            "1|2|t00|48|ranked",
            "1|2|t02|48|ranked",
            "4|1|t03|52|ranked"
        ]
    );
    let request = RankRequest {
        order: Order::Worst,
        ..RankRequest::new("tsp", best.period)
    };
    let worst = world.rank_by(&request).await;
    let reversed: Vec<_> = best.rows.iter().rev().cloned().collect();
    assert_eq!(worst.rows, reversed);
}

#[tokio::test]
async fn rounding_is_half_to_even_once() {
    let mut world = row_of_townships(4).await;
    for (device, low, high) in [
        ("s00", "48", "49"),
        ("s01", "49", "50"),
        ("s02", "48.4", "48.6"),
        ("s03", "15.4", "15.5"),
    ] {
        world.append(hours(device, "2019-08-06", "pm25", low, 12)).await;
        let evening = day(device, "2019-08-06", "pm25", high).into_iter().skip(12);
        world.append(evening).await;
    }
    let ranking = world.rank("pm25", "2019-08-06").await;
    let figures = cells(&ranking, &["township_code", "value", "mean"]);
    assert_eq!(
        figures,
        [
            "t03|15|15.450000000",
            "t00|48|48.500000000",
            "t02|48|48.500000000",
            "t01|50|49.500000000"
        ]
    );
    // A mean of thirds that is a tie is a tie, whatever its last bits are.
    let mut world = row_of_townships(1).await;
    for (date, value) in [
        ("2019-08-01", "48.3"),
        ("2019-08-02", "48.6"),
        ("2019-08-03", "48.6"),
    ] {
        world.append(day("s00", date, "pm25", value)).await;
    }
    let ranking = world.rank("pm25", "2019-08-01..2019-08-03").await;
    assert_eq!(cells(&ranking, &["value", "mean"]), ["48|48.500000000"]);
}

#[tokio::test]
async fn changes_are_computed_from_published_values() {
    // Published: 51 against 58, 42 against 46, 78 against 84, 6 against 8, 46 against 53; the last from nothing.
    let pairs = [
        ("51.4", "57.6"),
        ("42", "46"),
        ("78", "84"),
        ("6", "8"),
        ("46", "53"),
        ("30", "0"),
        ("30", ""),
    ];
    let mut world = row_of_townships(pairs.len()).await;
    for (i, (now, before)) in pairs.iter().enumerate() {
        let device = format!("s{i:02}");
        world.append(day(&device, "2019-08-06", "pm25", now)).await;
        if !before.is_empty() {
            world.append(day(&device, "2019-08-05", "pm25", before)).await;
            world.append(day(&device, "2018-08-06", "pm25", before)).await;
        }
    }
    let mut rows = cells(
        &world.rank("pm25", "2019-08-06").await,
        &[
            "township_code",
            "previous_value",
            "change_percent",
            "last_year_value",
            "last_year_percent",
            "previous_rank",
            "rank_change",
        ],
    );
    rows.sort();
    assert_eq!(
        rows,
        [
            "t00|58|-12.1|58|-12.1|5|-1",
            "t01|46|-8.7|46|-8.7|3|-1",
            "t02|84|-7.1|84|-7.1|6|-1",
            "t03|8|-25.0|8|-25.0|2|1",
            "t04|53|-13.2|53|-13.2|4|-1",
            "t05|0||0||1|-1",
            "t06||||||",
        ]
    );
}

#[tokio::test]
async fn who_has_too_little_data_is_listed_last_without_a_rank() {
    let mut world = row_of_townships(4).await;
    world
        .append(days("s00", "2019-08-05", "2019-08-11", "tsp", "60"))
        .await;
    world
        .append(days("s01", "2019-08-05", "2019-08-08", "tsp", "10"))
        .await; // four days of the five that a week needs
    world
        .append(days("s02", "2019-08-05", "2019-08-09", "tsp", "90"))
        .await;
    let ranking = world.rank("tsp", "2019-W32").await;
    let columns = [
        "rank",
        "township_code",
        "value",
        "mean",
        "stations",
        "valid_days",
        "cumulative_value",
        "status",
    ];
    assert_eq!(
        cells(&ranking, &columns),
        [
            "1|t00|60|60.000000000|1|7|60|ranked",
            "2|t02|90|90.000000000|1|5|90|ranked",
            "|t01|||1|4|10|insufficient_data",
            "|t03|||0|0||insufficient_data",
        ]
    );
    let request = RankRequest {
        order: Order::Worst,
        ..RankRequest::new("tsp", ranking.period)
    };
    let codes: Vec<_> = world
        .rank_by(&request)
        .await
        .rows
        .into_iter()
        .map(|r| r.township_code)
        .collect();
    assert_eq!(codes, ["t02", "t00", "t01", "t03"]);
}

#[tokio::test]
async fn a_day_needs_its_hours_and_an_hour_its_observations() {
    let mut world = World::new(
        &["t1,甲,110109", "t2,乙,110109", "t3,丙,110109"],
        &["a,township,t1,1h,,", "b,township,t2,1h,,", "c,township,t3,1m,,"],
    )
    .await;
    world.append(hours("a", "2019-08-06", "pm25", "10", 19)).await;
    world.append(hours("b", "2019-08-06", "pm25", "10", 20)).await;
    // c: twenty hours; one of them has 44 of 60 minutes, so that nineteen are valid.
    let minutes = |hour: u32, count: u32| {
        (0..count).map(move |m| {
            row(
                "c",
                &format!("2019-08-06T{hour:02}:{m:02}:00+08:00"),
                "pm25",
                "10",
            )
        })
    };
    world.append((0..19).flat_map(|hour| minutes(hour, 45))).await;
    world.append(minutes(19, 44)).await;
    let rows = cells(
        &world.rank("pm25", "2019-08-06").await,
        &["township_code", "valid_days"],
    );
    assert_eq!(rows, ["t2|1", "t1|0", "t3|0"]);
    world.append(minutes(19, 45).skip(44)).await;
    let rows = cells(
        &world.rank("pm25", "2019-08-06").await,
        &["township_code", "valid_days"],
    );
    assert_eq!(rows, ["t2|1", "t3|1", "t1|0"]);
}

#[tokio::test]
async fn only_township_stations_that_stood_there_count() {
    let mut world = World::new(
        &["t1,甲,110109", "t2,乙,110109", "x1,丙,110108"],
        &[
            "a,township,t1,1h,,2019-08-06",
            "a,township,t2,1h,2019-08-07,",
            "site,site,t1,1h,,",
            "road,road,t1,1h,,",
            "ref,reference,t1,1h,,",
            "far,township,x1,1h,,",
        ],
    )
    .await;
    for (device, value) in [
        ("a", "30"),
        ("site", "900"),
        ("road", "500"),
        ("ref", "700"),
        ("far", "20"),
        ("unknown", "1"),
    ] {
        world
            .append(days(device, "2019-08-06", "2019-08-07", "tsp", value))
            .await;
    }
    let first = world.rank("tsp", "2019-08-06").await;
    assert_eq!(
        cells(&first, &["rank", "township_code", "value", "stations"]),
        ["1|t1|30|1", "|t2||0"]
    );
    let second = world.rank("tsp", "2019-08-07").await;
    assert_eq!(
        cells(&second, &["rank", "township_code", "value", "previous_value"]),
        ["1|t2|30|", "|t1||30"]
    );
    let city = RankRequest {
        scope: Scope::City,
        ..RankRequest::new("tsp", second.period)
    };
    let city = world.rank_by(&city).await;
    assert_eq!(
        cells(&city, &["rank", "township_code", "value"]),
        ["1|x1|20", "2|t2|30", "|t1|"]
    );
}

#[tokio::test]
async fn a_local_day_ends_at_16_utc() {
    let mut world = row_of_townships(1).await;
    world.append(day("s00", "2019-08-06", "pm25", "40")).await;
    world
        .append([
            row("s00", "2019-08-05T15:59:59Z", "pm25", "900"),
            row("s00", "2019-08-06T16:00:00Z", "pm25", "900"),
        ])
        .await;
    let ranking = world.rank("pm25", "2019-08-06").await;
    assert_eq!(cells(&ranking, &["value", "valid_days"]), ["40|1"]);
    let hours = world
        .lines("SELECT local_time(hour), month FROM hourly WHERE mean = 900 ORDER BY hour")
        .await;
    assert_eq!(
        hours,
        ["2019-08-05T23:00:00|2019-08", "2019-08-07T00:00:00|2019-08"]
    );
    let days = world
        .lines("SELECT count(*) FROM hourly WHERE local_day(hour) = DATE '2019-08-06'")
        .await;
    assert_eq!(days, ["24"]);
}

#[tokio::test]
async fn flagged_values_do_not_count() {
    let mut world = row_of_townships(1).await;
    let mut rows = day("s00", "2019-08-06", "tsp", "100");
    for row in &mut rows[20..] {
        row.value = "5000".to_owned();
        row.flag = Flag::Fault;
    }
    world.append(rows).await;
    let ranking = world.rank("tsp", "2019-08-06").await;
    assert_eq!(cells(&ranking, &["value", "valid_days"]), ["100|1"]);
    assert_eq!(
        world.lines("SELECT count(*), max(max) FROM hourly").await,
        ["20|100.0"]
    );
}

#[tokio::test]
async fn the_year_so_far_has_no_minimum() {
    let mut world = row_of_townships(1).await;
    world
        .append(days("s00", "2018-12-30", "2019-01-02", "pm25", "90"))
        .await;
    world
        .append(days("s00", "2019-01-31", "2019-02-25", "pm25", "30"))
        .await;
    let ranking = world.rank("pm25", "2019-02").await;
    // 2 days of 90 and 26 of 30 since 1 January; February has its 25 days, January not its 27.
    let columns = ["value", "valid_days", "previous_value", "cumulative_value"];
    assert_eq!(cells(&ranking, &columns), ["30|25||34"]);
    let week = world.rank("pm25", "2019-W01").await;
    assert_eq!(
        cells(&week, &["status", "valid_days", "cumulative_value"]),
        ["insufficient_data|3|90"]
    );
}

#[tokio::test]
async fn the_newest_observations_answer_even_when_the_rollup_is_behind() {
    let mut world = row_of_townships(2).await;
    world
        .append(days("s00", "2019-08-05", "2019-08-06", "tsp", "50"))
        .await;
    world
        .append(days("s01", "2019-08-05", "2019-08-06", "tsp", "60"))
        .await;
    let request = RankRequest::new("tsp", "2019-08-06".parse().unwrap());
    let ask = async |world: &World, request: &RankRequest| {
        dustwatch_analytics::rank(&world.lake, &world.settings, request).await
    };
    let raw = ask(&world, &request).await.unwrap();
    assert_eq!(raw.provenance.source, Source::Raw);
    assert_eq!(raw.provenance.hourly_version, None);
    world.roll_up().await;
    let rolled = ask(&world, &request).await.unwrap();
    assert_eq!(rolled.provenance.source, Source::Rollup);
    assert_eq!(rolled.rows, raw.rows);

    let mut late = day("s00", "2019-08-06", "tsp", "90");
    late.iter_mut()
        .for_each(|row| row.received = common::time("2020-01-01T00:00:00Z"));
    world.append(late).await;
    let mended = ask(&world, &request).await.unwrap();
    assert_eq!(mended.provenance.source, Source::RollupAndRaw);
    let columns = ["rank", "township_code", "value", "previous_value"];
    assert_eq!(cells(&mended, &columns), ["1|t01|60|60", "2|t00|90|50"]);
    let refused = ask(
        &world,
        &RankRequest {
            source: SourceChoice::Rollup,
            ..request.clone()
        },
    )
    .await
    .unwrap_err();
    assert!(
        refused.to_string().contains("run `dustwatch rollup` first"),
        "{refused}"
    );
    world.roll_up().await;
    assert_eq!(ask(&world, &request).await.unwrap().rows, mended.rows);

    // A notice made again names the version that it printed.
    let version = rolled.provenance.observations_version;
    let again = ask(
        &world,
        &RankRequest {
            observations_version: version,
            ..request.clone()
        },
    )
    .await
    .unwrap();
    assert_eq!(again, rolled);
}

#[tokio::test]
async fn what_is_not_ranked_is_told() {
    let world = row_of_townships(1).await;
    let ask = async |parameter: &str| {
        let request = RankRequest::new(parameter, "2019-08".parse().unwrap());
        dustwatch_analytics::rank(&world.lake, &world.settings, &request).await
    };
    assert_eq!(
        ask("dustfall").await.unwrap_err().to_string(),
        "no dustfall measurements have been imported"
    );
    let error = ask("noise").await.unwrap_err().to_string();
    assert_eq!(
        error,
        "parameter \"noise\" is not ranked; ranked are tsp, pm25, pm10, dustfall"
    );
    let empty = ask("tsp").await.unwrap();
    assert_eq!(cells(&empty, &RANKS), ["||t00||insufficient_data"]);
}

#[tokio::test]
async fn the_csv_has_the_columns_of_the_contract() {
    let mut world = row_of_townships(1).await;
    world.append(day("s00", "2019-08-06", "pm25", "35.2")).await;
    let table = Table::from_ranking(&world.rank("pm25", "2019-08-06").await);
    assert_eq!(
        table.to_csv(),
        "rank,rank_worst,township_code,township,value,mean,stations,valid_days,previous_value,change_percent,\
         previous_rank,rank_change,last_year_value,last_year_percent,cumulative_value,status,last,day_min_hours\n\
         1,1,t00,镇00,35,35.200000000,1,1,,,,,,,35,ranked,true,20\n"
    );
    assert_eq!(table.headers, RANKING_COLUMNS);
    assert!(
        table
            .to_json()
            .starts_with("[\n{\"rank\":1,\"rank_worst\":1,\"township_code\":\"t00\""),
        "{}",
        table.to_json()
    );
}
