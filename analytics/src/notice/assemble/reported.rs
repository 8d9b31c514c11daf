//! 四, 五 and 六: the city's lists, alarms of sites, enforcement by the plan's seven actions.
//!
//! Invariant: no data and nothing happened are two sentences.

use crate::alarms::SiteAlarms;
use crate::city_bulletin::{CheckedBulletin, Violation};
use crate::enforcement::{Counted, EnforcementRow};
use crate::notice::{Align, Block, Column, Emphasis, NoticeInputs, Row, Table, wording};
use crate::{EnforcementReport, Period, Published};

/// Sites that the table of alarms names.
const NAMED_SITES: usize = 10;

/// The unit of an enforcement report's last row.
const TOTAL: &str = "total";

/// 四、全市排名情况: rule R1.
pub(super) fn city(inputs: &NoticeInputs) -> Vec<Block> {
    let n = inputs.settings.rules.r1_n;
    let lists = inputs.reports.lists.as_deref().unwrap_or_default();
    if lists.is_empty() {
        return paragraph(format!(
            "本期未导入市级通报，各镇街是否列入全市浓度最高的{n}个乡镇（街道）不作判断。"
        ));
    }
    lists
        .iter()
        .map(|list| Block::Paragraph(list_sentence(list, n)))
        .collect()
}

fn list_sentence(list: &CheckedBulletin, n: u32) -> String {
    let period = list.period.parse::<Period>();
    let period = period.map_or_else(|_| list.period.clone(), wording::list_period);
    let name = wording::parameter(&list.parameter);
    let head = format!("市级通报的{period}全市{name}浓度最高的{n}个乡镇（街道）中，");
    if list.violations.is_empty() {
        return format!("{head}我区没有镇街列入。");
    }
    let hits: Vec<String> = list.violations.iter().map(hit).collect();
    format!(
        "{head}我区有{}个镇街列入：{}。",
        list.violations.len(),
        hits.join("、")
    )
}

/// `永定镇（倒数第5位，158微克/立方米）`
fn hit(violation: &Violation) -> String {
    let rank = format!("倒数第{}位", violation.rank_from_worst);
    match violation.value {
        Some(value) => format!("{}（{rank}，{value}微克/立方米）", violation.township),
        None => format!("{}（{rank}）", violation.township),
    }
}

/// 五、工地报警情况.
pub(super) fn alarms(inputs: &NoticeInputs, table: u32) -> Vec<Block> {
    let Some(sites) = &inputs.reports.alarms else {
        return paragraph("本期未接入工地扬尘报警数据，不作统计。".to_owned());
    };
    let sum = |of: fn(&SiteAlarms) -> u32| sites.iter().map(|site| i64::from(of(site))).sum::<i64>();
    let (alarms, previous) = (sum(|s| s.alarms), sum(|s| s.previous));
    let (this, before) = (wording::this(inputs.period), wording::last(inputs.period));
    let change = compared(before, alarms, previous, "次");
    if alarms == 0 {
        return paragraph(format!("{this}未发生扬尘和噪声超限报警，{change}。"));
    }
    let alarming: Vec<&SiteAlarms> = sites.iter().filter(|site| site.alarms > 0).collect();
    let severe = match sum(|s| s.severe) {
        0 => String::new(),
        severe => format!("，其中严重超限{severe}次"),
    };
    let named = alarming.len().min(NAMED_SITES);
    let which = match alarming.len() > NAMED_SITES {
        true => format!("次数最多的{named}个监测点见表{table}"),
        false => format!("各监测点情况见表{table}"),
    };
    let text = format!(
        "{this}{}个监测点发生超限报警{alarms}次{severe}，{change}。{which}。",
        alarming.len()
    );
    vec![
        Block::Paragraph(text),
        Block::Table(sites_table(before, &alarming[..named], table)),
    ]
}

fn sites_table(before: &str, sites: &[&SiteAlarms], number: u32) -> Table {
    let previous = format!("{before}(次)");
    let columns = [
        ("序号", Align::Center),
        ("监测点", Align::Left),
        ("所在镇街", Align::Left),
        ("报警(次)", Align::Right),
        ("严重(次)", Align::Right),
        (previous.as_str(), Align::Right),
        ("超限时长(分钟)", Align::Right),
    ];
    let rows = (1..).zip(sites).map(|(place, site): (u32, _)| {
        let township = site.township.clone();
        vec![
            place.to_string(),
            site.name.clone(),
            township.unwrap_or_else(|| wording::NONE.to_owned()),
            site.alarms.to_string(),
            site.severe.to_string(),
            site.previous.to_string(),
            site.minutes.to_string(),
        ]
    });
    table(
        format!("表{number} 超限报警次数最多的监测点"),
        &columns,
        rows.collect(),
        vec!["超限判定规则及其来源见报警规则表；同一时段由多条规则判定的，分别计次和计时。".to_owned()],
    )
}

/// 六、执法检查情况.
pub(super) fn enforcement(inputs: &NoticeInputs, table: u32) -> Vec<Block> {
    let Some(report) = &inputs.reports.enforcement else {
        return paragraph("本期未导入执法检查数据，不作统计。".to_owned());
    };
    let Some(total) = report.rows.iter().find(|row| row.unit == TOTAL) else {
        return paragraph("本期未导入执法检查数据，不作统计。".to_owned());
    };
    let (this, before) = (wording::this(inputs.period), wording::last(inputs.period));
    let compared = |count: &Counted, unit: &str| compared(before, count.current, count.previous, unit);
    let nothing = |count: &Counted| count.current == 0;
    if [
        &total.inspections,
        &total.cases,
        &total.penalty_yuan,
        &total.closed,
    ]
    .map(nothing)
        == [true; 4]
    {
        return paragraph(format!("{this}各部门未报送执法检查情况。"));
    }
    let text = format!(
        "{this}各部门共检查{}次，{}；立案{}起，{}；罚款{}元，{}；办结{}起。各专项行动情况见表{table}。",
        total.inspections.current,
        compared(&total.inspections, "次"),
        total.cases.current,
        compared(&total.cases, "起"),
        total.penalty_yuan.current,
        compared(&total.penalty_yuan, "元"),
        total.closed.current,
    );
    vec![
        Block::Paragraph(text),
        Block::Table(actions_table(before, report, table)),
    ]
}

fn actions_table(before: &str, report: &EnforcementReport, number: u32) -> Table {
    let columns = [
        ("专项行动", Align::Left),
        ("检查(次)", Align::Right),
        ("环比(%)", Align::Right),
        ("立案(起)", Align::Right),
        ("环比(%)", Align::Right),
        ("罚款(元)", Align::Right),
        ("环比(%)", Align::Right),
        ("办结(起)", Align::Right),
    ];
    let percent = |change: Option<Published>| wording::figure(change);
    let rows = report.rows.iter().map(|row: &EnforcementRow| {
        vec![
            row.name.clone(),
            row.inspections.current.to_string(),
            percent(row.inspections.change_percent),
            row.cases.current.to_string(),
            percent(row.cases.change_percent),
            row.penalty_yuan.current.to_string(),
            percent(row.penalty_yuan.change_percent),
            row.closed.current.to_string(),
        ]
    });
    table(
        format!("表{number} 各专项行动执法检查情况"),
        &columns,
        rows.collect(),
        vec![format!(
            "环比为与{before}相比，负值表示减少，{before}为零的不作比较。"
        )],
    )
}

fn table(caption: String, columns: &[(&str, Align)], rows: Vec<Vec<String>>, notes: Vec<String>) -> Table {
    let row = |cells| Row {
        cells,
        emphasis: Emphasis::Plain,
    };
    Table {
        caption,
        unit: None,
        columns: Column::all(columns),
        rows: rows.into_iter().map(row).collect(),
        notes,
    }
}

/// `比上周增加3次`, `与上周持平`.
fn compared(before_name: &str, now: i64, before: i64, unit: &str) -> String {
    match now - before {
        0 => format!("与{before_name}持平"),
        more if more > 0 => format!("比{before_name}增加{more}{unit}"),
        less => format!("比{before_name}减少{}{unit}", less.unsigned_abs()),
    }
}

fn paragraph(text: String) -> Vec<Block> {
    vec![Block::Paragraph(text)]
}
