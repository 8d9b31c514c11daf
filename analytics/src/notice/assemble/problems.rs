//! 七、存在问题和下一步要求: what follows from the figures, and only that.
//!
//! Invariant: a weekly notice reminds; it carries no accountability, and says so. A monthly one proposes, and people decide.

use crate::notice::assemble::places::{self, Places};
use crate::notice::wording;
use crate::notice::{Block, NoticeInputs};
use crate::{Ranking, RankingRow};

/// The section's body.
pub(super) fn blocks(inputs: &NoticeInputs) -> Vec<Block> {
    let rules = &inputs.settings.rules;
    let pm25 = Ranked::of(&inputs.pm25, Places::of(&inputs.pm25, rules), rules.last_n);
    let tsp = Ranked::of(&inputs.tsp, Places::of(&inputs.tsp, rules), rules.last_n);
    let mut blocks = vec![Block::Subheading("（一）存在问题".to_owned())];
    blocks.extend(numbered(problems(inputs, &pm25, &tsp)));
    blocks.push(Block::Subheading("（二）下一步要求".to_owned()));
    blocks.extend(numbered(requests(inputs, &pm25, &tsp)));
    blocks
}

/// A parameter's ranking with the townships it names.
struct Ranked<'a> {
    name: String,
    unit: String,
    last_n: u32,
    places: Places<'a>,
}

impl<'a> Ranked<'a> {
    fn of(ranking: &Ranking, places: Places<'a>, last_n: u32) -> Self {
        Self {
            name: wording::parameter(&ranking.parameter),
            unit: wording::unit(&ranking.unit),
            last_n,
            places,
        }
    }
}

fn numbered(sentences: Vec<String>) -> impl Iterator<Item = Block> {
    (1..)
        .zip(sentences)
        .map(|(number, sentence)| Block::Paragraph(format!("{number}.{sentence}")))
}

fn problems(inputs: &NoticeInputs, pm25: &Ranked<'_>, tsp: &Ranked<'_>) -> Vec<String> {
    let mut problems: Vec<String> = [pm25, tsp].into_iter().filter_map(last).collect();
    problems.extend([pm25, tsp].into_iter().filter_map(risen));
    problems.extend([pm25, tsp].into_iter().filter_map(absent));
    if problems.is_empty() {
        let this = wording::this(inputs.period);
        problems.push(format!("{this}排名和数据有效性未发现需要点名的问题。"));
    }
    problems
}

fn last(ranked: &Ranked<'_>) -> Option<String> {
    let rows = &ranked.places.last;
    (!rows.is_empty()).then(|| {
        format!(
            "{}浓度排名{}的镇街为{}。",
            ranked.name,
            places::last_title(rows, ranked.last_n),
            places::names_with_values(rows, &ranked.unit)
        )
    })
}

fn risen(ranked: &Ranked<'_>) -> Option<String> {
    let rows = &ranked.places.risen;
    (!rows.is_empty()).then(|| {
        format!(
            "{}浓度环比上升的镇街有{}个：{}。",
            ranked.name,
            rows.len(),
            places::names_with_changes(rows)
        )
    })
}

fn absent(ranked: &Ranked<'_>) -> Option<String> {
    let rows = &ranked.places.absent;
    (!rows.is_empty()).then(|| {
        format!(
            "{}有效数据不足、未参加排名的镇街有{}个：{}。",
            ranked.name,
            rows.len(),
            places::names(rows)
        )
    })
}

fn requests(inputs: &NoticeInputs, pm25: &Ranked<'_>, tsp: &Ranked<'_>) -> Vec<String> {
    let mut requests = Vec::new();
    if !pm25.places.last.is_empty() {
        requests.push(format!(
            "{}要认真查找PM2.5浓度偏高的原因，加强扬尘、重型柴油车和餐饮油烟管控，尽快改善排名。",
            places::names(&pm25.places.last)
        ));
    }
    if !tsp.places.last.is_empty() {
        requests.push(format!(
            "{}要对施工工地、渣土运输、道路和裸露地面扬尘逐一排查，做好苫盖、冲洗和道路清扫保洁，尽快降低TSP浓度。",
            places::names(&tsp.places.last)
        ));
    }
    if !(pm25.places.risen.is_empty() && tsp.places.risen.is_empty()) {
        requests.push("浓度环比上升的镇街要分析上升原因，有针对性地采取措施，防止持续反弹。".to_owned());
    }
    let absent = absent_from_either(pm25, tsp);
    if !absent.is_empty() {
        requests.push(format!(
            "{}要会同监测设备运维单位查明原因，尽快恢复有效监测数据。",
            places::names(&absent)
        ));
    }
    requests.push(match &inputs.month {
        None => "各镇街要对照本通报抓好工作落实。本通报为周调度数据，用于工作提醒，不作为约谈和问责依据。".to_owned(),
        Some(month) if month.supervision.rows.is_empty() => "各镇街要对照本通报抓好工作落实。".to_owned(),
        Some(_) => "列入约谈和问责建议名单的镇街要逐条查找原因，制定整改措施并限期落实；约谈和问责由区政府按程序决定。".to_owned(),
    });
    requests
}

/// Who lacks data of either parameter, each once.
fn absent_from_either<'a>(pm25: &Ranked<'a>, tsp: &Ranked<'a>) -> Vec<&'a RankingRow> {
    let mut rows = pm25.places.absent.clone();
    let more = tsp.places.absent.iter().copied();
    rows.extend(more.filter(|row| {
        !pm25
            .places
            .absent
            .iter()
            .any(|r| r.township_code == row.township_code)
    }));
    rows
}
