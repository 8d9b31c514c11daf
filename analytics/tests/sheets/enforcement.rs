//! Enforcement counts: the seven actions, bad lines, corrections, comparisons.

use dustwatch_analytics::{Action, EnforcementReport, Published, import_enforcement};

use crate::desk::{Desk, counts, lines, told};

const HEADER: &str = "date,department,township,action,inspections,cases,penalty_yuan,closed\n";

/// Rows of a report: unit, inspections now, before, change in percent.
fn inspections(report: &EnforcementReport) -> Vec<String> {
    lines(
        &report.table(),
        &[
            &report.by.to_string(),
            "inspections",
            "inspections_previous",
            "inspections_change_percent",
        ],
    )
}

#[tokio::test]
async fn counts_come_in_under_either_header_and_are_compared_with_the_week_before() {
    let desk = Desk::new();
    let ours = format!(
        "{HEADER}2019-08-05,城管执法局,110109001,construction_dust,20,3,30000,1\n\
         2019-08-11,城管执法局,城子街道,dust_enforcement,10,1,5000,1\n\
         2019-08-04,城管执法局,大峪街道,construction_dust,24,0,0,0\n"
    );
    let report = desk.enforcement(&ours).await;
    assert_eq!((counts(&report), report.lines), ((3, 0, 0), 3));
    let theirs = "日期,部门,镇街,行动,检查次数,立案数,罚款金额（元）,结案数\n\
                  2019年8月6日,交通局,永定地区,渣土运输,7,2,4000,2\n\
                  2019/8/6,水务局,王平镇,水环境,5,0,0,0\n";
    assert_eq!(counts(&desk.enforcement(theirs).await), (2, 0, 0));

    let by_action = desk.enforcement_report("2019-W32", "action").await;
    let codes: Vec<&str> = by_action.rows.iter().map(|row| row.unit.as_str()).collect();
    let mut wanted: Vec<&str> = Action::ALL.iter().map(|action| action.code()).collect();
    wanted.push("total");
    assert_eq!(codes, wanted, "all seven are listed, whatever was handed in");
    assert_eq!(
        inspections(&by_action)[..2],
        ["construction_dust|20|24|-16.7", "spoil_transport|7|0|"],
        "-4 of 24 is -16.67 %, and nothing before is no percent"
    );
    let total = by_action.rows.last().unwrap();
    assert_eq!(total.name, "合计");
    assert_eq!((total.inspections.current, total.inspections.previous), (42, 24));
    assert_eq!(total.inspections.change_percent, Some(Published::new(750, 1)));
    assert_eq!((total.cases.current, total.closed.current), (6, 4));
    assert_eq!(total.penalty_yuan.current, 39_000);

    let by_township = desk.enforcement_report("2019-W32", "township").await;
    assert_eq!(by_township.rows.len(), 14, "thirteen townships and the total");
    let named: Vec<&str> = by_township
        .rows
        .iter()
        .filter(|r| r.inspections.current > 0)
        .map(|r| r.name.as_str())
        .collect();
    assert_eq!(named, ["大峪街道", "城子街道", "王平镇", "永定镇", "合计"]);
    let by_department = desk.enforcement_report("2019-W32", "department").await;
    let mut departments = inspections(&by_department);
    assert_eq!(departments.pop().unwrap(), "total|42|24|75.0");
    departments.sort();
    assert_eq!(
        departments,
        ["交通局|7|0|", "城管执法局|30|24|25.0", "水务局|5|0|"]
    );
}

#[tokio::test]
async fn weeks_are_whole_and_belong_to_the_month_of_their_thursday() {
    let desk = Desk::new();
    let text = format!(
        "{HEADER}2019-07-31,环保局,大峪街道,water,1,0,0,0\n2019-08-02,环保局,大峪街道,water,2,0,0,0\n\
         2019-08-28,环保局,大峪街道,water,4,0,0,0\n2019-09-01,环保局,大峪街道,water,8,0,0,0\n"
    );
    desk.enforcement(&text).await;
    let report = desk.enforcement_report("2019-08", "week").await;
    assert_eq!(
        inspections(&report),
        [
            "2019-W31|3|0|",
            "2019-W32|0|3|-100.0",
            "2019-W33|0|0|",
            "2019-W34|0|0|",
            "2019-W35|12|0|",
        ],
        "the Thursdays of August are the 1st to the 29th; a week counts whole and has no total"
    );
    assert_eq!(report.rows[0].name, "2019-07-29..2019-08-04");
}

#[tokio::test]
async fn bad_lines_are_refused_with_line_and_reason_and_the_rest_is_imported() {
    let desk = Desk::new();
    let mut file = HEADER.as_bytes().to_vec();
    for line in [
        "2019-08-05,环保局,大峪街道,water,1,0,0,0",
        "2019-08-05,环保局,长安街道,water,1,0,0,0",
        "2019-08-05,环保局,110101001,water,1,0,0,0",
        "2019-08-05,环保局,大峪街道,air,1,0,0,0",
        "2019-08-05,环保局,城子街道,water,-1,0,0,0",
        "2019-08-05,环保局,城子街道,water,1.5,0,0,0",
        "2019-08-05,环保局,城子街道,water,,0,0,0",
        "2024-11-21,环保局,城子街道,water,1,0,0,0",
        "2019-08-05,环保局,110109001,水环境,2,0,0,0",
        "2024-11-20,环保局,城子街道,water,1,0,0,0",
    ] {
        file.extend(line.as_bytes());
        file.push(b'\n');
    }
    // 城子街道 in GBK.
    file.extend(b"2019-08-06,x,\xb3\xc7\xd7\xd3\xbd\xd6\xb5\xc0,water,1,0,0,0\n");
    let report = desk.enforcement(&file).await;
    assert_eq!(
        told(&report.refused),
        [
            "3 unknown_township",
            "4 unknown_township",
            "5 unknown_action",
            "6 negative_value",
            "7 bad_cell",
            "8 empty_cell",
            "9 future_date",
            "10 duplicate_line",
            "12 bad_line",
        ]
    );
    assert!(
        report.refused[7].detail.contains("line 2"),
        "{:?}",
        report.refused[7]
    );
    assert_eq!((counts(&report), report.lines), ((2, 0, 0), 11));
    assert_eq!(
        report.to_string(),
        "11 lines: 2 new, 0 corrected, 0 unchanged, 0 of them flagged; 9 refused"
    );
    let stored = desk
        .query("SELECT date, township, action, inspections, source FROM enforcement ORDER BY date")
        .await;
    assert_eq!(
        stored,
        [
            "2019-08-05|110109001|water|1|enforcement.csv:2",
            "2024-11-20|110109002|water|1|enforcement.csv:11"
        ]
    );
}

#[tokio::test]
async fn a_wrong_header_refuses_the_file() {
    let desk = Desk::new();
    let file = desk.file("wrong.csv", "date,department,township,action,inspections\n");
    let error = import_enforcement(&desk.lake, &desk.settings, &file, desk.now)
        .await
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("wrong.csv") && message.contains("cases"),
        "{message}"
    );
    assert!(desk.query("SELECT * FROM enforcement").await.is_empty());
}

#[tokio::test]
async fn the_same_file_twice_adds_nothing_and_a_corrected_line_wins() {
    let desk = Desk::new();
    let first = format!(
        "{HEADER}2019-08-05,环保局,大峪街道,water,1,0,0,0\n2019-08-05,环保局,城子街道,water,5,0,0,0\n"
    );
    assert_eq!(counts(&desk.enforcement(&first).await), (2, 0, 0));
    assert_eq!(counts(&desk.enforcement(&first).await), (0, 0, 2));
    let corrected = first.replace("大峪街道,water,1", "大峪街道,water,3");
    assert_eq!(counts(&desk.enforcement(&corrected).await), (0, 1, 1));
    let report = desk.enforcement_report("2019-08-05", "action").await;
    assert_eq!(report.rows.last().unwrap().inspections.current, 8);
    let rows = desk
        .query("SELECT inspections FROM enforcement_rows WHERE township = '110109001' ORDER BY imported_at")
        .await;
    assert_eq!(rows, ["1", "3"], "the earlier line stays readable");
}
