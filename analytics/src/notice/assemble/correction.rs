//! 更正说明: what a revision changed against the issue that it replaces.

use crate::notice::wording;
use crate::notice::{Align, Block, Column, Correction, Emphasis, NoticeInputs, Row, Section, Table};

const COLUMNS: [(&str, Align); 6] = [
    ("指标", Align::Left),
    ("范围", Align::Left),
    ("更正前浓度", Align::Right),
    ("更正后浓度", Align::Right),
    ("更正前排名", Align::Center),
    ("更正后排名", Align::Center),
];

/// The section in front of the others; none in a first issue.
pub(super) fn section(inputs: &NoticeInputs) -> Option<Section> {
    let correction = inputs.correction.as_ref()?;
    let mut blocks = vec![Block::Paragraph(paragraph(correction))];
    if !correction.changes.is_empty() {
        blocks.push(Block::Table(table(inputs, correction)));
    }
    Some(Section {
        heading: "更正说明".to_owned(),
        blocks,
    })
}

fn paragraph(correction: &Correction) -> String {
    let date = wording::date(correction.corrects);
    let others = correction.others;
    let what = match (correction.changes.len(), others) {
        (0, _) => format!("各镇街浓度和排名不变，其他数据更正{others}项"),
        (_, 0) => "更正的浓度和排名见下表".to_owned(),
        _ => format!(
            "更正的浓度和排名见下表，其他数据（环比、同比、累计、有效天数、数据完整性等）随之更正{others}项"
        ),
    };
    format!("{date}印发的本期通报所依据的监测数据有补传或更正，{what}。以本次印发的为准。")
}

fn table(inputs: &NoticeInputs, correction: &Correction) -> Table {
    let row = |change: &crate::notice::Change| Row {
        cells: vec![
            wording::parameter(&change.parameter),
            change.name.clone(),
            change.value.0.clone(),
            change.value.1.clone(),
            change.rank.0.clone(),
            change.rank.1.clone(),
        ],
        emphasis: Emphasis::Plain,
    };
    Table {
        caption: "更正前后对照".to_owned(),
        unit: Some(
            match correction
                .changes
                .iter()
                .any(|change| change.parameter == "dustfall")
            {
                true => format!("{}，降尘为吨/平方公里·月", wording::unit(&inputs.pm25.unit)),
                false => wording::unit(&inputs.pm25.unit),
            },
        ),
        columns: Column::all(&COLUMNS),
        rows: correction.changes.iter().map(row).collect(),
        notes: vec!["“—”表示无有效数据或不参加排名。".to_owned()],
    }
}
