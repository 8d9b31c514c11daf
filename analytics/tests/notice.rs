//! Weekly notices out of a lake.
#![allow(clippy::unwrap_used)]

mod common;

use chrono::NaiveDate;
use common::{Row, World, days};
use dustwatch_analytics::notice::{NoticeRequest, first_notice, html, markdown, notice_for};
use dustwatch_analytics::{AnalyticsError, Period};

const TOWNSHIPS: [&str; 4] = [
    "t1,大峪街道,110109",
    "t2,城子街道,110109",
    "t3,龙泉镇,110109",
    "t4,永定镇,110109",
];
const STATIONS: [&str; 5] = [
    "a,township,t1,1h,,",
    "b,township,t2,1h,,",
    "c,township,t3,1h,,",
    "d,township,t4,1h,,",
    "e,site,t1,1h,,",
];

fn week() -> Period {
    "2019-W32".parse().unwrap()
}

fn monday() -> NaiveDate {
    NaiveDate::from_ymd_opt(2019, 8, 12).unwrap()
}

/// Two weeks of three townships; the fourth sent two days only.
async fn world() -> World {
    let mut world = World::new(&TOWNSHIPS, &STATIONS).await;
    let before = ("2019-07-29", "2019-08-04");
    let now = ("2019-08-05", "2019-08-11");
    for (device, span, pm25, tsp) in [
        ("a", before, "40", "100"),
        ("a", now, "30", "100"),
        ("b", before, "40", "110"),
        ("b", now, "35", "121"),
        ("c", before, "40", "120"),
        ("c", now, "44", "150"),
        ("d", ("2019-08-05", "2019-08-06"), "90", "300"),
    ] {
        world.append(days(device, span.0, span.1, "pm25", pm25)).await;
        // Half an hour later: another value of the same time would be a correction.
        let later = days(device, span.0, span.1, "tsp", tsp)
            .into_iter()
            .map(|row| Row {
                time: row.time.plus_micros(30 * 60 * 1_000_000),
                ..row
            });
        world.append(later).await;
    }
    world
}

#[tokio::test]
async fn says_what_the_rankings_say() {
    let world = world().await;
    world.roll_up().await;
    let notice = first_notice(&world.lake, &world.settings, week(), monday())
        .await
        .unwrap();
    let text = markdown(&notice);
    for line in [
        "| 1 | 大峪街道 | 30 | -25.0 | — | 35 |",
        "| 2 | 城子街道 | 35 | -12.5 | — | 38 |",
        "| 3 | 龙泉镇 | 44 | 10.0 | — | 42 |",
        "| — | 永定镇 | — | — | — | 90 | — | 2 | 有效数据不足 |",
        "| 2 | 城子街道 | 121 | 10.0 |",
        "浓度范围为30—44微克/立方米",
        "| 永定镇 | d | d | 168 | 48 | 28.6 | 48 | 28.6 |",
        "2019年8月12日",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("| e |"), "a site takes no part in the ranking");
}

#[tokio::test]
async fn is_made_again_byte_for_byte_after_late_data() {
    let mut world = world().await;
    world.roll_up().await;
    let first = first_notice(&world.lake, &world.settings, week(), monday())
        .await
        .unwrap();
    let version = first.provenance.tables[0].versions.observations_version;
    assert!(version.is_some());
    world
        .append(days("d", "2019-08-07", "2019-08-11", "pm25", "10"))
        .await;
    world.roll_up().await;
    let again = NoticeRequest {
        observations_version: version,
        ..NoticeRequest::new(week(), monday())
    };
    let again = notice_for(&world.lake, &world.settings, &again).await.unwrap();
    assert_eq!(html(&again), html(&first));
    let revised = NoticeRequest {
        revision: Some(1),
        ..NoticeRequest::new(week(), monday())
    };
    let revised = notice_for(&world.lake, &world.settings, &revised).await.unwrap();
    assert!(!markdown(&revised).contains("| — | 永定镇 | — | — | — | 90 |"));
    assert!(markdown(&revised).contains("第1次修订"));
}

#[tokio::test]
async fn a_lake_without_data_gives_a_notice_that_says_so() {
    let world = World::new(&TOWNSHIPS, &STATIONS).await;
    let notice = first_notice(&world.lake, &world.settings, week(), monday())
        .await
        .unwrap();
    let text = markdown(&notice);
    assert!(
        text.contains("本周4个镇街细颗粒物（PM2.5）有效数据均不足"),
        "{text}"
    );
    assert!(text.contains("PM2.5有效率0.0%"), "{text}");
}

#[tokio::test]
async fn a_notice_is_of_a_week_or_a_month() {
    let world = World::new(&TOWNSHIPS, &STATIONS).await;
    let asked = first_notice(
        &world.lake,
        &world.settings,
        "2019-08-06".parse().unwrap(),
        monday(),
    )
    .await;
    assert!(matches!(asked, Err(AnalyticsError::Request(message)) if message.contains("2019-W32")));
}
