//! The rollup: a function of the observations, brought up to date day by day.
#![allow(clippy::unwrap_used)]

mod common;

use common::{World, day, days, row, time};
use dustwatch_analytics::RollupReport;
use dustwatch_lake::TableKind;

const ALL: &str = "SELECT device, hour, parameter, mean, min, max, n, expected, valid, month FROM hourly \
                   ORDER BY device, hour, parameter";

async fn world() -> World {
    World::new(
        &["t1,大峪街道,110109", "t2,城子街道,110109"],
        &[
            "a,township,t1,1h,,",
            "b,site,t2,1m,,2019-08-06",
            "b,site,t1,1h,2019-08-07,",
        ],
    )
    .await
}

#[tokio::test]
async fn nothing_to_roll_up_is_no_failure() {
    let mut world = world().await;
    // The appender has made the table, without rows.
    let report = world.roll_up().await;
    assert_eq!((report.days, report.rows), (0, 0));
    let first = world.lake.version(TableKind::Hourly).await.unwrap();
    assert_eq!(world.roll_up().await.days, 0);
    assert_eq!(
        world.lake.version(TableKind::Hourly).await.unwrap(),
        first,
        "a current rollup makes no commit"
    );
    world.append([]).await;
    assert_eq!(world.roll_up().await.days, 0);
    assert_eq!(world.lines(ALL).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_hour_is_the_exact_mean_of_its_normal_values() {
    let mut world = world().await;
    let minute = |m: u32, value: &str| row("b", &format!("2019-08-06T08:{m:02}:00+08:00"), "tsp", value);
    world
        .append([
            minute(0, "0.1"),
            minute(1, "0.2"),
            minute(2, "0.3"),
            minute(59, "99.8"),
        ])
        .await;
    world
        .append([row("stranger", "2019-08-06T09:30:00+08:00", "pm25", "7.5")])
        .await;
    world
        .append([row("b", "2019-08-07T08:30:00+08:00", "tsp", "12")])
        .await;
    let report = world.roll_up().await;
    assert_eq!(
        report,
        RollupReport {
            version: report.version,
            source_version: Some(3),
            days: 2,
            rows: 3
        }
    );
    assert_eq!(
        world.lines(ALL).await,
        [
            "b|2019-08-06T00:00:00Z|tsp|25.1|0.1|99.8|4|60|false|2019-08",
            "b|2019-08-07T00:00:00Z|tsp|12.0|12.0|12.0|1|1|true|2019-08",
            "stranger|2019-08-06T01:00:00Z|pm25|7.5|7.5|7.5|1|60|false|2019-08",
        ]
    );
}

#[tokio::test]
async fn duplicates_count_once_and_the_latest_received_wins() {
    let mut world = world().await;
    let at = |hour: u32, value: &str, received: &str| {
        let mut row = row("a", &format!("2019-08-06T{hour:02}:00:00+08:00"), "tsp", value);
        row.received = time(received);
        row
    };
    world
        .append([
            at(0, "10", "2019-08-06T00:00:00Z"),
            at(0, "10", "2019-08-06T00:00:00Z"),
        ])
        .await;
    world
        .append([
            at(1, "99", "2019-08-06T09:00:00Z"),
            at(1, "1", "2019-08-06T01:00:00Z"),
        ])
        .await;
    world.append([at(2, "3", "2019-08-06T01:00:00Z")]).await;
    world
        .append([
            at(2, "4", "2019-08-06T02:00:00Z"),
            at(0, "10", "2019-08-07T00:00:00Z"),
        ])
        .await;
    // Received at the same instant: the higher value, whatever the order of the rows.
    world
        .append([
            at(3, "5", "2019-08-06T01:00:00Z"),
            at(3, "6", "2019-08-06T01:00:00Z"),
        ])
        .await;
    world
        .append([
            at(4, "6", "2019-08-06T01:00:00Z"),
            at(4, "5", "2019-08-06T01:00:00Z"),
        ])
        .await;
    world.roll_up().await;
    let hours = world.lines("SELECT mean, n FROM hourly ORDER BY hour").await;
    assert_eq!(hours, ["10.0|1", "99.0|1", "4.0|1", "6.0|1", "6.0|1"]);
    assert_eq!(world.lines("SELECT count(*) FROM observations").await, ["5"]);
    assert_eq!(
        world.lines("SELECT count(*) FROM observations_rows").await,
        ["11"]
    );
    let sum = "SELECT sum(tsp) FROM observations WHERE day = DATE '2019-08-06' AND device = 'a'";
    assert_eq!(world.lines(sum).await, ["125.0"]);
    let narrow = "SELECT tsp FROM observations WHERE tsp > 10 OR tsp < 2";
    assert_eq!(
        world.lines(narrow).await,
        ["99.0"],
        "a filter on values never brings a superseded row back"
    );
}

#[tokio::test]
async fn late_data_change_their_own_days_only() {
    let mut world = world().await;
    world
        .append(days("a", "2019-08-01", "2019-08-05", "tsp", "50"))
        .await;
    assert_eq!(world.roll_up().await.days, 5);
    let before = world.lines(ALL).await;
    let files = "SELECT count(*) FROM hourly";
    assert_eq!(world.lines(files).await, ["120"]);

    let mut late = day("a", "2019-08-03", "tsp", "80");
    late.iter_mut()
        .for_each(|row| row.received = time("2020-02-01T00:00:00Z"));
    late.truncate(2);
    world.append(late).await;
    let report = world.roll_up().await;
    assert_eq!((report.days, report.rows), (1, 24));
    let after = world.lines(ALL).await;
    let changed: Vec<_> = before
        .iter()
        .zip(&after)
        .filter(|(b, a)| b != a)
        .map(|(_, a)| a.as_str())
        .collect();
    assert_eq!(
        changed,
        [
            "a|2019-08-02T16:00:00Z|tsp|80.0|80.0|80.0|1|1|true|2019-08",
            "a|2019-08-02T17:00:00Z|tsp|80.0|80.0|80.0|1|1|true|2019-08",
        ]
    );
    assert_eq!(before.len(), after.len());
}

#[tokio::test]
async fn rebuilding_gives_the_same_rows() {
    let mut world = world().await;
    for (step, value) in ["35.2", "80.1", "12.3", "0", "999.9"].into_iter().enumerate() {
        let first = format!("2019-07-{:02}", 28 + step % 3);
        world.append(days("a", &first, "2019-08-02", "tsp", value)).await;
        world
            .append(days("b", "2019-07-31", "2019-08-01", "pm10", value))
            .await;
        let minutes = (0..60).map(|m| row("b", &format!("2019-08-06T08:{m:02}:00+08:00"), "pm25", value));
        world.append(minutes.skip(step)).await;
        world.roll_up().await;
    }
    let incremental = world.lines(ALL).await;
    let report = world.rebuild().await;
    assert_eq!(report.rows as usize, incremental.len());
    assert_eq!(
        report.source_version,
        world.lake.version(TableKind::Observations).await.unwrap()
    );
    assert_eq!(world.lines(ALL).await, incremental);
    assert_eq!(world.roll_up().await.days, 0);
}

#[tokio::test]
async fn progress_reaches_its_total() {
    let mut world = world().await;
    world
        .append(days("a", "2019-08-01", "2019-08-05", "tsp", "50"))
        .await;
    let mut seen = Vec::new();
    dustwatch_analytics::roll_up(&world.lake, &world.settings, |p| seen.push((p.done, p.total)))
        .await
        .unwrap();
    assert_eq!(
        seen.first(),
        Some(&(1, 5)),
        "the first chunk is one day, to learn how large a day is"
    );
    assert_eq!(seen.last(), Some(&(5, 5)));
}
