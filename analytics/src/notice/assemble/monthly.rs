//! What a month's dispatch (月调度) says beyond a week's notice: dustfall, the year's target, who is called in.
//!
//! Invariant: a list of names carries the rules, months and settings that led to it; nobody is named without them.

use crate::dustfall::{DustfallFigure, Verdict};
use crate::notice::{
    Align, Block, Column, Emphasis, MonthInputs, NoticeInputs, Row, Table, YearFigure, wording,
};
use crate::supervision::{Outcome, SupervisionRow};

/// 降尘情况.
pub(super) fn dustfall(inputs: &NoticeInputs, month: &MonthInputs, number: u32) -> Vec<Block> {
    let report = &month.dustfall;
    let limit = inputs.settings.rules.r4_limit;
    let Some(district) = &report.district.text else {
        return vec![Block::Paragraph(
            "本月没有有效的降尘监测结果，不作统计和排名。".to_owned(),
        )];
    };
    let exceeding: Vec<&str> = (report.townships.iter())
        .filter(|figure| figure.month_verdict == Some(Verdict::Exceeds))
        .map(|figure| figure.ranking.township.as_str())
        .collect();
    let risen: Vec<&str> = (report.townships.iter())
        .filter(|figure| figure.rose == Some(true))
        .map(|figure| figure.ranking.township.as_str())
        .collect();
    let named = |names: &[&str], nobody: &str| match names {
        [] => nobody.to_owned(),
        _ => format!("有{}个：{}", names.len(), names.join("、")),
    };
    let row = &report.district.ranking;
    let text = format!(
        "本月全区降尘量为{district}吨/平方公里·月，{}，{}，{}。高于{limit}吨/平方公里·月的镇街{}；不降反升的镇街{}。各镇街情况见表{number}。",
        verdict_clause(report.district.month_verdict, limit),
        wording::change_clause("环比", row.change_percent),
        wording::change_clause("同比", row.last_year_percent),
        named(&exceeding, "没有"),
        named(&risen, "没有"),
    );
    vec![
        Block::Paragraph(text),
        Block::Table(dustfall_table(month, limit, number)),
    ]
}

fn verdict_clause(verdict: Option<Verdict>, limit: f64) -> String {
    match verdict {
        Some(Verdict::Compliant) => format!("达到{limit}吨/平方公里·月的控制要求"),
        Some(Verdict::Exceeds) => format!("超过{limit}吨/平方公里·月的控制要求"),
        None => "不作达标评价".to_owned(),
    }
}

fn dustfall_table(month: &MonthInputs, limit: f64, number: u32) -> Table {
    let columns = [
        ("排名", Align::Center),
        ("镇街", Align::Left),
        ("降尘量", Align::Right),
        ("点位数", Align::Right),
        ("环比(%)", Align::Right),
        ("同比(%)", Align::Right),
        ("今年平均", Align::Right),
        ("评价", Align::Center),
    ];
    let row = |figure: &DustfallFigure| {
        let ranking = &figure.ranking;
        let verdict = match figure.month_verdict {
            Some(Verdict::Compliant) => "达标",
            Some(Verdict::Exceeds) => "超标",
            None => wording::NONE,
        };
        Row {
            cells: vec![
                ranking
                    .rank
                    .map_or_else(|| wording::NONE.to_owned(), |rank| rank.to_string()),
                ranking.township.clone(),
                figure.text.clone().unwrap_or_else(|| wording::NONE.to_owned()),
                ranking.stations.to_string(),
                wording::figure(ranking.change_percent),
                wording::figure(ranking.last_year_percent),
                wording::figure(ranking.cumulative_value),
                verdict.to_owned(),
            ],
            emphasis: match (figure.month_verdict, &figure.text) {
                (Some(Verdict::Exceeds), _) => Emphasis::Last,
                (_, None) => Emphasis::Absent,
                _ => Emphasis::Plain,
            },
        }
    };
    Table {
        unit: Some("吨/平方公里·月".to_owned()),
        rows: month.dustfall.townships.iter().map(row).collect(),
        notes: vec![format!(
            "按HJ 1221-2021测定，折算为30天；评价以{limit}吨/平方公里·月为限；“<”表示低于检出限；“—”表示无有效结果或无可比数据。"
        )],
        caption: format!("表{number} 各镇街降尘量及排名"),
        columns: Column::all(&columns),
    }
}

/// 年度目标进展: rules R5 and R5f.
pub(super) fn progress(inputs: &NoticeInputs, month: &MonthInputs) -> Vec<Block> {
    let limit = inputs.settings.rules.r5_limit;
    let year = month.years.last().filter(|year| year.value.is_some());
    let Some((year, value)) = year.and_then(|year| Some((year, year.value?))) else {
        return vec![Block::Paragraph(format!(
            "今年没有足够的PM2.5有效数据，距{limit}微克/立方米年度目标的进展不作评价。"
        ))];
    };
    let unit = wording::unit(&inputs.pm25.unit);
    let until = wording::date(inputs.period.last());
    let mut text = format!(
        "截至{until}，今年全区PM2.5平均浓度为{value}{unit}，{}，较上年全年{}。",
        wording::gap(value, limit, &unit),
        year.change_percent
            .map_or_else(|| "无可比数据".to_owned(), |change| wording::change(Some(change))),
    );
    text.push_str(&allowed(year, &unit, limit).unwrap_or_default());
    vec![Block::Paragraph(text)]
}

fn allowed(year: &YearFigure, unit: &str, limit: u32) -> Option<String> {
    let allowed = year.allowed_mean?;
    let days = year.days_to_come;
    Some(match allowed.decimal().mantissa() > 0 {
        true => format!("余下{days}天的平均浓度控制在{allowed}{unit}以内，可以实现{limit}{unit}的年度目标。"),
        false => format!("余下{days}天无论浓度多低，都不能实现{limit}{unit}的年度目标。"),
    })
}

/// 约谈和问责建议名单: rules R2, R3b and R3c.
pub(super) fn supervision(month: &MonthInputs, number: u32) -> Vec<Block> {
    let rows = &month.supervision.rows;
    if rows.is_empty() {
        return vec![Block::Paragraph(
            "本月没有镇街达到约谈或问责建议的条件。".to_owned(),
        )];
    }
    let names = |outcome: Outcome| {
        let mut names: Vec<&str> = Vec::new();
        for row in rows.iter().filter(|row| row.outcome == outcome) {
            if !names.contains(&row.township.as_str()) {
                names.push(&row.township);
            }
        }
        names
    };
    let clause = |outcome: Outcome, label: &str| match names(outcome) {
        names if names.is_empty() => None,
        names => Some(format!("{label}的镇街有{}个：{}", names.len(), names.join("、"))),
    };
    let clauses = [
        clause(Outcome::Accountability, "建议问责"),
        clause(Outcome::Interview, "约谈"),
    ];
    let clauses: Vec<String> = clauses.into_iter().flatten().collect();
    let text = format!("按照考核规则，{}。依据见表{number}。", clauses.join("；"));
    vec![
        Block::Paragraph(text),
        Block::Table(supervision_table(month, number)),
    ]
}

fn supervision_table(month: &MonthInputs, number: u32) -> Table {
    let columns = [
        ("镇街", Align::Left),
        ("指标", Align::Left),
        ("处理", Align::Center),
        ("规则", Align::Left),
        ("依据的月份、数值和倒数名次", Align::Left),
        ("此前触发", Align::Center),
    ];
    let row = |row: &SupervisionRow| {
        let led = row.months.iter();
        let led: Vec<String> = led
            .map(|month| format!("{} {}（倒数第{}）", month.month, month.value, month.rank_worst))
            .collect();
        Row {
            cells: vec![
                row.township.clone(),
                wording::parameter(&row.parameter),
                row.outcome.chinese().to_owned(),
                row.rules.clone(),
                led.join("；"),
                row.met_before.clone().unwrap_or_else(|| wording::NONE.to_owned()),
            ],
            emphasis: match row.outcome {
                Outcome::Accountability => Emphasis::Last,
                Outcome::Interview => Emphasis::Plain,
            },
        }
    };
    Table {
        unit: None,
        rows: month.supervision.rows.iter().map(row).collect(),
        notes: vec![
            "R2：PM2.5或TSP连续数月位列后几名且没有改善；R3a：降尘不降反升；R3b：降尘连续数月位列后几名且没有改善；R3c：触发后在规定月数内再次触发，建议问责。"
                .to_owned(),
            format!("规则参数：{}。", month.supervision.settings),
        ],
        caption: format!("表{number} 约谈和问责建议名单"),
        columns: Column::all(&columns),
    }
}
