//! From figures to a notice: which section says what, in the order of the document.
//!
//! Invariant: pure; the same inputs give the same notice.

mod annex;
mod correction;
mod places;
mod problems;
mod summary;
mod townships;

use chrono::Datelike;
use townships::Numbers;

use crate::notice::wording;
use crate::notice::{Block, Imprint, Notice, NoticeProvenance, Section, WeeklyInputs};

/// The weekly notice (周通报).
pub fn weekly(inputs: &WeeklyInputs) -> Notice {
    let notice = &inputs.settings.notice;
    let week = inputs.period.first().iso_week();
    let date = wording::date(inputs.issued_on);
    Notice {
        masthead: notice.agency.clone(),
        number: format!("{}〔{}〕第{}期", notice.document_prefix, week.year(), week.week()),
        title: format!(
            "{}大气污染防治工作周通报{}",
            inputs.settings.district.name,
            if inputs.revision.is_some() {
                "（更正）"
            } else {
                ""
            }
        ),
        period: wording::period(inputs.period),
        revision: inputs
            .revision
            .map(|revision| format!("第{revision}次修订，此前印发的本期通报同时废止")),
        recipients: notice.recipients.join("，"),
        sections: correction::section(inputs)
            .into_iter()
            .chain(sections(inputs))
            .collect(),
        signature: notice.issuer.clone(),
        date: date.clone(),
        contact: notice
            .contact
            .as_ref()
            .map(|contact| format!("联系人：{contact}")),
        annexes: vec![annex::completeness(inputs)],
        imprint: Imprint {
            copies: notice.copies.clone(),
            printer: notice.issuer.clone(),
            date: format!("{date}印发"),
        },
        provenance: NoticeProvenance::weekly(inputs),
    }
}

fn sections(inputs: &WeeklyInputs) -> Vec<Section> {
    let last_rank = inputs.settings.rules.r1_n;
    let first = Numbers { table: 2, figure: 1 };
    let drawn = inputs.pm25.rows.iter().any(|row| row.value.is_some());
    let second = Numbers {
        table: 3,
        figure: if drawn { 2 } else { 1 },
    };
    let bodies = vec![
        ("总体情况", summary::blocks(inputs)),
        (
            "各镇街PM2.5浓度及排名",
            townships::blocks(inputs, &inputs.pm25, first),
        ),
        (
            "各镇街TSP浓度及排名",
            townships::blocks(inputs, &inputs.tsp, second),
        ),
        (
            "全市排名情况",
            missing(&format!(
                "本期未导入市级通报，各镇街是否列入全市浓度最高的{last_rank}个乡镇（街道）不作判断。"
            )),
        ),
        ("工地报警情况", missing("本期未接入工地扬尘报警数据，不作统计。")),
        ("执法检查情况", missing("本期未导入执法检查数据，不作统计。")),
        ("存在问题和下一步要求", problems::blocks(inputs)),
    ];
    (1..)
        .zip(bodies)
        .map(|(number, (heading, blocks))| Section {
            heading: format!("{}、{heading}", wording::numeral(number)),
            blocks,
        })
        .collect()
}

/// The body of a section that there are no data for.
fn missing(sentence: &str) -> Vec<Block> {
    vec![Block::Paragraph(sentence.to_owned())]
}
