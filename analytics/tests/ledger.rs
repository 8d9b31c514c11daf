//! The completeness ledger on small tables: the running day, what proves a loss, and what does not.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Row, World, row, time};
use dustwatch_analytics::{AnalyticsError, LedgerBy, LedgerRequest, Table, ledger};
use dustwatch_lake::{Appender, LocalDays, RejectedBatchBuilder, RejectedRow, TableKind};
use dustwatch_observation::{Flag, Reason, Time};

const TOWNSHIPS: [&str; 2] = ["t1,大峪街道,110109", "t2,城子街道,110109"];
const STATIONS: [&str; 3] = [
    "a,township,t1,1h,,",
    "b,site,t1,1h,2019-08-06,2019-08-06",
    "b,site,t2,1h,2019-08-07,",
];
const AFTERWARDS: &str = "2019-09-01T00:00:00+08:00";

/// An hourly observation with a number of epoch `e`.
fn numbered(device: &str, at: &str, seq: u64) -> Row {
    Row {
        number: Some(("e", seq)),
        ..row(device, at, "pm25", "20")
    }
}

fn at(day: &str, hour: u32) -> String {
    format!("2019-08-{day}T{hour:02}:00:00+08:00")
}

fn request(period: &str, now: &str) -> LedgerRequest {
    LedgerRequest {
        period: period.parse().unwrap(),
        device: None,
        parameter: None,
        by: LedgerBy::Device,
        observations_version: None,
        now: time(now),
    }
}

/// The named columns, `|` between them, a line a row.
async fn lines(world: &World, request: &LedgerRequest, columns: &[&str]) -> Vec<String> {
    let sheet = ledger(&world.lake, &world.settings, request).await.unwrap();
    let table = Table::from_result(&sheet.rows).unwrap();
    let at: Vec<usize> = columns
        .iter()
        .map(|name| table.headers.iter().position(|header| header == name).unwrap())
        .collect();
    let line = |row: &Vec<dustwatch_analytics::Cell>| {
        let cells: Vec<&str> = at.iter().map(|index| row[*index].text()).collect();
        cells.join("|")
    };
    table.rows.iter().map(line).collect()
}

async fn reject(world: &World, reason: Reason, topic: &str, received: Time, payload: &str, detail: &str) {
    let row = RejectedRow {
        received_at: received,
        topic: topic.to_owned(),
        payload: payload.as_bytes().to_vec(),
        reason,
        detail: detail.to_owned(),
        day: LocalDays::new(world.settings.district.timezone)
            .day_of(received)
            .unwrap(),
    };
    let app = format!("test-{}-{payload}", received.as_micros());
    let mut appender = Appender::open(&world.lake, TableKind::Rejected, &app)
        .await
        .unwrap();
    appender
        .append(&[RejectedBatchBuilder::build(&[row]).unwrap()], 1)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_running_day_expects_what_is_over_and_a_station_what_it_stood_for() {
    let mut world = World::new(&TOWNSHIPS, &STATIONS).await;
    world
        .append((0..5).map(|hour| row("a", &at("07", hour), "pm25", "20")))
        .await;
    let columns = [
        "day",
        "township_code",
        "device",
        "expected",
        "received",
        "lost_unknown",
        "surplus",
        "sent",
    ];
    let now = request("2019-08-05..2019-08-09", "2019-08-07T06:30:00+08:00");
    assert_eq!(
        lines(&world, &now, &columns).await,
        [
            "2019-08-05|t1|a|24|0|24|0|",
            "2019-08-06|t1|a|24|0|24|0|",
            "2019-08-06|t1|b|24|0|24|0|",
            "2019-08-07|t1|a|6|5|1|0|",
            "2019-08-07|t2|b|6|0|6|0|",
        ]
    );
    let sums = LedgerRequest {
        by: LedgerBy::Township,
        ..now.clone()
    };
    assert_eq!(
        lines(
            &world,
            &sums,
            &["day", "township", "devices", "expected", "received"]
        )
        .await,
        [
            "2019-08-05|大峪街道|1|24|0",
            "2019-08-06|大峪街道|2|48|0",
            "2019-08-07|大峪街道|1|6|5",
            "2019-08-07|城子街道|1|6|0",
        ]
    );
    let unknown = LedgerRequest {
        parameter: Some("ozone".to_owned()),
        ..now
    };
    let asked = ledger(&world.lake, &world.settings, &unknown).await;
    assert!(matches!(asked, Err(AnalyticsError::Request(_))));
}

#[tokio::test]
async fn numbers_prove_where_it_was_lost() {
    let mut world = World::new(&TOWNSHIPS, &STATIONS).await;
    // 5 August: hours 0 to 3 came, 4 and 5 were numbered and did not, 6 to 9 were not taken, the rest of the day is told
    // by the next number, on the 6th; behind that nobody knows.
    world
        .append((0..4).map(|hour| numbered("a", &at("05", hour), 1 + u64::from(hour))))
        .await;
    world.append([numbered("a", &at("05", 10), 7)]).await;
    world.append([numbered("a", &at("06", 2), 8)]).await;
    let columns = [
        "day",
        "sent",
        "received",
        "lost_network",
        "lost_edge",
        "lost_sensor",
        "lost_unknown",
    ];
    let asked = LedgerRequest {
        device: Some("a".to_owned()),
        ..request("2019-08-05..2019-08-06", AFTERWARDS)
    };
    let expected = ["2019-08-05|7|5|2|0|17|0", "2019-08-06|1|1|0|0|2|21"];
    assert_eq!(lines(&world, &asked, &columns).await, expected);
    // The same day alone has the same line, though the neighbours lie outside.
    for (day, line) in [("2019-08-05", expected[0]), ("2019-08-06", expected[1])] {
        let alone = LedgerRequest {
            period: day.parse().unwrap(),
            ..asked.clone()
        };
        assert_eq!(lines(&world, &alone, &columns).await, [line]);
    }
    // A late batch fills the gap; the old version still says what it said.
    let version = ledger(&world.lake, &world.settings, &asked)
        .await
        .unwrap()
        .observations_version;
    world
        .append((4..6).map(|hour| numbered("a", &at("05", hour), 1 + u64::from(hour))))
        .await;
    assert_eq!(
        lines(&world, &asked, &columns).await[0],
        "2019-08-05|7|7|0|0|17|0"
    );
    let pinned = LedgerRequest {
        observations_version: version,
        ..asked
    };
    assert_eq!(lines(&world, &pinned, &columns).await, expected);
}

#[tokio::test]
async fn what_proves_nothing_is_not_called_lost_on_the_way() {
    let mut world = World::new(&TOWNSHIPS, &STATIONS).await;
    let columns = ["day", "received", "lost_network", "lost_sensor", "surplus"];
    let asked = |day: &str| LedgerRequest {
        device: Some("a".to_owned()),
        ..request(day, AFTERWARDS)
    };
    // A backlog that was sent again under new numbers, and stored once under the old ones.
    world
        .append((0..24).map(|hour| Row {
            number: Some(if (8..16).contains(&hour) {
                ("old", hour)
            } else {
                ("new", 100 + hour)
            }),
            ..row("a", &at("05", hour as u32), "pm25", "20")
        }))
        .await;
    assert_eq!(
        lines(&world, &asked("2019-08-05"), &columns).await,
        ["2019-08-05|24|0|0|0"]
    );
    // Another numbering, far away; and a corrected row, whose number came all the same.
    world
        .append([
            numbered("a", &at("07", 0), 5),
            numbered("a", &at("07", 1), 4_000_000_000_000),
            Row {
                value: "21".to_owned(),
                received: time("2020-01-01T00:00:00Z"),
                ..numbered("a", &at("07", 1), 4_000_000_000_002)
            },
            numbered("a", &at("07", 2), 4_000_000_000_003),
        ])
        .await;
    let line = lines(&world, &asked("2019-08-07"), &columns).await;
    assert_eq!(
        line,
        ["2019-08-07|3|1|0|0"],
        "the one number that nobody knows of"
    );
}

#[tokio::test]
async fn rejected_and_flagged_are_counted_by_observation() {
    let mut world = World::new(&TOWNSHIPS, &STATIONS).await;
    world
        .append((0..12).map(|hour| Row {
            flag: if hour < 3 {
                Flag::from_letter('D').unwrap()
            } else {
                Flag::Normal
            },
            ..numbered("a", &at("05", hour), 1 + u64::from(hour))
        }))
        .await;
    world.append([numbered("a", &at("05", 20), 21)]).await;
    let topic = "dust/v1/110109/a/obs";
    let received = time("2019-08-05T23:00:00+08:00");
    // Two of the list are in the table; one has a number only; the message came twice.
    let list = r#"{"epoch":"e","obs":[{"seq":11,"time":"2019-08-05T10:00:00+08:00"},{"seq":12,"time":"2019-08-05T11:00:00+08:00"},
        {"seq":13,"time":"2019-08-05T12:00:00+08:00","pm25":"x"},{"seq":14,"time":"noon"}]}"#;
    reject(&world, Reason::WrongType, topic, received, list, "").await;
    reject(
        &world,
        Reason::WrongType,
        topic,
        received.plus_micros(1),
        list,
        "",
    )
    .await;
    // One that nobody can read is one of the numbers that are missing; so are those that were only counted.
    reject(&world, Reason::NotJson, topic, received, "{", "").await;
    reject(
        &world,
        Reason::RateLimited,
        topic,
        received,
        "",
        "2 more: not_json 2; 9 bytes were not kept",
    )
    .await;
    // Whose it is cannot be told.
    reject(&world, Reason::BadTopic, "elsewhere", received, list, "").await;
    let asked = request("2019-08-05", AFTERWARDS);
    let columns = [
        "device",
        "sent",
        "received",
        "valid",
        "flagged",
        "rejected",
        "lost_network",
        "lost_unknown",
        "surplus",
    ];
    assert_eq!(
        lines(&world, &asked, &columns).await,
        ["a|21|13|10|3|5|3|3|0"],
        "13 came, 13 and 14 were rejected, 15 to 20 are missing, 3 of them in messages that cannot be read"
    );
}
