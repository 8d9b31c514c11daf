//! The four built-in ledgers, bad lines, corrections.

use dustwatch_analytics::{AnalyticsError, LedgerReport, LedgerReportRequest, import_ledger, ledger_report};

use crate::desk::{Desk, counts, lines, told};

/// Rows of a report that have a value.
fn ranked(report: &LedgerReport, columns: &[&str]) -> Vec<String> {
    let mut table = report.table();
    let status = table.headers.iter().position(|h| h == "status").unwrap();
    table.rows.retain(|row| row[status].text() == "ranked");
    lines(&table, columns)
}

#[tokio::test]
async fn road_dust_is_the_mean_of_a_townships_roads_and_is_compared_with_month_and_year_before() {
    let desk = Desk::new();
    let roads = "日期,镇街,道路,尘负荷（g/m2）\n\
                 2019-08-05,大峪街道,新桥大街,0.40\n2019-08-06,大峪街道,双峪路,0.61\n\
                 2019-08-06,永定地区,石龙路,0.35\n2019-08-07,城子街道,城子大街,0.505\n\
                 2019-07-08,大峪街道,新桥大街,0.44\n2018-08-08,大峪街道,新桥大街,0.80\n2019-07-09,城子街道,城子大街,0.40\n";
    assert_eq!(counts(&desk.ledger("road_dust_load", roads).await), (7, 0, 0));
    let report = desk.ledger_report("road_dust_load", None, "2019-08").await;
    assert_eq!(report.rows.len(), 13, "all townships are listed");
    assert_eq!(
        (report.unit.as_str(), report.kind_name.as_str()),
        ("g/m²", "道路尘负荷")
    );
    let columns = [
        "rank",
        "rank_worst",
        "name",
        "value",
        "entries",
        "limit",
        "verdict",
        "previous_value",
        "change",
        "previous_rank",
        "rank_change",
        "last_year_value",
        "last_year_change",
    ];
    assert_eq!(
        ranked(&report, &columns),
        [
            "1|3|永定镇|0.35|1|0.5|compliant||||||",
            "2|1|大峪街道|0.50|2|0.5|compliant|0.44|13.6|2|0|0.80|-37.5",
            "2|1|城子街道|0.50|1|0.5|compliant|0.40|25.0|1|-1||",
        ],
        "0.505 is rounded to the even 0.50 and shares its rank; it keeps the limit, for rounded values are compared"
    );
    let mut full = Desk::new();
    full.settings.rules.limit_compare = "full".to_owned();
    full.ledger("road_dust_load", roads).await;
    let report = full.ledger_report("road_dust_load", None, "2019-08").await;
    assert_eq!(
        ranked(&report, &["name", "value", "verdict"]),
        [
            "永定镇|0.35|compliant",
            "大峪街道|0.50|exceed",
            "城子街道|0.50|exceed"
        ],
        "in full, 0.505 is above 0.5"
    );
}

#[tokio::test]
async fn water_sections_are_graded_and_ranked_within_their_level() {
    let desk = Desk::new();
    let sections = "月份,断面,考核级别,水质类别,目标类别\n\
                    2019-08,甲断面,国市考,Ⅱ类,Ⅲ类\n2019-08,乙断面,国市考,劣V,III\n2019-08,丙断面,区考,II,II\n\
                    2019年7月,甲断面,国市考,III,III\n2019-07,丙断面,区考,V,II\n2018/8,乙断面,国市考,IV,IV\n";
    assert_eq!(counts(&desk.ledger("water_sections", sections).await), (18, 0, 0));
    let columns = [
        "rank",
        "group",
        "subject",
        "value",
        "limit",
        "verdict",
        "previous_value",
        "change",
        "last_year_value",
        "last_year_change",
        "change_unit",
    ];
    let report = desk.ledger_report("water_sections", None, "2019-08").await;
    assert_eq!(
        ranked(&report, &columns),
        [
            "1|区考|丙断面|II|II|compliant|V|-3|||grades",
            "1|国市考|甲断面|II|III|compliant|III|-1|||grades",
            "2|国市考|乙断面|劣V|III|exceed|||IV|2|grades",
        ]
    );
    let quarter = desk
        .ledger_report("water_sections", None, "2019-07-01..2019-08-31")
        .await;
    assert_eq!(
        ranked(&quarter, &["subject", "value", "verdict"]),
        ["丙断面|V|exceed", "甲断面|III|compliant", "乙断面|劣V|exceed"],
        "the worst grade of the months"
    );
}

#[tokio::test]
async fn rates_are_quotients_of_sums_and_change_in_points() {
    let desk = Desk::new();
    let complaints = "月份,镇街,诉求量,响应量,解决量\n2019-07,大峪街道,100,100,80\n2019-08,大峪街道,300,300,270\n\
                      2019-07,城子街道,50,49,50\n2019-08,城子街道,0,0,0\n2018-08,大峪街道,10,10,9\n";
    assert_eq!(counts(&desk.ledger("complaints", complaints).await), (15, 0, 0));
    let columns = [
        "rank",
        "name",
        "value",
        "unit",
        "verdict",
        "previous_value",
        "change",
        "change_unit",
        "last_year_value",
        "last_year_change",
    ];
    let two_months = desk
        .ledger_report("complaints", None, "2019-07-01..2019-08-31")
        .await;
    assert_eq!(
        ranked(&two_months, &["rank", "name", "value", "verdict"]),
        ["1|城子街道|100.0|compliant", "2|大峪街道|87.5|below"],
        "350 of 400, not the mean of 80 and 90"
    );
    let august = desk.ledger_report("complaints", None, "2019-08").await;
    assert_eq!(
        ranked(&august, &columns),
        ["1|大峪街道|90.0|%|compliant|80.0|10.0|points|90.0|0.0"],
        "no complaint has no rate"
    );
    let counted = desk
        .ledger_report("complaints", Some("complaints"), "2019-08")
        .await;
    assert_eq!(
        ranked(&counted, &["rank", "name", "value", "change", "change_unit"]),
        ["1|城子街道|0|-100.0|percent", "2|大峪街道|300|200.0|percent"]
    );
}

#[tokio::test]
async fn a_range_of_months_is_compared_with_as_many_whole_months_before() {
    let desk = Desk::new();
    let mut text = "month,township,complaints,responded,resolved\n".to_owned();
    for (at, month) in [
        "2018-09", "2018-10", "2018-11", "2018-12", "2019-01", "2019-02", "2019-03",
    ]
    .iter()
    .enumerate()
    {
        text += &format!("{month},大峪街道,{},0,0\n", 10_i32.pow(at as u32));
    }
    desk.ledger("complaints", text).await;
    let report = desk
        .ledger_report("complaints", Some("complaints"), "2019-01-01..2019-03-31")
        .await;
    assert_eq!(
        ranked(&report, &["value", "previous_value"]),
        ["1110000|1110"],
        "October, November and December, though they have two days more"
    );
}

#[tokio::test]
async fn catering_fume_is_judged_by_the_worst_restaurant() {
    let desk = Desk::new();
    let samples = "日期,镇街,餐饮单位,油烟,非甲烷总烃\n2019-08-05,大峪街道,甲餐厅,0.4,3.2\n2019-08-05,大峪街道,乙餐厅,1.1,\n";
    assert_eq!(counts(&desk.ledger("catering_fume", samples).await), (4, 0, 0));
    let report = desk.ledger_report("catering_fume", None, "2019-W32").await;
    assert_eq!(
        ranked(&report, &["name", "value", "limit", "verdict", "entries"]),
        ["大峪街道|1.1|1|exceed|2"]
    );
    let report = desk
        .ledger_report("catering_fume", Some("nmhc"), "2019-W32")
        .await;
    assert_eq!(
        ranked(&report, &["name", "value", "verdict"]),
        ["大峪街道|3.2|compliant"]
    );
}

#[tokio::test]
async fn bad_lines_are_refused_with_line_and_reason_and_the_rest_is_imported() {
    let desk = Desk::new();
    let mut file = "date,township,road,load\n".as_bytes().to_vec();
    for line in [
        "2019-08-05,大峪街道,新桥大街,0.40",
        "2019-08-05,大峪街道,新桥大街,0.41",
        "2019-08-05,长安街道,长安街,0.40",
        "2019-08-05,大峪街道,双峪路,-0.1",
        "2019-08-05,大峪街道,双峪路,0.12345678",
        "2019-08-05,大峪街道,双峪路,",
        "2019-08-05,大峪街道,,0.3",
        "2019-08,大峪街道,双峪路,0.3",
        "2024-11-21,大峪街道,双峪路,0.3",
        "2019-08-05,大峪街道,双峪路,0.3,g/m2",
        "2019-08-05,大峪街道,双峪路,0.30",
    ] {
        file.extend(line.as_bytes());
        file.push(b'\n');
    }
    file.extend(b"2019-08-06,\xb3\xc7\xd7\xd3,x,0.3\n");
    let report = desk.ledger("road_dust_load", &file).await;
    assert_eq!(
        told(&report.refused),
        [
            "3 duplicate_line",
            "4 unknown_township",
            "5 negative_value",
            "6 too_fine",
            "7 empty_cell",
            "8 empty_cell",
            "9 bad_cell",
            "10 future_date",
            "11 bad_line",
            "13 bad_line",
        ]
    );
    assert_eq!((counts(&report), report.lines), ((2, 0, 0), 12));
    let grades = "month,section,level,grade,target\n2019-08,甲,区考,VI,II\n2019-08,乙,区考,IV,II\n";
    assert_eq!(
        told(&desk.ledger("water_sections", grades).await.refused),
        ["2 unknown_grade"]
    );
    let rates = "month,township,complaints,responded,resolved\n2019-08,大峪街道,-3,0,0\n2019-08,城子街道,3,2.5,1\n2024-12,城子街道,3,3,3\n";
    assert_eq!(
        told(&desk.ledger("complaints", rates).await.refused),
        ["2 negative_value", "3 bad_cell", "4 future_date"]
    );
}

#[tokio::test]
async fn the_same_file_twice_adds_nothing_and_a_corrected_line_wins_an_emptied_cell_too() {
    let desk = Desk::new();
    let first = "date,township,restaurant,oil_fume,nmhc\n2019-08-05,大峪街道,甲餐厅,0.4,12.5\n";
    assert_eq!(counts(&desk.ledger("catering_fume", first).await), (2, 0, 0));
    assert_eq!(counts(&desk.ledger("catering_fume", first).await), (0, 0, 2));
    let corrected = first.replace("0.4,12.5", "0.6,");
    assert_eq!(counts(&desk.ledger("catering_fume", &corrected).await), (0, 2, 0));
    let fume = desk.ledger_report("catering_fume", None, "2019-08").await;
    assert_eq!(ranked(&fume, &["name", "value"]), ["大峪街道|0.6"]);
    let nmhc = desk.ledger_report("catering_fume", Some("nmhc"), "2019-08").await;
    assert!(
        ranked(&nmhc, &["name", "value"]).is_empty(),
        "the value was taken back"
    );
    let without = "date,township,restaurant,oil_fume\n2019-08-05,大峪街道,甲餐厅,0.6\n";
    assert_eq!(counts(&desk.ledger("catering_fume", without).await), (0, 0, 1));
    let rows = desk
        .query("SELECT value FROM ledger_rows WHERE item = 'oil_fume' ORDER BY imported_at")
        .await;
    assert_eq!(
        rows,
        ["0.400000", "0.600000"],
        "what was said before stays readable"
    );
}

#[tokio::test]
async fn what_there_is_not_is_told_with_what_there_is() {
    let desk = Desk::new();
    let file = desk.file("x.csv", "date\n");
    let error = import_ledger(&desk.lake, &desk.settings, "noise", &file, desk.now)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("road_dust_load"), "{error}");
    for (kind, item, period, word) in [
        ("water_sections", None, "2019-08-H1", "whole months"),
        ("complaints", Some("satisfied"), "2019-08", "resolution_rate"),
        ("water_sections", Some("level"), "2019-08", "grade"),
    ] {
        let request = LedgerReportRequest {
            kind: kind.to_owned(),
            item: item.map(str::to_owned),
            period: period.parse().unwrap(),
        };
        let error = ledger_report(&desk.lake, &desk.settings, &request)
            .await
            .unwrap_err();
        assert!(matches!(error, AnalyticsError::Request(_)), "{error:?}");
        assert!(error.to_string().contains(word), "{error}");
    }
}
