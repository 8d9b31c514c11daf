//! The annual target: 48 µg/m³, three years falling, and what the rest of the year may be.
#![allow(clippy::unwrap_used)]

mod common;

use chrono::NaiveDate;
use common::{World, day};
use dustwatch_analytics::{DistrictDay, Progress, Table, annual_progress, progress};
use dustwatch_config::Settings;

/// Days of one mean, from one day to another.
fn days(first: &str, last: &str, mean: f64) -> Vec<DistrictDay> {
    let (first, last): (NaiveDate, NaiveDate) = (first.parse().unwrap(), last.parse().unwrap());
    let span = first.iter_days().take_while(|d| *d <= last);
    span.map(|day| DistrictDay { day, mean }).collect()
}

fn lines(progress: &Progress, columns: &[&str]) -> Vec<String> {
    let table = Table::from_result(&progress.rows).unwrap();
    let at: Vec<usize> = columns
        .iter()
        .map(|c| table.headers.iter().position(|h| h == c).unwrap())
        .collect();
    let line = |row: &Vec<_>| -> String {
        let cells: Vec<&str> = at
            .iter()
            .map(|i| dustwatch_analytics::Cell::text(&row[*i]))
            .collect();
        cells.join("|")
    };
    table.rows.iter().map(line).collect()
}

/// The years up to a period: some columns, `|` between them.
async fn years(settings: &Settings, until: &str, days: &[DistrictDay], columns: &[&str]) -> Vec<String> {
    let found = annual_progress(settings, "pm25", until.parse().unwrap(), days)
        .await
        .unwrap();
    lines(&found, columns)
}

#[tokio::test]
async fn the_rest_of_the_year_may_be_what_the_target_leaves() {
    let settings = Settings::load(None).unwrap();
    // 181 days of 41: (48 × 365 − 41 × 181) ÷ 184.
    let half = days("2019-01-01", "2019-06-30", 41.0);
    let columns = [
        "year",
        "status",
        "value",
        "valid_days",
        "days_to_come",
        "allowed_mean",
    ];
    assert_eq!(
        years(&settings, "2019-06", &half, &columns).await.last().unwrap(),
        "2019|running|41.0|181|184|54.9"
    );
    // Days that were lost cannot be made up for: ten fewer measured, ten fewer in the year's mean.
    let rest = (48.0 * (171.0 + 184.0) - 41.0 * 171.0) / 184.0;
    assert_eq!(
        years(&settings, "2019-06", &half[10..], &["allowed_mean"])
            .await
            .last()
            .unwrap(),
        &format!("{rest:.1}")
    );
}

#[tokio::test]
async fn a_year_meets_the_target_by_its_rounded_mean_and_the_plan_asks_for_three_falls() {
    let mut settings = Settings::load(None).unwrap();
    let mut all = Vec::new();
    for (year, mean) in [(2016, 58.0), (2017, 53.0), (2018, 51.0), (2019, 48.5)] {
        all.extend(days(&format!("{year}-01-01"), &format!("{year}-12-31"), mean));
    }
    let columns = [
        "year",
        "status",
        "value",
        "change_percent",
        "meets_limit",
        "years_falling",
        "falls_as_planned",
    ];
    assert_eq!(
        years(&settings, "2019", &all, &columns).await,
        [
            "2016|valid|58.0||false|0|false",
            "2017|valid|53.0|-8.6|false|1|false",
            "2018|valid|51.0|-3.8|false|2|false",
            "2019|valid|48.0|-5.9|true|3|true",
        ]
    );
    settings.rules.limit_compare = "full".to_owned();
    let full = years(&settings, "2019", &all, &["meets_limit"]).await;
    assert_eq!(full.last().unwrap(), "false");
}

#[tokio::test]
async fn a_year_with_a_month_that_is_too_short_has_no_mean_and_ends_the_fall() {
    let settings = Settings::load(None).unwrap();
    let mut all = days("2017-01-01", "2017-12-31", 60.0);
    // 351 days, but March has only 17 of them.
    all.extend(days("2018-01-01", "2018-03-17", 50.0));
    all.extend(days("2018-04-01", "2018-12-31", 50.0));
    all.extend(days("2019-01-01", "2019-12-31", 40.0));
    let columns = ["year", "status", "value", "valid_days", "years_falling"];
    assert_eq!(
        years(&settings, "2019", &all, &columns).await,
        [
            "2016|no_data||0|0",
            "2017|valid|60.0|365|0",
            "2018|insufficient_data||351|0",
            "2019|valid|40.0|365|0",
        ]
    );
}

#[tokio::test]
async fn the_years_are_made_from_the_tables() {
    let mut world = World::new(&["t1,大峪街道,110109"], &["a,township,t1,1h,,"]).await;
    world.append(day("a", "2019-01-01", "pm25", "30")).await;
    world.append(day("a", "2019-01-02", "pm25", "33")).await;
    world.roll_up().await;
    let until = "2019-01-02".parse().unwrap();
    let found = progress(&world.lake, &world.settings, "pm25", until, None)
        .await
        .unwrap();
    let rest = (48.0 * 365.0 - 63.0) / 363.0;
    assert_eq!(
        lines(&found, &["year", "value", "mean", "valid_days", "allowed_mean"])
            .last()
            .unwrap(),
        &format!("2019|32.0|31.5|2|{rest:.1}")
    );
    assert!(found.provenance.unwrap().observations_version.is_some());
}
