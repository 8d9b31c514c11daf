//! An invented week of the built-in district.

use chrono::NaiveDate;
use dustwatch_config::Settings;

use crate::notice::{NoticeInputs, NoticeWording};
use crate::{
    CompletenessRow, DistrictFigure, Order, Period, Provenance, Published, Ranking, RankingRow, Scope,
    Source, Status,
};

const PROVENANCE: Provenance = Provenance {
    observations_version: Some(18),
    hourly_version: Some(7),
    qc_version: None,
    source: Source::Rollup,
};

/// Township and its value of this week and the week before, with the change in tenths of a percent.
type Line = (&'static str, i64, Option<(i64, i64)>);

/// Cleanest first; two share the third place from the end.
const PM25: [Line; 12] = [
    ("妙峰山镇", 28, Some((33, -152))),
    ("斋堂镇", 29, Some((33, -121))),
    ("雁翅镇", 29, Some((34, -147))),
    ("潭柘寺镇", 31, Some((36, -139))),
    ("王平镇", 32, Some((36, -111))),
    ("大台街道", 33, Some((38, -132))),
    ("军庄镇", 35, Some((35, 0))),
    ("东辛房街道", 37, None),
    ("城子街道", 39, Some((43, -93))),
    ("龙泉镇", 39, Some((38, 26))),
    ("大峪街道", 40, Some((39, 26))),
    ("永定镇", 41, Some((39, 51))),
];

const TSP: [Line; 13] = [
    ("斋堂镇", 84, Some((97, -134))),
    ("清水镇", 86, Some((99, -131))),
    ("妙峰山镇", 91, Some((104, -125))),
    ("雁翅镇", 93, Some((101, -79))),
    ("潭柘寺镇", 97, Some((112, -134))),
    ("大台街道", 104, Some((118, -119))),
    ("王平镇", 108, Some((116, -69))),
    ("军庄镇", 117, Some((121, -33))),
    ("东辛房街道", 124, Some((130, -46))),
    ("城子街道", 129, Some((139, -72))),
    ("大峪街道", 133, Some((133, 0))),
    ("龙泉镇", 142, Some((136, 44))),
    ("永定镇", 158, Some((147, 75))),
];

/// A ranked township; `change` in tenths of a percent.
pub(super) fn row(
    rank: u32,
    rank_worst: u32,
    code: &str,
    name: &str,
    value: i64,
    previous: Option<i64>,
    change: i64,
) -> RankingRow {
    RankingRow {
        rank: Some(rank),
        rank_worst: Some(rank_worst),
        township_code: code.to_owned(),
        township: name.to_owned(),
        value: Some(Published::new(value, 0)),
        mean: Some(value as f64),
        stations: 1,
        valid_days: 7,
        previous_value: previous.map(|p| Published::new(p, 0)),
        change_percent: previous.map(|_| Published::new(change, 1)),
        previous_rank: previous.map(|_| rank + 1),
        rank_change: previous.map(|_| [1, 0, -2, 2][rank as usize % 4]),
        last_year_value: Some(Published::new(value + 2, 0)),
        last_year_percent: Some(Published::new(-20 - value, 1)),
        cumulative_value: Some(Published::new(value + 7, 0)),
        status: Status::Ranked,
        last: rank_worst <= 3,
        day_min_hours: Some(20),
    }
}

/// A township without enough data.
pub(super) fn absent(code: &str, name: &str, valid_days: u32, cumulative: Option<i64>) -> RankingRow {
    RankingRow {
        rank: None,
        rank_worst: None,
        value: None,
        mean: None,
        valid_days,
        previous_value: None,
        change_percent: None,
        previous_rank: None,
        rank_change: None,
        last_year_value: None,
        last_year_percent: None,
        cumulative_value: cumulative.map(|value| Published::new(value, 0)),
        status: Status::InsufficientData,
        last: false,
        ..row(1, 1, code, name, 0, None, 0)
    }
}

/// A ranking of rows.
pub(super) fn ranking(parameter: &str, rows: Vec<RankingRow>) -> Ranking {
    Ranking {
        parameter: parameter.to_owned(),
        unit: "µg/m³".to_owned(),
        period: week(),
        scope: Scope::District,
        order: Order::Best,
        rows,
        provenance: PROVENANCE,
    }
}

fn week() -> Period {
    Period::week(2019, 32).unwrap()
}

fn rows(lines: &[Line], settings: &Settings) -> Vec<RankingRow> {
    let better = |value: i64| lines.iter().filter(|l| l.1 < value).count() as u32;
    let worse = |value: i64| lines.iter().filter(|l| l.1 > value).count() as u32;
    let code = |name: &str| {
        let mut townships = settings.registry.townships().iter();
        townships.find(|t| t.name == name).unwrap().code.clone()
    };
    let row = |(name, value, before): &Line| {
        let (previous, change) = before.map_or((None, 0), |(value, change)| (Some(value), change));
        row(
            better(*value) + 1,
            worse(*value) + 1,
            &code(name),
            name,
            *value,
            previous,
            change,
        )
    };
    lines.iter().map(row).collect()
}

fn district(parameter: &str, value: i64, previous: i64, change: i64) -> DistrictFigure {
    DistrictFigure {
        parameter: parameter.to_owned(),
        unit: "µg/m³".to_owned(),
        period: week(),
        value: Some(Published::new(value, 0)),
        mean: Some(value as f64),
        valid_days: 7,
        previous_value: Some(Published::new(previous, 0)),
        change_percent: Some(Published::new(change, 1)),
        last_year_value: Some(Published::new(value - 1, 0)),
        last_year_percent: Some(Published::new(34, 1)),
        cumulative_value: Some(Published::new(value + 7, 0)),
        good_days: Some(6),
        provenance: PROVENANCE,
    }
}

fn completeness(settings: &Settings, lost: u32) -> Vec<CompletenessRow> {
    let station = |(number, township): (usize, &dustwatch_config::Township)| CompletenessRow {
        township_code: township.code.clone(),
        township: township.name.clone(),
        device: format!("110109-XX-{number:04}"),
        name: format!("{}监测站", township.name.trim_end_matches(['镇', '街', '道'])),
        kind: "township".to_owned(),
        expected_hours: 168,
        valid_hours: match number {
            11 => 73 - lost,
            _ => 168 - lost - (number as u32 % 4),
        },
    };
    settings
        .registry
        .townships()
        .iter()
        .enumerate()
        .map(station)
        .collect()
}

/// The week with everything that a notice can have.
pub(super) fn inputs() -> NoticeInputs {
    let settings = Settings::load(None).unwrap();
    let mut pm25 = rows(&PM25, &settings);
    pm25.push(absent("110109107", "清水镇", 3, Some(33)));
    let mut pieces = NoticeWording::from(&settings);
    pieces.notice.copies = vec![
        "区委办公室".to_owned(),
        "区政府办公室".to_owned(),
        "区生态环境局".to_owned(),
    ];
    pieces.notice.contact = Some("大气办值班室".to_owned());
    NoticeInputs {
        settings: pieces,
        period: week(),
        pm25: ranking("pm25", pm25),
        tsp: ranking("tsp", rows(&TSP, &settings)),
        district_pm25: district("pm25", 34, 39, -121),
        district_tsp: district("tsp", 113, 119, -50),
        completeness_pm25: completeness(&settings, 0),
        completeness_tsp: completeness(&settings, 5),
        reports: crate::notice::Reports::default(),
        month: None,
        issued_on: NaiveDate::from_ymd_opt(2019, 8, 12).unwrap(),
        program: "dustwatch 0.1.0".to_owned(),
        revision: None,
        correction: None,
    }
}
