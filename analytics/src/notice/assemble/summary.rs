//! 一、总体情况: the district's figures in the ministry's order of sentences, and in one small table.

use crate::notice::assemble::places::{self, Places};
use crate::notice::wording;
use crate::notice::{Align, Block, Column, Emphasis, NoticeInputs, Row, Table};
use crate::{DistrictFigure, Ranking};

/// The section's body.
pub(super) fn blocks(inputs: &NoticeInputs) -> Vec<Block> {
    vec![
        Block::Paragraph(paragraph(inputs, &inputs.pm25, &inputs.district_pm25)),
        Block::Paragraph(paragraph(inputs, &inputs.tsp, &inputs.district_tsp)),
        Block::Table(table(inputs)),
    ]
}

fn paragraph(inputs: &NoticeInputs, ranking: &Ranking, district: &DistrictFigure) -> String {
    let places = Places::of(ranking, &inputs.settings.rules);
    let this = wording::this(inputs.period);
    let mut sentences = vec![range(this, ranking, &places), mean(district)];
    sentences.extend(cumulative(inputs, district));
    sentences.extend(ends(inputs, ranking, &places));
    sentences.concat()
}

/// How many townships have a value, and how far these range.
fn range(this: &str, ranking: &Ranking, places: &Places<'_>) -> String {
    let name = wording::parameter_in_full(&ranking.parameter);
    let unit = wording::unit(&ranking.unit);
    let all = ranking.rows.len();
    let Some((low, high)) = places.range() else {
        let townships = if all == 0 {
            "各镇街".to_owned()
        } else {
            format!("{all}个镇街")
        };
        return format!("{this}{townships}{name}有效数据均不足，不作浓度统计和排名。");
    };
    let whose = match places.absent.len() {
        0 => format!("{this}，全区{all}个镇街"),
        _ => format!(
            "{this}，全区{all}个镇街中{}个有效数据充足，其",
            places.ranked.len()
        ),
    };
    if low == high {
        format!("{whose}{name}平均浓度均为{low}{unit}。")
    } else {
        format!("{whose}{name}平均浓度范围为{low}—{high}{unit}。")
    }
}

/// The district's value and its changes.
fn mean(district: &DistrictFigure) -> String {
    let Some(value) = district.value else {
        return "全区有效天数不足，全区平均浓度不作统计。".to_owned();
    };
    // TSP is measured for comparison only, so nothing is said about days that met a limit.
    let good = match district.good_days.filter(|_| district.parameter != "tsp") {
        Some(good) => format!("；{}个有效日中{good}天达标", district.valid_days),
        None => String::new(),
    };
    format!(
        "全区平均浓度为{value}{}，{}，{}{good}。",
        wording::unit(&district.unit),
        wording::change_clause("环比", district.change_percent),
        wording::change_clause("同比", district.last_year_percent),
    )
}

/// The year so far, and for PM2.5 how far it is from the year's target.
fn cumulative(inputs: &NoticeInputs, district: &DistrictFigure) -> Option<String> {
    let value = district.cumulative_value?;
    let unit = wording::unit(&district.unit);
    let until = wording::date(inputs.period.last());
    let text = format!("截至{until}，今年累计平均浓度为{value}{unit}");
    Some(match district.parameter.as_str() {
        "pm25" => format!(
            "{text}，{}。",
            wording::gap(value, inputs.settings.rules.r5_limit, &unit)
        ),
        _ => format!("{text}。"),
    })
}

/// The first ones and the last ones, where there are any.
fn ends(inputs: &NoticeInputs, ranking: &Ranking, places: &Places<'_>) -> Option<String> {
    if places.last.is_empty() {
        return None;
    }
    let unit = wording::unit(&ranking.unit);
    let n = inputs.settings.rules.last_n;
    let best = places::names_with_values(&places.best, &unit);
    let last = places::names_with_values(&places.last, &unit);
    let (first_title, last_title) = (
        places::first_title(&places.best, n),
        places::last_title(&places.last, n),
    );
    Some(format!(
        "排名{first_title}的为{best}；排名{last_title}的为{last}。"
    ))
}

fn table(inputs: &NoticeInputs) -> Table {
    let row = |district: &DistrictFigure| Row {
        cells: vec![
            wording::parameter(&district.parameter),
            wording::figure(district.value),
            wording::figure(district.previous_value),
            wording::figure(district.change_percent),
            wording::figure(district.last_year_value),
            wording::figure(district.last_year_percent),
            wording::figure(district.cumulative_value),
            district.valid_days.to_string(),
        ],
        emphasis: Emphasis::Plain,
    };
    Table {
        caption: "表1 全区主要指标".to_owned(),
        unit: Some(wording::unit(&inputs.pm25.unit)),
        columns: Column::all(&[
            ("指标", Align::Left),
            (wording::this(inputs.period), Align::Right),
            (wording::last(inputs.period), Align::Right),
            ("环比(%)", Align::Right),
            ("去年同期", Align::Right),
            ("同比(%)", Align::Right),
            ("今年累计", Align::Right),
            ("有效天数", Align::Right),
        ]),
        rows: vec![row(&inputs.district_pm25), row(&inputs.district_tsp)],
        notes: vec!["环比、同比负值表示下降，“—”表示无有效数据或无可比数据。".to_owned()],
    }
}
