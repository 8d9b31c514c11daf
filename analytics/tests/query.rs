//! The SQL door, the district's figure and the completeness of the data.
#![allow(clippy::unwrap_used)]

mod common;

use common::{World, days, hours};
use dustwatch_analytics::{
    AnalyticsError, DistrictRequest, RankRequest, Table, completeness_summary, district_period,
};

async fn world() -> World {
    World::with(
        &[
            "t1,大峪街道,110109",
            "t2,城子街道,110109",
            "t3,龙泉镇,110109",
            "t4,永定镇,110109",
            "x1,别处,110108",
        ],
        &[
            "a,township,t1,1h,,",
            "b,township,t2,1h,,",
            "c,township,t3,1h,,",
            "d,township,t4,1h,2019-08-03,",
            "e,site,t4,1h,,",
            "x,township,x1,1h,,",
        ],
        1,
    )
    .await
}

#[tokio::test]
async fn only_questions_are_answered() {
    let world = world().await;
    for sql in [
        "CREATE TABLE x AS SELECT 1",
        "CREATE VIEW x AS SELECT 1",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "DROP TABLE observations_rows",
        "DROP VIEW observations",
        "INSERT INTO observations_rows SELECT * FROM observations_rows",
        "DELETE FROM observations_rows",
        "UPDATE observations_rows SET tsp = 0",
        "COPY observations TO '/tmp/x.csv'",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "SET datafusion.execution.batch_size = 1",
        "RESET datafusion.execution.batch_size",
        "BEGIN",
        "PREPARE p AS SELECT 1",
        "EXPLAIN INSERT INTO observations_rows SELECT * FROM observations_rows",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/x.csv'",
        "CREATE FUNCTION f(BIGINT) RETURNS BIGINT RETURN $1 + 1",
    ] {
        match dustwatch_analytics::query(&world.lake, &world.settings, sql).await {
            Err(AnalyticsError::ReadOnly(_) | AnalyticsError::Sql(_)) => {}
            other => panic!("{sql}: {other:?}"),
        }
    }
    for sql in [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM nowhere",
        "SELEC 1",
        "SELECT 1; SELECT 2",
        "SELECT nothing FROM stations",
    ] {
        match dustwatch_analytics::query(&world.lake, &world.settings, sql).await {
            Err(AnalyticsError::Sql(_)) => {}
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn every_table_of_the_contract_can_be_asked() {
    let mut world = world().await;
    world
        .append(days("a", "2019-08-01", "2019-08-02", "pm25", "35.2"))
        .await;
    world.roll_up().await;
    for table in [
        "observations",
        "readings",
        "hourly",
        "daily",
        "township_daily",
        "district_daily",
        "rejected",
        "stations",
        "townships",
        "parameters",
        "standards",
    ] {
        world.query(&format!("SELECT * FROM {table}")).await;
    }
    let tables = world
        .lines("SELECT table_name FROM information_schema.tables WHERE table_name = 'hourly'")
        .await;
    assert_eq!(tables, ["hourly"]);
    assert_eq!(
        world
            .lines("SELECT count(*) FROM readings WHERE parameter = 'pm25' AND value = 35.2")
            .await,
        ["48"]
    );
    assert_eq!(
        world
            .lines("SELECT round_half_even(6.55, 1), round_half_even(-2.5, 0)")
            .await,
        ["6.6|-2.0"]
    );
    let day = "SELECT local_day('2019-08-05T16:00:00Z'), local_day(TIMESTAMP '2019-08-05 15:59:59')";
    assert_eq!(world.lines(day).await, ["2019-08-06|2019-08-05"]);
    let empty = world
        .query("SELECT device, tsp FROM observations WHERE device = 'nobody'")
        .await;
    assert_eq!(Table::from_result(&empty).unwrap().to_csv(), "device,tsp\n");
}

#[tokio::test]
async fn a_filter_on_the_local_day_reaches_the_files() {
    let mut world = world().await;
    world
        .append(days("a", "2019-08-01", "2019-08-10", "pm25", "35.2"))
        .await;
    world.roll_up().await;
    let filter = "WHERE day = DATE '2019-08-06'";
    for table in ["daily", "township_daily"] {
        let plan = world
            .lines(&format!("EXPLAIN SELECT * FROM {table} {filter}"))
            .await
            .join("\n");
        assert!(
            plan.contains("1565020800"),
            "the hours are compared with the start of the local day:\n{plan}"
        );
        assert!(!plan.contains("local_day(hour) ="), "{plan}");
    }
    let explain = format!("EXPLAIN SELECT avg(pm25) FROM observations {filter}");
    let plan = world.lines(&explain).await.join("\n");
    assert!(
        plan.contains("day=2019-08-06") && !plan.contains("day=2019-08-05"),
        "{plan}"
    );
}

#[tokio::test]
async fn only_days_with_duplicates_are_sorted() {
    let mut world = world().await;
    world
        .append(days("a", "2019-08-01", "2019-08-10", "pm25", "35.2"))
        .await;
    let explain = "EXPLAIN SELECT avg(pm25) FROM observations";
    assert!(!world.lines(explain).await.join("\n").contains("SortExec"));
    world.append(hours("a", "2019-08-06", "pm25", "35.2", 1)).await;
    let plan = world.lines(explain).await.join("\n");
    let sorted = &plan[plan.find("SortExec").unwrap()..];
    assert!(
        sorted.contains("day=2019-08-06") && !sorted.contains("day=2019-08-05"),
        "{plan}"
    );
    assert_eq!(
        world.lines("SELECT count(*), sum(pm25) FROM observations").await,
        ["240|8448.0"]
    );
    assert_eq!(
        world
            .lines("SELECT count(*) FROM observations WHERE pm25 = 35.2 AND device = 'a'")
            .await,
        ["240"]
    );
    assert_eq!(
        world
            .lines("SELECT day, count(*) FROM observations GROUP BY day HAVING count(*) <> 24")
            .await,
        [""; 0]
    );
}

#[tokio::test]
async fn the_district_is_the_mean_of_its_townships_days() {
    let mut world = world().await;
    // On the 1st three townships have a station, from the 3rd on four: 75 % are three in both.
    for (device, value) in [("a", "30"), ("b", "40"), ("c", "50.5")] {
        world
            .append(days(device, "2019-08-01", "2019-08-04", "pm25", value))
            .await;
    }
    world
        .append(days("d", "2019-08-04", "2019-08-05", "pm25", "90"))
        .await;
    world
        .append(days("e", "2019-08-01", "2019-08-05", "pm25", "900"))
        .await;
    world
        .append(days("x", "2019-08-01", "2019-08-05", "pm25", "1"))
        .await;
    world
        .append(days("a", "2018-08-01", "2018-08-04", "pm25", "30"))
        .await;
    world.roll_up().await;
    let daily = world
        .lines("SELECT day, mean, townships, townships_standing, valid FROM district_daily WHERE district = '110109' AND day > DATE '2019-01-01' ORDER BY day")
        .await;
    assert_eq!(
        daily[2..],
        [
            "2019-08-03|40.166666666666664|3|4|true",
            "2019-08-04|52.625|4|4|true",
            "2019-08-05|90.0|1|4|false"
        ]
    );
    let request = DistrictRequest::new("pm25", "2019-08-01..2019-08-05".parse().unwrap());
    let figure = district_period(&world.lake, &world.settings, &request)
        .await
        .unwrap();
    // (3 × 40.1667 + 52.625) ÷ 4
    assert_eq!(figure.value.unwrap().to_string(), "43.3");
    assert_eq!((figure.valid_days, figure.good_days), (4, Some(4)));
    assert_eq!(
        figure.last_year_value, None,
        "one township of three is no district"
    );
    assert_eq!(figure.cumulative_value, figure.value);
    let request = DistrictRequest::new("pm25", "2019-08-04".parse().unwrap());
    let figure = district_period(&world.lake, &world.settings, &request)
        .await
        .unwrap();
    let texts = [figure.value, figure.previous_value, figure.change_percent].map(|v| v.unwrap().to_string());
    assert_eq!(texts, ["52.6", "40.2", "30.8"]);
}

#[tokio::test]
async fn completeness_counts_valid_hours_against_the_calendar() {
    let mut world = world().await;
    world
        .append(days("a", "2019-08-01", "2019-08-04", "pm25", "30"))
        .await;
    world.append(hours("d", "2019-08-03", "pm25", "30", 6)).await;
    world.append(hours("e", "2019-08-01", "tsp", "30", 6)).await;
    world.roll_up().await;
    let request = RankRequest::new("pm25", "2019-08-01..2019-08-04".parse().unwrap());
    let summary = completeness_summary(&world.lake, &world.settings, &request)
        .await
        .unwrap();
    assert_eq!(
        Table::from_completeness(&summary)
            .to_csv()
            .lines()
            .skip(1)
            .collect::<Vec<_>>(),
        [
            "t1,大峪街道,a,a,township,pm25,96,96,100.0",
            "t2,城子街道,b,b,township,pm25,96,0,0.0",
            "t3,龙泉镇,c,c,township,pm25,96,0,0.0",
            "t4,永定镇,d,d,township,pm25,48,6,12.5",
            "t4,永定镇,e,e,site,pm25,96,0,0.0",
        ]
    );
}
