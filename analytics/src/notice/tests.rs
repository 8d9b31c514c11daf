//! Notices from invented figures: what is said, in which order, and in both formats.

mod revision;
mod sample;

use chrono::NaiveDate;

use super::*;
use crate::notice::assemble::assemble;
use crate::{Published, Status};
use sample::{absent, inputs, ranking, row};

fn paragraphs(section: &Section) -> String {
    let texts = section.blocks.iter().filter_map(|block| match block {
        Block::Paragraph(text) | Block::Subheading(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn tables(section: &Section) -> Vec<&Table> {
    let tables = section.blocks.iter().filter_map(|block| match block {
        Block::Table(table) => Some(table),
        _ => None,
    });
    tables.collect()
}

#[test]
fn has_the_parts_of_an_official_document_in_order() {
    let notice = assemble(&inputs());
    assert_eq!(notice.number, "门大气办〔2019〕第32期");
    assert_eq!(notice.title, "门头沟区大气污染防治工作周通报");
    assert_eq!(notice.period, "2019年8月5日—8月11日（第32周）");
    assert_eq!(notice.date, "2019年8月12日");
    assert_eq!(notice.file_stem(), "weekly-2019-W32");
    let headings: Vec<&str> = notice.sections.iter().map(|s| s.heading.as_str()).collect();
    assert_eq!(
        headings,
        [
            "一、总体情况",
            "二、各镇街PM2.5浓度及排名",
            "三、各镇街TSP浓度及排名",
            "四、全市排名情况",
            "五、工地报警情况",
            "六、执法检查情况",
            "七、存在问题和下一步要求"
        ]
    );
    assert!(notice.annexes[0].heading.contains("数据完整性"));
    for text in [html(&notice), markdown(&notice)] {
        let places: Vec<usize> = headings.iter().map(|h| text.find(h).unwrap()).collect();
        assert!(places.is_sorted(), "{places:?}");
        assert!(text.contains("门头沟区大气污染防治工作领导小组办公室"));
        assert!(text.contains("2019年8月12日印发"));
    }
}

#[test]
fn both_formats_print_every_figure_of_the_rankings() {
    let inputs = inputs();
    let notice = assemble(&inputs);
    let (html, markdown) = (html(&notice), markdown(&notice));
    for row in inputs.pm25.rows.iter().chain(&inputs.tsp.rows) {
        let cell = |value: Option<Published>| value.map_or("—".to_owned(), |v| v.to_string());
        let cells = [
            row.rank.map_or("—".to_owned(), |rank| rank.to_string()),
            row.township.clone(),
            cell(row.value),
            cell(row.change_percent),
            cell(row.last_year_percent),
            cell(row.cumulative_value),
        ];
        assert!(
            markdown.contains(&format!("| {} |", cells.join(" | "))),
            "{cells:?}"
        );
        let classes = ["c", "l", "r", "r", "r", "r"];
        let line: String = (cells.iter().zip(classes))
            .map(|(cell, class)| format!("<td class=\"{class}\">{cell}</td>"))
            .collect();
        assert!(html.contains(&line), "{line}");
    }
}

#[test]
fn tables_have_a_row_a_township_and_those_without_data_stand_last() {
    let notice = assemble(&inputs());
    let pm25 = tables(&notice.sections[1])[0];
    assert_eq!(pm25.rows.len(), 13);
    assert!(pm25.rows.iter().all(|row| row.cells.len() == pm25.columns.len()));
    let last = pm25.rows.last().unwrap();
    assert_eq!(
        last.cells,
        ["—", "清水镇", "—", "—", "—", "33", "—", "3", "有效数据不足"]
    );
    assert_eq!(last.emphasis, Emphasis::Absent);
    assert_eq!(tables(&notice.sections[2])[0].rows.len(), 13);
    // The columns' rows of three tables and the annex, and a head for each.
    assert_eq!(
        html(&notice).matches("<tr").count(),
        (1 + 2) + 2 * (1 + 13) + (1 + 13)
    );
    assert_eq!(html(&notice).matches("<thead>").count(), 4);
}

#[test]
fn the_summary_keeps_the_ministrys_order() {
    let notice = assemble(&inputs());
    let text = paragraphs(&notice.sections[0]);
    let wanted = [
        "全区13个镇街中12个有效数据充足",
        "细颗粒物（PM2.5）平均浓度范围为28—41微克/立方米",
        "全区平均浓度为34微克/立方米，环比下降12.1%，同比上升3.4%",
        "7个有效日中6天达标",
        "今年累计平均浓度为41微克/立方米，低于48微克/立方米的年度目标7微克/立方米",
        "排名前三位的为妙峰山镇（28微克/立方米）",
        "排名后三位（含并列共4个）的为",
        "粗颗粒物（TSP）",
        "环比下降5.0%，同比上升3.4%。",
    ];
    let places: Vec<usize> = wanted
        .iter()
        .map(|w| text.find(w).unwrap_or_else(|| panic!("{w}\n{text}")))
        .collect();
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn ties_at_the_boundary_are_among_the_last_unless_the_settings_cut_them() {
    let mut inputs = inputs();
    let named = |inputs: &NoticeInputs| paragraphs(&assemble(inputs).sections[6]);
    let text = named(&inputs);
    assert!(
        text.contains("PM2.5浓度排名后三位（含并列共4个）的镇街为永定镇（41微克/立方米），大峪街道（40微克/立方米），龙泉镇、城子街道（均为39微克/立方米）"),
        "{text}"
    );
    assert!(text.contains("不作为约谈和问责依据"));
    inputs.settings.rules.boundary = "truncate_raw".to_owned();
    let text = named(&inputs);
    assert!(
        text.contains("PM2.5浓度排名后三位的镇街为永定镇（41微克/立方米），大峪街道（40微克/立方米），龙泉镇（39微克/立方米）。"),
        "{text}"
    );
}

#[test]
fn names_who_rose_and_who_lacks_data() {
    let text = paragraphs(&assemble(&inputs()).sections[6]);
    assert!(
        text.contains("PM2.5浓度环比上升的镇街有3个：永定镇（上升5.1%）、大峪街道（上升2.6%）、"),
        "{text}"
    );
    assert!(
        text.contains("PM2.5有效数据不足、未参加排名的镇街有1个：清水镇。"),
        "{text}"
    );
    assert!(text.contains("清水镇要会同监测设备运维单位"), "{text}");
}

#[test]
fn a_week_without_data_reads_sensibly() {
    let mut inputs = inputs();
    for ranking in [&mut inputs.pm25, &mut inputs.tsp] {
        let names: Vec<(String, String)> = (ranking.rows.iter())
            .map(|r| (r.township_code.clone(), r.township.clone()))
            .collect();
        ranking.rows = names
            .iter()
            .map(|(code, name)| absent(code, name, 0, None))
            .collect();
    }
    for district in [&mut inputs.district_pm25, &mut inputs.district_tsp] {
        district.value = None;
        district.change_percent = None;
        district.last_year_percent = None;
        district.cumulative_value = None;
        district.valid_days = 0;
    }
    let notice = assemble(&inputs);
    let summary = paragraphs(&notice.sections[0]);
    assert!(summary.contains("本周13个镇街细颗粒物"), "{summary}");
    assert!(summary.contains("不作浓度统计和排名"), "{summary}");
    assert!(summary.contains("全区平均浓度不作统计"), "{summary}");
    assert!(
        !summary.contains("None") && !summary.contains("前三位"),
        "{summary}"
    );
    assert!(paragraphs(&notice.sections[1]).contains("不作排名"));
    assert_eq!(tables(&notice.sections[1])[0].rows.len(), 13);
    assert!(!html(&notice).contains("<figure>"));
    assert!(!paragraphs(&notice.sections[6]).contains("后三位"));
}

#[test]
fn a_district_without_townships_reads_sensibly() {
    let mut inputs = inputs();
    inputs.pm25.rows.clear();
    inputs.tsp.rows.clear();
    inputs.completeness_pm25.clear();
    inputs.completeness_tsp.clear();
    let notice = assemble(&inputs);
    assert!(paragraphs(&notice.sections[1]).contains("没有登记参加排名的镇街"));
    assert!(paragraphs(&notice.annexes[0]).contains("没有登记参加排名的监测站"));
    assert!(html(&notice).contains("</html>"));
}

#[test]
fn a_first_week_has_nothing_to_compare_with() {
    let mut inputs = inputs();
    for row in inputs.pm25.rows.iter_mut().chain(&mut inputs.tsp.rows) {
        row.previous_value = None;
        row.change_percent = None;
        row.last_year_percent = None;
        row.rank_change = None;
    }
    inputs.district_pm25.change_percent = None;
    inputs.district_pm25.last_year_percent = None;
    let notice = assemble(&inputs);
    assert!(paragraphs(&notice.sections[0]).contains("环比无可比数据，同比无可比数据"));
    assert!(!paragraphs(&notice.sections[6]).contains("上升"));
    assert_eq!(tables(&notice.sections[1])[0].rows[0].cells[3], "—");
    // The legends of two figures, and no bar.
    assert_eq!(html(&notice).matches("class=\"previous\"").count(), 2);
}

#[test]
fn few_and_equal_townships_have_no_last_one() {
    let mut inputs = inputs();
    let equal = |code: &str, name: &str| row(1, 1, code, name, 30, Some(30), 0);
    inputs.pm25 = ranking("pm25", vec![equal("1", "甲镇"), equal("2", "乙镇")]);
    let notice = assemble(&inputs);
    assert!(paragraphs(&notice.sections[0]).contains("平均浓度均为30微克/立方米"));
    assert!(!paragraphs(&notice.sections[6]).contains("PM2.5浓度排名后"));
    inputs.pm25.rows[1] = row(2, 1, "2", "乙镇", 31, Some(30), -1);
    let notice = assemble(&inputs);
    assert!(paragraphs(&notice.sections[6]).contains("PM2.5浓度排名靠后的镇街为乙镇"));
}

#[test]
fn sections_without_a_source_say_so() {
    let notice = assemble(&inputs());
    let says = |section: usize, text: &str| assert!(paragraphs(&notice.sections[section]).contains(text));
    says(3, "本期未导入市级通报");
    says(4, "本期未接入");
    says(5, "未导入执法检查数据");
}

#[test]
fn no_text_is_markup() {
    let mut inputs = inputs();
    inputs.pm25.rows[0].township = "<script>alert('x')</script>|镇".to_owned();
    inputs.settings.notice.agency = "A&B <b>办公室</b>".to_owned();
    inputs.settings.file = Some("</script><i>.toml".to_owned());
    let notice = assemble(&inputs);
    let (html, markdown) = (html(&notice), markdown(&notice));
    assert!(!html.contains("<script>alert") && !html.contains("<b>") && !html.contains("</script><i>"));
    assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"));
    assert!(html.contains("A&amp;B &lt;b&gt;"));
    assert!(markdown.contains("\\<script\\>alert('x')\\</script\\>\\|镇"));
}

#[test]
fn loads_nothing_and_repeats_table_heads_on_paper() {
    let html = html(&assemble(&inputs()));
    for outside in ["http:", "https:", "src=", "href=", "url(", "@import"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(html.contains("lang=\"zh-CN\""));
    assert!(html.contains("table-header-group"));
    assert!(html.contains("counter(page)"));
}

#[test]
fn names_what_it_was_made_from() {
    let mut inputs = inputs();
    inputs.revision = Some(1);
    let notice = assemble(&inputs);
    assert_eq!(notice.file_stem(), "weekly-2019-W32-r1");
    assert!(html(&notice).contains("第1次修订"));
    let json = notice.provenance.to_json();
    assert_eq!(json["tables"][0]["observations_version"], 18);
    assert_eq!(json["tables"][1]["source"], "rollup");
    assert_eq!(json["program"], "dustwatch 0.1.0");
    for text in [html(&notice), markdown(&notice)] {
        assert!(text.contains("第18版") && text.contains("第7版") && text.contains("2019-W32"));
    }
    inputs.tsp.provenance.hourly_version = None;
    let sentences = assemble(&inputs).provenance.sentences();
    assert_eq!(sentences.len(), 3);
}

#[test]
fn the_year_of_an_issue_is_that_of_its_week() {
    let mut inputs = inputs();
    inputs.period = crate::Period::week(2020, 1).unwrap();
    inputs.issued_on = NaiveDate::from_ymd_opt(2020, 1, 6).unwrap();
    let notice = assemble(&inputs);
    assert_eq!(notice.number, "门大气办〔2020〕第1期");
    assert_eq!(notice.period, "2019年12月30日—2020年1月5日（第1周）");
    assert_eq!(inputs.pm25.rows[0].status, Status::Ranked);
}
