//! Rules R1 and R1w.

use std::path::PathBuf;

use dustwatch_analytics::city_bulletin::WarningVerdict;
use dustwatch_analytics::{BulletinCheck, BulletinImport, CheckRequest, check_bulletins, import_bulletin};

use crate::common::{World, days, time};
use crate::desk::lines;

const TOWNSHIPS: [&str; 3] = [
    "110109001,大峪街道,110109",
    "110109002,城子街道,110109",
    "110109006,永定镇,110109",
];
const STATIONS: [&str; 3] = [
    "a,township,110109001,1h,,",
    "b,township,110109002,1h,,",
    "c,township,110109006,1h,,",
];

async fn import(world: &World, parameter: &str, period: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("list.csv");
    std::fs::write(&file, text).unwrap();
    let request = BulletinImport {
        file,
        parameter: parameter.to_owned(),
        period: period.parse().unwrap(),
        now: time("2024-11-20T09:00:00+08:00"),
    };
    import_bulletin(&world.lake, &world.settings, &request)
        .await
        .unwrap();
}

async fn check(world: &World, period: &str, now: &str) -> BulletinCheck {
    let request = CheckRequest {
        period: period.parse().unwrap(),
        now: time(now),
    };
    check_bulletins(&world.lake, &world.settings, &request)
        .await
        .unwrap()
}

/// R1 as printed: period, parameter, code, township, rank, verdict.
fn r1(check: &BulletinCheck) -> Vec<String> {
    let columns = [
        "rule",
        "period",
        "parameter",
        "township_code",
        "township",
        "rank_from_worst",
        "verdict",
    ];
    let mut all = lines(&check.table(), &columns);
    all.retain(|line| line.starts_with("R1|"));
    all
}

#[tokio::test]
async fn a_township_of_the_district_on_a_list_is_a_violation_of_that_period() {
    let world = World::new(&TOWNSHIPS, &STATIONS).await;
    import(
        &world,
        "tsp",
        "2024-09-H2",
        "rank,district,township\n1,门头沟区,大峪街道\n",
    )
    .await;
    import(
        &world,
        "tsp",
        "2024-10-H1",
        "rank,district,township\n1,丰台区,云岗街道\n2,房山区,长阳镇\n",
    )
    .await;
    import(
        &world,
        "tsp",
        "2024-10-H2",
        "rank,district,township,value\n1,丰台区,云岗街道,\n2,门头沟区,永定镇,150\n3,门头沟区,新设镇,\n,门头沟区,城子街道,90\n",
    )
    .await;
    import(
        &world,
        "pm25",
        "2024-10",
        "rank,district,township\n1,110109,城子街道\n2,110109,大峪街道\n",
    )
    .await;
    let checked = check(&world, "2024-10", "2024-11-20T09:00:00+08:00").await;
    assert_eq!(
        r1(&checked),
        [
            "R1|2024-10-H1|tsp||||compliant",
            "R1|2024-10|pm25|110109002|城子街道|1|violation",
            "R1|2024-10|pm25|110109001|大峪街道|2|violation",
            "R1|2024-10-H2|tsp|110109006|永定镇|2|violation",
            "R1|2024-10-H2|tsp||新设镇|3|violation",
        ],
        "lists of the period alone; a name that is unknown is not missed, and a value without a rank is no place on the list"
    );
    let h2 = checked.bulletins.last().unwrap();
    assert_eq!((h2.listed, h2.violations.len()), (3, 2));
    assert_eq!(h2.violations[0].value.unwrap().to_string(), "150.0");
    assert!(
        r1(&check(&world, "2024-10-05..2024-10-31", "2024-11-20T09:00:00+08:00").await)[0]
            .contains("2024-10-H2")
    );
}

#[tokio::test]
async fn a_rank_behind_the_lists_end_is_no_violation() {
    let mut world = World::new(&TOWNSHIPS, &STATIONS).await;
    let list = "rank,district,township\n1,丰台区,云岗街道\n2,门头沟区,永定镇\n3,门头沟区,大峪街道\n";
    import(&world, "tsp", "2024-10-H1", list).await;
    world.settings.rules.r1_n = 2;
    let checked = check(&world, "2024-10", "2024-11-20T09:00:00+08:00").await;
    assert_eq!(r1(&checked), ["R1|2024-10-H1|tsp|110109006|永定镇|2|violation"]);
}

/// R1w as printed: township, value, list, bound, verdict.
fn r1w(check: &BulletinCheck) -> Vec<String> {
    let columns = [
        "rule", "period", "township", "value", "bulletin", "bound", "verdict",
    ];
    let mut all = lines(&check.table(), &columns);
    all.retain(|line| line.starts_with("R1w|"));
    all.iter().map(|line| line["R1w|".len()..].to_owned()).collect()
}

#[tokio::test]
async fn the_lowest_value_on_the_last_list_less_five_is_where_the_warning_begins() {
    let mut world = World::new(&TOWNSHIPS, &STATIONS).await;
    // Of the last list, 140 is the lowest value of a township that is on it; 90 is of one that is not.
    let list = "rank,district,township,value\n1,丰台区,云岗街道,160\n2,房山区,长阳镇,140\n3,大兴区,兴丰街道,\n,门头沟区,城子街道,90\n";
    import(&world, "tsp", "2024-10-H1", list).await;
    import(
        &world,
        "tsp",
        "2024-09-H2",
        "rank,district,township,value\n1,丰台区,云岗街道,100\n",
    )
    .await;
    for (device, value) in [("a", "135"), ("b", "134"), ("c", "150")] {
        let last = if device == "c" { "2024-10-17" } else { "2024-10-20" };
        world.append(days(device, "2024-10-16", last, "tsp", value)).await;
    }
    world.roll_up().await;
    let checked = check(&world, "2024-10-H2", "2024-10-21T09:00:00+08:00").await;
    let warning = checked.early_warning.clone().unwrap();
    assert_eq!(warning.span.to_string(), "2024-10-16..2024-10-20");
    assert_eq!(warning.delta, 5.0, "domain reference, 4.3: r1_warn_delta");
    assert_eq!(
        r1w(&checked),
        [
            "2024-10-16..2024-10-20|大峪街道|135|2024-10-H1|140.0|warning",
            "2024-10-16..2024-10-20|城子街道|134|2024-10-H1|140.0|clear",
            "2024-10-16..2024-10-20|永定镇||2024-10-H1|140.0|insufficient_data",
        ],
        "135 is 140 - 5; two of five days are not three quarters"
    );
    assert_eq!(warning.rows[0].verdict, WarningVerdict::Warning);

    world.settings.rules.r1_warn_delta = 6.5;
    let wider = check(&world, "2024-10", "2024-10-21T09:00:00+08:00").await;
    assert!(r1w(&wider)[1].ends_with("城子街道|134|2024-10-H1|140.0|warning"));
    let before = check(&world, "2024-10-H1", "2024-10-21T09:00:00+08:00").await;
    assert_eq!(
        before.early_warning.unwrap().bulletin.as_deref(),
        Some("2024-09-H2")
    );
    let ahead = check(&world, "2024-11", "2024-10-21T09:00:00+08:00").await;
    assert_eq!(ahead.early_warning, None, "no day of it is over");
}

#[tokio::test]
async fn without_a_list_or_a_value_on_it_nothing_is_warned_of() {
    let mut world = World::new(&TOWNSHIPS[..1], &STATIONS[..1]).await;
    world
        .append(days("a", "2024-10-16", "2024-10-31", "tsp", "200"))
        .await;
    world.roll_up().await;
    let now = "2024-11-20T09:00:00+08:00";
    assert!(r1w(&check(&world, "2024-10", now).await)[0].ends_with("大峪街道|200|||no_list"));
    import(
        &world,
        "tsp",
        "2024-10-H1",
        "rank,district,township\n1,丰台区,云岗街道\n",
    )
    .await;
    let checked = check(&world, "2024-10", now).await;
    assert!(r1w(&checked)[0].starts_with("2024-10-H2|大峪街道|200|2024-10-H1||no_bound"));
}
