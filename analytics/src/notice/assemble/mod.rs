//! From figures to a notice: which section says what, in the order of the document.
//!
//! Invariant: pure; the same inputs give the same notice.

mod annex;
mod correction;
mod monthly;
mod places;
mod problems;
mod reported;
mod summary;
mod townships;

use chrono::Datelike;
use townships::Numbers;

use crate::notice::wording;
use crate::notice::{Block, Imprint, Notice, NoticeInputs, NoticeKind, NoticeProvenance, Section};

/// The notice: a week's (周通报), or a month's (月调度) where the inputs have what that says.
pub fn assemble(inputs: &NoticeInputs) -> Notice {
    let notice = &inputs.settings.notice;
    let week = inputs.period.first().iso_week();
    let date = wording::date(inputs.issued_on);
    Notice {
        masthead: notice.agency.clone(),
        number: match inputs.kind() {
            NoticeKind::Weekly => {
                format!("{}〔{}〕第{}期", notice.document_prefix, week.year(), week.week())
            }
            NoticeKind::Monthly => {
                let first = inputs.period.first();
                format!(
                    "{}〔{}〕月调度第{}期",
                    notice.document_prefix,
                    first.year(),
                    first.month()
                )
            }
        },
        title: format!(
            "{}大气污染防治工作{}{}",
            inputs.settings.district.name,
            match inputs.kind() {
                NoticeKind::Weekly => "周通报",
                NoticeKind::Monthly => "月调度通报",
            },
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
        provenance: NoticeProvenance::of(inputs),
    }
}

fn sections(inputs: &NoticeInputs) -> Vec<Section> {
    let first = Numbers { table: 2, figure: 1 };
    let drawn = inputs.pm25.rows.iter().any(|row| row.value.is_some());
    let second = Numbers {
        table: 3,
        figure: if drawn { 2 } else { 1 },
    };
    let alarms = reported::alarms(inputs, 4);
    let has_table = alarms.iter().any(|block| matches!(block, Block::Table(_)));
    let last_table = if has_table { 5 } else { 4 };
    let mut bodies = vec![
        ("总体情况", summary::blocks(inputs)),
        (
            "各镇街PM2.5浓度及排名",
            townships::blocks(inputs, &inputs.pm25, first),
        ),
        (
            "各镇街TSP浓度及排名",
            townships::blocks(inputs, &inputs.tsp, second),
        ),
        ("全市排名情况", reported::city(inputs)),
        ("工地报警情况", alarms),
        ("执法检查情况", reported::enforcement(inputs, last_table)),
    ];
    if let Some(month) = &inputs.month {
        bodies.extend([
            ("降尘情况", monthly::dustfall(inputs, month, last_table + 1)),
            ("年度目标进展情况", monthly::progress(inputs, month)),
            ("约谈和问责建议", monthly::supervision(month, last_table + 2)),
        ]);
    }
    bodies.push(("存在问题和下一步要求", problems::blocks(inputs)));
    (1..)
        .zip(bodies)
        .map(|(number, (heading, blocks))| Section {
            heading: format!("{}、{heading}", wording::numeral(number)),
            blocks,
        })
        .collect()
}
