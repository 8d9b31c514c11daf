//! The annex: how complete the data of each station are.

use crate::CompletenessRow;
use crate::notice::wording;
use crate::notice::{Align, Block, Column, Emphasis, NoticeInputs, Row, Section, Table};

const COLUMNS: [(&str, Align); 8] = [
    ("镇街", Align::Left),
    ("监测站", Align::Left),
    ("设备编号", Align::Left),
    ("应有", Align::Right),
    ("PM2.5有效", Align::Right),
    ("有效率(%)", Align::Right),
    ("TSP有效", Align::Right),
    ("有效率(%)", Align::Right),
];

/// 数据完整性, by station.
pub(super) fn completeness(inputs: &NoticeInputs) -> Section {
    let blocks = if inputs.completeness_pm25.is_empty() {
        vec![Block::Paragraph(
            "本期没有登记参加排名的监测站，无数据完整性可报。".to_owned(),
        )]
    } else {
        vec![
            Block::Paragraph(overall(inputs)),
            Block::Table(Table {
                caption: "参加排名的监测站数据完整性".to_owned(),
                unit: Some("小时".to_owned()),
                columns: Column::all(&COLUMNS),
                rows: inputs
                    .completeness_pm25
                    .iter()
                    .map(|row| line(row, inputs))
                    .collect(),
                notes: vec![format!(
                    "应有小时按监测站在位天数每天24小时计；一小时内有效观测不少于应有观测的{}%，该小时方为有效。",
                    inputs.settings.standards.hour_min_percent
                )],
            }),
        ]
    };
    Section {
        heading: format!("{}数据完整性", wording::period(inputs.period)),
        blocks,
    }
}

fn overall(inputs: &NoticeInputs) -> String {
    let pm25 = total(&inputs.completeness_pm25);
    let tsp = total(&inputs.completeness_tsp);
    let rate = |(valid, expected): (u64, u64)| match expected {
        0 => "无应有小时".to_owned(),
        _ => format!("{}%", wording::share(valid, expected)),
    };
    format!(
        "{}{}个监测站应有小时均值{}个，PM2.5有效率{}，TSP有效率{}。",
        wording::this(inputs.period),
        inputs.completeness_pm25.len(),
        pm25.1,
        rate(pm25),
        rate(tsp)
    )
}

/// Valid and expected hours.
fn total(rows: &[CompletenessRow]) -> (u64, u64) {
    let sum = |of: fn(&CompletenessRow) -> u32| rows.iter().map(|row| u64::from(of(row))).sum();
    (sum(|row| row.valid_hours), sum(|row| row.expected_hours))
}

fn line(pm25: &CompletenessRow, inputs: &NoticeInputs) -> Row {
    let same = |row: &&CompletenessRow| row.device == pm25.device && row.township_code == pm25.township_code;
    let tsp = inputs.completeness_tsp.iter().find(same);
    let hours = |row: Option<&CompletenessRow>| match row {
        Some(row) => [
            row.valid_hours.to_string(),
            wording::share(row.valid_hours.into(), row.expected_hours.into()),
        ],
        None => [wording::NONE.to_owned(), wording::NONE.to_owned()],
    };
    let [pm25_valid, pm25_share] = hours(Some(pm25));
    let [tsp_valid, tsp_share] = hours(tsp);
    let silent = pm25.valid_hours == 0 && tsp.is_none_or(|row| row.valid_hours == 0);
    Row {
        cells: vec![
            pm25.township.clone(),
            pm25.name.clone(),
            pm25.device.clone(),
            pm25.expected_hours.to_string(),
            pm25_valid,
            pm25_share,
            tsp_valid,
            tsp_share,
        ],
        emphasis: if silent { Emphasis::Absent } else { Emphasis::Plain },
    }
}
