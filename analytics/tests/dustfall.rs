//! Dustfall through the typed doors: months of townships, in order, ranked and judged, of one version.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use dustwatch_analytics::dustfall::{ImportKind, Verdict, import, report, township_months};
use dustwatch_analytics::{AnalyticsError, DustfallFigure, RankRequest, Status, rank};
use dustwatch_config::{DistrictDustfall, Settings};
use dustwatch_lake::Lake;
use dustwatch_observation::Time;

/// The built-in district over a lake in a folder.
fn district(folder: &Path) -> (Lake, Settings) {
    let mut settings = Settings::load(None).unwrap();
    settings.lake.uri = folder.join("lake").display().to_string();
    (Lake::new(&settings).unwrap(), settings)
}

/// Results as a laboratory gives them: site, month, value.
async fn results(lake: &Lake, settings: &Settings, folder: &Path, lines: &[(&str, &str, &str)]) {
    let lines = lines
        .iter()
        .map(|(site, month, value)| format!("110109-{site},{month},{value}\n"));
    let file = folder.join("results.csv");
    std::fs::write(&file, format!("site,month,value\n{}", lines.collect::<String>())).unwrap();
    let now: Time = "2020-01-15T00:00:00Z"
        .parse::<chrono::DateTime<chrono::Utc>>()
        .unwrap()
        .into();
    let said = import(lake, settings, &file, ImportKind::Laboratory, now)
        .await
        .unwrap();
    assert_eq!(said.report.refused, [], "every line is a result");
}

/// Code, published text, rank from either end.
fn cells(figure: &DustfallFigure) -> String {
    let row = &figure.ranking;
    let rank = |rank: Option<u32>| rank.map_or("-".to_owned(), |r| r.to_string());
    format!(
        "{} {} {} {} {}",
        figure.period,
        row.township_code,
        figure.text.as_deref().unwrap_or("-"),
        rank(row.rank),
        rank(row.rank_worst)
    )
}

const LINES: [(&str, &str, &str); 7] = [
    ("DY-J1", "2019-07", "6.0"),
    ("DY-J2", "2019-07", "7.5"),
    ("CZ-J1", "2019-07", "5.0"),
    ("DY-J1", "2019-08", "6.2"),
    ("CZ-J1", "2019-08", "6.2"),
    ("QS-J1", "2019-08", "<0.3"),
    ("CZ-J1", "2018-08", "6.6"),
];

#[tokio::test]
async fn months_come_in_order_with_ranks_and_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, mut settings) = district(folder.path());
    settings.rules.r4_period = "month".to_owned();
    let range = "2019-07-01..2019-08-31".parse().unwrap();
    let empty = township_months(&lake, &settings, range, None).await.unwrap();
    assert_eq!((empty.dustfall_version, empty.figures.len()), (None, 26));
    assert!(
        empty
            .figures
            .iter()
            .all(|f| f.ranking.status == Status::InsufficientData)
    );
    let request = RankRequest::new("dustfall", "2019-08".parse().unwrap());
    let refused = rank(&lake, &settings, &request).await;
    assert!(
        matches!(refused, Err(AnalyticsError::Request(_))),
        "nothing was imported"
    );

    results(&lake, &settings, folder.path(), &LINES).await;
    let months = township_months(&lake, &settings, range, None).await.unwrap();
    assert!(months.dustfall_version.is_some());
    let ranked: Vec<String> = months
        .figures
        .iter()
        .filter(|f| f.ranking.status == Status::Ranked)
        .map(cells)
        .collect();
    assert_eq!(
        ranked,
        [
            "2019-07 110109002 5.0 1 2",
            "2019-07 110109001 6.8 2 1",
            "2019-08 110109107 <0.3 1 3",
            "2019-08 110109001 6.2 2 1",
            "2019-08 110109002 6.2 2 1",
        ]
    );
    assert_eq!(
        months.figures.len(),
        26,
        "townships without a point are there too"
    );
    let of = |month: &str, code: &str| {
        let mut figures = months.figures.iter();
        let found = figures.find(|f| f.period.to_string() == month && f.ranking.township_code == code);
        found.unwrap()
    };
    let dayu = of("2019-07", "110109001");
    assert_eq!(dayu.verdict, Some(Verdict::Exceeds), "6.75 is published as 6.8");
    assert_eq!((dayu.rose, dayu.ranking.stations), (None, 2));
    let chengzi = of("2019-08", "110109002");
    assert_eq!(chengzi.verdict, Some(Verdict::Compliant));
    assert_eq!(
        chengzi.rose,
        Some(false),
        "6.2 after 6.6 a year ago, although July had 5.0"
    );
    let ranking = rank(&lake, &settings, &request).await.unwrap();
    let august: Vec<_> = months.figures[13..].iter().map(|f| f.ranking.clone()).collect();
    assert_eq!(ranking.rows, august, "`rank` says the same");

    settings.rules.r3_basis = "mom".to_owned();
    settings.rules.r4_period = "year_mean".to_owned();
    let months = township_months(&lake, &settings, range, None).await.unwrap();
    let chengzi = months.figures[13..]
        .iter()
        .find(|f| f.ranking.township_code == "110109002");
    assert_eq!(chengzi.unwrap().rose, Some(true), "against July");
    let dayu = months.figures[13..]
        .iter()
        .find(|f| f.ranking.township_code == "110109001");
    let dayu = dayu.unwrap();
    assert_eq!(
        dayu.ranking.cumulative_value.unwrap().to_string(),
        "6.5",
        "of 6.75 and 6.2"
    );
    assert_eq!(dayu.verdict, Some(Verdict::Compliant));
    settings.rules.limit_compare = "full".to_owned();
    settings.rules.r4_limit = 6.47;
    let months = township_months(&lake, &settings, range, None).await.unwrap();
    let dayu = months.figures[13..]
        .iter()
        .find(|f| f.ranking.township_code == "110109001");
    assert_eq!(dayu.unwrap().verdict, Some(Verdict::Exceeds), "6.475 unrounded");

    for period in ["2019-W32", "2019-08-06"] {
        let said = township_months(&lake, &settings, period.parse().unwrap(), None).await;
        assert!(matches!(said, Err(AnalyticsError::Request(_))), "{period}");
    }
}

#[tokio::test]
async fn the_district_is_the_mean_of_townships_or_of_points() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, mut settings) = district(folder.path());
    results(&lake, &settings, folder.path(), &LINES).await;
    let july = "2019-07".parse().unwrap();
    let value = |settings: &Settings| {
        let (lake, settings) = (lake.clone(), settings.clone());
        async move {
            let said = report(&lake, &settings, july, None).await.unwrap();
            (said.district.text.unwrap(), said.district.ranking.mean.unwrap())
        }
    };
    // Townships 6.75 and 5.0; points 6.0, 7.5 and 5.0.
    assert_eq!(value(&settings).await, ("5.9".to_owned(), (6.75 + 5.0) / 2.0));
    settings.dustfall.district_dustfall = DistrictDustfall::MeanOfPoints;
    let (text, mean) = value(&settings).await;
    assert_eq!(text, "6.2");
    assert!((mean - (6.0 + 7.5 + 5.0) / 3.0).abs() < 1e-9, "{mean}");
}
