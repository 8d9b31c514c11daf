//! Statements of compliance, days by class, who is last, and rankings that were published.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{Row, World, cells, day, hours};
use dustwatch_analytics::{
    AqiBy, AqiRequest, ComplianceRequest, RankRequest, Statement, Table, aqi_days, compliance, rank,
};
use dustwatch_observation::Flag;

/// The named columns of a statement, `|` between them.
fn columns(statement: &Statement, columns: &[&str]) -> Vec<String> {
    let table = Table::from_result(&statement.rows).unwrap();
    let at: Vec<usize> = columns
        .iter()
        .map(|name| table.headers.iter().position(|header| header == name).unwrap())
        .collect();
    let row = |row: &Vec<dustwatch_analytics::Cell>| -> Vec<String> {
        at.iter().map(|at| row[*at].text().to_owned()).collect()
    };
    table.rows.iter().map(|cells| row(cells).join("|")).collect()
}

async fn judge(world: &World, parameter: &str, period: &str) -> Statement {
    let request = ComplianceRequest::new(parameter, period.parse().unwrap());
    compliance(&world.lake, &world.settings, &request).await.unwrap()
}

/// Observations of their own: those of one device and time would be corrections.
fn a_second_later(mut rows: Vec<Row>) -> Vec<Row> {
    rows.iter_mut()
        .for_each(|row| row.time = row.time.plus_micros(1_000_000));
    rows
}

async fn one_township() -> World {
    World::new(&["110109001,大峪街道,110109"], &["a,township,110109001,1h,,"]).await
}

#[tokio::test]
async fn a_tsp_day_has_twenty_hours_in_a_ranking_and_twenty_four_in_a_statement() {
    let mut world = one_township().await;
    world.append(hours("a", "2019-08-06", "tsp", "301", 23)).await;
    world
        .append(a_second_later(hours("a", "2019-08-06", "pm25", "76", 20)))
        .await;
    world.append(day("a", "2019-08-07", "tsp", "300")).await;
    let ranking = world.rank("tsp", "2019-08-06").await;
    assert_eq!(
        cells(&ranking, &["value", "valid_days", "day_min_hours"]),
        ["301|1|20"]
    );
    let wanted = ["level", "valid_days", "days_over", "day_min_hours", "status"];
    assert_eq!(
        columns(&judge(&world, "tsp", "2019-08-06").await, &wanted),
        [
            "district|0|0|24|insufficient_data",
            "township|0|0|24|insufficient_data"
        ]
    );
    assert_eq!(
        columns(&judge(&world, "tsp", "2019-08-07").await, &wanted),
        ["district|1|0|24|valid", "township|1|0|24|valid"]
    );
    assert_eq!(
        columns(&judge(&world, "pm25", "2019-08-06").await, &wanted),
        ["district|1|1|20|valid", "township|1|1|20|valid"]
    );
}

#[tokio::test]
async fn a_year_needs_its_days_in_each_month() {
    let mut world = one_township().await;
    // A year of two days a month and twenty-three in all, so that it is quickly written.
    world.settings.standards.month_min_days = 2;
    world.settings.standards.february_min_days = 1;
    world.settings.standards.year_min_days = 23;
    for month in 1..=12 {
        let dates = if matches!(month, 2 | 5) { 5..=5 } else { 5..=6 };
        let rows = dates.flat_map(|date| day("a", &format!("2019-{month:02}-{date:02}"), "pm25", "35.4"));
        world.append(rows).await;
    }
    let wanted = [
        "value",
        "annual_limit",
        "mean_verdict",
        "verdict",
        "status",
        "valid_days",
    ];
    let short = judge(&world, "pm25", "2019").await;
    assert_eq!(columns(&short, &wanted)[0], "|35|||insufficient_data|22");
    // Enough for the year, and not for May.
    world.append(day("a", "2019-06-07", "pm25", "35.4")).await;
    let short = judge(&world, "pm25", "2019").await;
    assert_eq!(columns(&short, &wanted)[0], "|35|||insufficient_data|23");
    assert_eq!(
        cells(&world.rank("pm25", "2019").await, &["value", "status"]),
        ["|insufficient_data"]
    );
    world.append(day("a", "2019-05-27", "pm25", "35.4")).await;
    let enough = judge(&world, "pm25", "2019").await;
    assert_eq!(columns(&enough, &wanted)[0], "35|35|compliant|compliant|valid|24");
    assert_eq!(
        cells(&world.rank("pm25", "2019").await, &["value", "status"]),
        ["35|ranked"]
    );

    // 35.4 rounds to 35 and meets it; the full value does not.
    world.settings.rules.limit_compare = "full".to_owned();
    let full = judge(&world, "pm25", "2019").await;
    assert_eq!(columns(&full, &wanted)[0], "35|35|exceed|exceed|valid|24");
}

#[tokio::test]
async fn days_by_class_have_a_worst_day_and_a_share() {
    let mut world = one_township().await;
    for (date, pm25, pm10) in [
        ("2019-08-05", "36", "20"),
        ("2019-08-06", "116", "92"),
        ("2019-08-07", "75", "150"),
    ] {
        world.append(day("a", date, "pm25", pm25)).await;
        world.append(a_second_later(day("a", date, "pm10", pm10))).await;
    }
    let mut request = AqiRequest::new("2019-08-05..2019-08-07".parse().unwrap());
    request.by = AqiBy::Township;
    let statement = aqi_days(&world.lake, &world.settings, &request).await.unwrap();
    let wanted = [
        "basis",
        "valid_days",
        "good",
        "moderate",
        "good_percent",
        "max_index",
        "worst_day",
        "worst_primary",
    ];
    assert_eq!(
        columns(&statement, &wanted),
        [
            "pm25|3|2|1|66.7|152|2019-08-06|",
            "pm10|3|2|0|100.0|100|2019-08-07|",
            "pm25+pm10|3|2|1|66.7|152|2019-08-06|pm25",
        ]
    );
}

#[tokio::test]
async fn over_range_is_left_out_and_counted_apart() {
    let mut world = one_township().await;
    let mut rows = day("a", "2019-08-06", "tsp", "100");
    for (at, flag) in [(0, Flag::OverRange), (1, Flag::OverRange), (2, Flag::Calibration)] {
        rows[at].value = "5000".to_owned();
        rows[at].flag = flag;
    }
    world.append(rows).await;
    assert_eq!(cells(&world.rank("tsp", "2019-08-06").await, &["value"]), ["100"]);
    let flags = world
        .lines("SELECT normal, over_range, invalid FROM flags_daily WHERE parameter = 'tsp'")
        .await;
    assert_eq!(flags, ["21|2|1"]);
}

#[tokio::test]
async fn a_figure_can_be_asked_as_it_was() {
    let mut world = one_township().await;
    world.append(day("a", "2019-08-06", "pm25", "40")).await;
    let mut request = RankRequest::new("pm25", "2019-08-06".parse().unwrap());
    let first = rank(&world.lake, &world.settings, &request).await.unwrap();
    let mut corrected = day("a", "2019-08-06", "pm25", "50");
    corrected
        .iter_mut()
        .for_each(|row| row.received = row.received.plus_micros(1));
    world.append(corrected).await;
    assert_eq!(cells(&world.rank("pm25", "2019-08-06").await, &["value"]), ["50"]);
    request.observations_version = first.provenance.observations_version;
    let again = rank(&world.lake, &world.settings, &request).await.unwrap();
    assert_eq!(cells(&again, &["value"]), ["40"]);
}

/// The values that Fengtai published for September 2023 give the ranks that it published.
#[tokio::test]
async fn a_published_ranking_follows_from_its_values() {
    let file = "../../shared/data/notices/fengtai_202309_pm25_township.csv";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!(
            "skipped: the real data of ../shared are not here ({})",
            file.display()
        );
        return;
    };
    let mut lines = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header = lines.headers().unwrap().clone();
    let at = |part: &str| header.iter().position(|name| name.contains(part)).unwrap();
    let (value, rank_worst) = (at("pm2_5"), at("rank"));
    let published: Vec<(String, String)> = lines
        .records()
        .map(|row| row.unwrap())
        .map(|row| (row[value].to_owned(), row[rank_worst].to_owned()))
        .collect();
    let code = |index: usize| format!("110106{index:03}");
    let texts = |of: &dyn Fn(usize) -> String| -> Vec<&'static str> {
        (0..published.len()).map(|index| &*of(index).leak()).collect()
    };
    let townships = texts(&|index| format!("{0},{0},110109", code(index)));
    let stations = texts(&|index| format!("s{index},township,{},1h,,", code(index)));
    let mut world = World::new(&townships, &stations).await;
    let all = published.iter().enumerate();
    world
        .append(all.flat_map(|(index, (value, _))| day(&format!("s{index}"), "2023-09-01", "pm25", value)))
        .await;
    let mut ranked = cells(
        &world.rank("pm25", "2023-09-01").await,
        &["township_code", "value", "rank_worst"],
    );
    ranked.sort();
    let line = |(index, (value, rank)): (usize, &(String, String))| format!("{}|{value}|{rank}", code(index));
    let expected: Vec<String> = published.iter().enumerate().map(line).collect();
    assert_eq!(ranked, expected);
}
