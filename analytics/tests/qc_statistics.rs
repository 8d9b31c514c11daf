//! What quality control means for figures: values stay out, rollups know the flags that they were made with.
#![allow(clippy::unwrap_used)]

mod common;

use common::World;
use common::qc::{Seen, seen, seen_at};
use common::{cells, time};
use dustwatch_analytics::{Period, QcRequest, RankRequest, Source, SourceChoice, qc_run, rank};
use dustwatch_lake::TableKind;

const HOUR: i64 = 3_600_000_000;
const STATIONS: [&str; 2] = [
    "a,township,t1,1h,BAM-1020,39.90,116.10",
    "b,township,t2,1h,BAM-1020,39.95,115.50",
];
const HOURS: &str =
    "SELECT device, hour, parameter, mean, n, valid FROM hourly ORDER BY device, hour, parameter";

/// Days of hourly values that differ from hour to hour, from 2019-08-05 on.
fn days(device: &str, count: i64, value: impl Fn(i64) -> i64) -> Vec<Seen> {
    let start = time("2019-08-05T00:00:00+08:00").as_micros();
    (0..count * 24)
        .map(|hour| {
            let text = common::qc::tenths(value(hour));
            seen_at(device, start + hour * HOUR, &[("tsp", &text)])
        })
        .collect()
}

/// Between 40.0 and 80.0, never the same twice in a row.
fn usual(hour: i64) -> i64 {
    400 + (hour * 137) % 400
}

async fn ask(world: &World, source: SourceChoice) -> dustwatch_analytics::Ranking {
    let request = RankRequest {
        source,
        ..RankRequest::new("tsp", "2019-08-05..2019-08-08".parse::<Period>().unwrap())
    };
    rank(&world.lake, &world.settings, &request).await.unwrap()
}

#[tokio::test]
async fn invalid_values_never_count_and_suspect_ones_by_setting() {
    let mut world = World::controlled(&STATIONS).await;
    let mut minutes: Vec<Seen> = (0..60)
        .map(|m| {
            seen(
                "x",
                &format!("2019-08-06T08:{m:02}:00+08:00"),
                &[("tsp", &common::qc::tenths(usual(m)))],
            )
        })
        .collect();
    minutes[10] = seen("x", "2019-08-06T08:10:00+08:00", &[("tsp", "30000")]);
    minutes[30] = seen("x", "2019-08-06T08:30:00+08:00", &[("tsp", "900")]);
    world.watch(minutes).await;
    let hour = "SELECT n, max, valid FROM hourly WHERE device = 'x'";
    world.roll_up().await;
    assert_eq!(
        world.lines(hour).await,
        ["60|30000.0|true"],
        "nothing was checked yet"
    );
    world.control().await;
    assert_eq!(
        world.roll_up().await.days,
        1,
        "flags that changed are a reason to roll up"
    );
    let most = (0..60)
        .filter(|m| ![10, 30].contains(m))
        .map(usual)
        .max()
        .unwrap();
    assert_eq!(
        world.lines(hour).await,
        [format!("58|{}|true", common::qc::tenths(most))]
    );
    assert_eq!(
        world.lines("SELECT max(tsp) FROM observations").await,
        ["30000.0"],
        "what the device said stays"
    );
    world.settings.qc.exclude_suspect = false;
    assert_eq!(world.roll_up().await.days, 1, "so is the rule");
    assert_eq!(world.lines(hour).await, ["59|900.0|true"]);
    assert_eq!(world.roll_up().await.days, 0);
    assert_eq!(
        world
            .lines(
                "SELECT tsp FROM observations o WHERE EXISTS (SELECT 1 FROM qc_excluded x WHERE \
                     x.device = o.device AND x.observed_at = o.observed_at AND x.parameter = 'tsp')"
            )
            .await,
        ["30000.0"]
    );
}

#[tokio::test]
async fn a_day_of_computed_tsp_is_not_ranked() {
    let mut world = World::controlled(&STATIONS).await;
    let start = time("2019-08-05T00:00:00+08:00").as_micros();
    for device in ["a", "b"] {
        let all = (0..96).map(|hour| {
            let pm10 = usual(hour);
            // b computes its TSP on the second day.
            let tsp = if device == "b" && hour / 24 == 1 {
                pm10 * 13 / 10
            } else {
                pm10 + 100 + (hour * 59) % 90
            };
            let (pm10, tsp) = (common::qc::tenths(pm10), common::qc::tenths(tsp));
            seen_at(device, start + hour * HOUR, &[("pm10", &pm10), ("tsp", &tsp)])
        });
        world.watch(all).await;
    }
    world.control().await;
    world.roll_up().await;
    let ranking = ask(&world, SourceChoice::Rollup).await;
    let mut found = cells(&ranking, &["township", "valid_days", "status"]);
    found.sort_unstable();
    assert_eq!(found, ["大峪街道|4|ranked", "清水镇|3|ranked"]);
}

#[tokio::test]
async fn a_rollup_that_knows_other_flags_is_mended() {
    let mut world = World::controlled(&STATIONS).await;
    for device in ["a", "b"] {
        world
            .watch(days(
                device,
                4,
                |hour| if hour == 30 { 300_000 } else { usual(hour) },
            ))
            .await;
    }
    world.roll_up().await;
    let unchecked = ask(&world, SourceChoice::Rollup).await;
    assert_eq!(unchecked.provenance.qc_version, None);

    let report = world.control().await;
    let behind = ask(&world, SourceChoice::Auto).await;
    assert_eq!(behind.provenance.source, Source::RollupAndRaw);
    assert_eq!(behind.provenance.qc_version, report.version);
    assert!(
        rank(
            &world.lake,
            &world.settings,
            &RankRequest {
                source: SourceChoice::Rollup,
                ..RankRequest::new("tsp", "2019-08-06".parse().unwrap())
            }
        )
        .await
        .is_err(),
        "the rollup alone is refused"
    );
    let raw = ask(&world, SourceChoice::Raw).await;
    assert_eq!(behind.rows, raw.rows);
    assert_ne!(behind.rows, unchecked.rows);

    assert_eq!(world.roll_up().await.days, 1, "only the day of the spike");
    let rolled = ask(&world, SourceChoice::Rollup).await;
    assert_eq!(rolled.rows, raw.rows);
    let incremental = world.lines(HOURS).await;
    world.rebuild().await;
    assert_eq!(world.lines(HOURS).await, incremental);

    // The figures of before, by the versions that they were made from.
    let before = RankRequest {
        observations_version: rolled.provenance.observations_version,
        qc_version: rolled.provenance.qc_version,
        ..RankRequest::new("tsp", "2019-08-05..2019-08-08".parse().unwrap())
    };
    world.settings.qc.thresholds.spike_min = 5;
    world.settings.qc.thresholds.spike_mad_factor = 1;
    assert!(world.control().await.changed_days > 0);
    world.roll_up().await;
    let again = rank(&world.lake, &world.settings, &before).await.unwrap();
    assert_eq!(again.rows, rolled.rows);
    assert_ne!(ask(&world, SourceChoice::Auto).await.rows, rolled.rows);
}

#[tokio::test]
async fn runs_are_incremental_and_carry_what_they_were_made_from() {
    let mut world = World::controlled(&STATIONS).await;
    assert_eq!(world.control().await.flags, 0);
    world
        .watch(days(
            "a",
            5,
            |hour| if hour % 24 == 3 { 300_000 } else { usual(hour) },
        ))
        .await;
    let first = world.control().await;
    assert_eq!((first.days, first.changed_days), (5, 5));
    assert_eq!(
        first.source_version,
        world.lake.version(TableKind::Observations).await.unwrap()
    );
    let version = world.lake.version(TableKind::Qc).await.unwrap();
    assert_eq!(world.control().await.days, 0);
    assert_eq!(
        world.lake.version(TableKind::Qc).await.unwrap(),
        version,
        "nothing new makes no commit"
    );

    let mut late = days("b", 5, usual);
    late.retain(|seen| seen.time.as_micros() == time("2019-08-07T12:00:00+08:00").as_micros());
    world.watch(late).await;
    let second = world.control().await;
    assert_eq!(
        (second.days, second.changed_days),
        (3, 0),
        "the day and its neighbours, where nothing changed"
    );

    world.settings.qc.tests = vec!["q3".to_owned()];
    let period = QcRequest {
        period: Some("2019-08-06".parse().unwrap()),
        rebuild: false,
    };
    let one = world.control_by(period).await;
    assert_eq!((one.days, one.changed_days, one.source_version), (1, 1, None));
    assert_eq!(
        world
            .lines("SELECT DISTINCT test FROM qc_flags WHERE day = DATE '2019-08-06'")
            .await,
        ["q3"]
    );
    assert_eq!(
        world
            .lines("SELECT count(*) FROM qc_flags WHERE test = 'q1'")
            .await,
        ["4"]
    );
    let rest = world.control().await;
    assert_eq!((rest.days, rest.changed_days), (5, 4));
    assert!(rest.source_version.is_some());
    assert_eq!(
        world
            .lines("SELECT count(*) FROM qc_flags WHERE test = 'q1'")
            .await,
        ["0"]
    );
}

#[tokio::test]
async fn progress_reaches_its_total() {
    let mut world = World::controlled(&STATIONS).await;
    world.watch(days("a", 6, usual)).await;
    let mut seen = Vec::new();
    let request = QcRequest::default();
    qc_run(&world.lake, &world.settings, request, |p| {
        seen.push((p.done, p.total))
    })
    .await
    .unwrap();
    assert_eq!(seen, [(1, 6), (6, 6)]);
}
