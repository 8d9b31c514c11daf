//! 二 and 三: the townships by PM2.5 and by TSP, as a table and as bars.

use chrono::Datelike;

use crate::notice::assemble::places::Places;
use crate::notice::wording;
use crate::notice::{Align, Bar, Block, Column, Emphasis, Figure, NoticeInputs, Row, Table};
use crate::{Ranking, RankingRow};

/// The numbers that a section's table and figure carry.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    pub(super) table: u32,
    pub(super) figure: u32,
}

/// The body of a section.
pub(super) fn blocks(inputs: &NoticeInputs, ranking: &Ranking, numbers: Numbers) -> Vec<Block> {
    let name = wording::parameter(&ranking.parameter);
    let places = Places::of(ranking, &inputs.settings.rules);
    if ranking.rows.is_empty() {
        return vec![Block::Paragraph(format!(
            "没有登记参加排名的镇街，不作{name}排名。"
        ))];
    }
    let mut blocks = vec![Block::Paragraph(introduction(
        wording::this(inputs.period),
        &name,
        &places,
        numbers.table,
    ))];
    blocks.push(Block::Table(table(inputs, ranking, &places, numbers)));
    if !places.ranked.is_empty() {
        blocks.push(Block::Figure(figure(inputs, ranking, &places, numbers)));
    }
    blocks
}

fn introduction(this: &str, name: &str, places: &Places<'_>, table: u32) -> String {
    let (ranked, absent) = (places.ranked.len(), places.absent.len());
    match (ranked, absent) {
        (0, _) => format!("{this}{absent}个镇街{name}有效数据均不足，不作排名，有效天数见表{table}。"),
        (_, 0) => format!("{this}{ranked}个镇街参加排名，结果见表{table}。"),
        _ => {
            format!("{this}{ranked}个镇街参加排名，结果见表{table}；{absent}个镇街有效数据不足，不参加排名。")
        }
    }
}

fn table(inputs: &NoticeInputs, ranking: &Ranking, places: &Places<'_>, numbers: Numbers) -> Table {
    let columns = [
        ("排名", Align::Center),
        ("镇街", Align::Left),
        ("浓度", Align::Right),
        ("环比(%)", Align::Right),
        ("同比(%)", Align::Right),
        ("累计浓度", Align::Right),
        ("排名变化", Align::Center),
        ("有效天数", Align::Right),
        ("备注", Align::Left),
    ];
    Table {
        caption: format!(
            "表{} 各镇街{}浓度及排名",
            numbers.table,
            wording::parameter(&ranking.parameter)
        ),
        unit: Some(wording::unit(&ranking.unit)),
        columns: Column::all(&columns),
        rows: listed(places)
            .map(|row| line(row, places, inputs.settings.rules.last_n))
            .collect(),
        notes: notes(inputs, ranking),
    }
}

/// The ranked townships, best first, then those without enough data.
fn listed<'a>(places: &Places<'a>) -> impl Iterator<Item = &'a RankingRow> {
    places.ranked.iter().chain(&places.absent).copied()
}

fn emphasis(row: &RankingRow, places: &Places<'_>) -> Emphasis {
    match row.value {
        None => Emphasis::Absent,
        Some(_) if places.is_last(row) => Emphasis::Last,
        Some(_) => Emphasis::Plain,
    }
}

fn line(row: &RankingRow, places: &Places<'_>, last_n: u32) -> Row {
    let emphasis = emphasis(row, places);
    let remark = match emphasis {
        Emphasis::Plain => String::new(),
        Emphasis::Last => format!("后{}位", wording::numeral(last_n)),
        Emphasis::Absent => "有效数据不足".to_owned(),
    };
    Row {
        cells: vec![
            row.rank
                .map_or_else(|| wording::NONE.to_owned(), |rank| rank.to_string()),
            row.township.clone(),
            wording::figure(row.value),
            wording::figure(row.change_percent),
            wording::figure(row.last_year_percent),
            wording::figure(row.cumulative_value),
            wording::rank_change(row.rank_change),
            row.valid_days.to_string(),
            remark,
        ],
        emphasis,
    }
}

fn notes(inputs: &NoticeInputs, ranking: &Ranking) -> Vec<String> {
    if ranking.parameter == inputs.pm25.parameter {
        return rules(inputs);
    }
    let mut notes = vec!["各栏说明同表2。".to_owned()];
    if ranking.parameter == "tsp" {
        notes.push("TSP自动监测尚无国家标准方法，数据用于镇街之间比较，不作达标评价。".to_owned());
    }
    notes
}

/// How the columns are to be read.
fn rules(inputs: &NoticeInputs) -> Vec<String> {
    let period = inputs.period;
    let (month, day) = (period.last().month(), period.last().day());
    let min_days = period.min_valid_days(&inputs.settings.standards);
    vec![
        format!(
            "按修约后的浓度由低到高排名，浓度相同的名次并列；↑、↓分别表示名次较{}前移、后移。",
            wording::last(period)
        ),
        format!(
            "环比与{}相比，同比与{}相比，负值表示下降；累计浓度为今年1月1日至{month}月{day}日有效日均浓度的平均值。",
            wording::short_period(period.previous()),
            wording::short_period(period.last_year()),
        ),
        format!("有效天数少于{min_days}天的不参加排名，“—”表示无有效数据或无可比数据。"),
    ]
}

fn figure(inputs: &NoticeInputs, ranking: &Ranking, places: &Places<'_>, numbers: Numbers) -> Figure {
    let name = wording::parameter(&ranking.parameter);
    let (this, before) = (wording::this(inputs.period), wording::last(inputs.period));
    let bar = |row: &RankingRow| Bar {
        label: row.township.clone(),
        value: row.value,
        previous: row.previous_value,
        emphasis: emphasis(row, places),
    };
    Figure {
        caption: format!("图{} 各镇街{name}浓度与{before}对比", numbers.figure),
        unit: wording::unit(&ranking.unit),
        current: this.to_owned(),
        previous: before.to_owned(),
        last: format!("{this}后{}位", wording::numeral(inputs.settings.rules.last_n)),
        bars: listed(places).map(bar).collect(),
    }
}
