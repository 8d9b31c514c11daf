//! The city's lists: the real ones, names and codes, checks, corrections.

use std::path::{Path, PathBuf};

use dustwatch_analytics::AnalyticsError;

use crate::desk::{Desk, counts, told};

/// A real list, if it is here; where it is not, standard error says so.
fn notice(name: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/notices")
        .join(name);
    if file.is_file() {
        return Some(file);
    }
    eprintln!(
        "skipped: the real notices of ../shared are not here ({})",
        file.display()
    );
    None
}

#[tokio::test]
async fn the_real_lists_come_in_as_published_and_their_names_are_known() {
    for (period, name, without_code) in [
        ("2021-10-H2", "beijing_tsp_20211016_20211031_worst30.csv", 0),
        ("2024-10-H1", "beijing_tsp_20241001_20241015_worst30.csv", 2),
    ] {
        let Some(file) = notice(name) else { continue };
        let desk = Desk::of_the_city();
        let imported = desk.bulletin_file("tsp", period, file.clone()).await.unwrap();
        assert_eq!(counts(&imported.report), (30, 0, 0), "{name}");
        assert!(imported.report.refused.is_empty());
        let flagged = &imported.report.flagged;
        assert_eq!(flagged.len(), without_code, "{flagged:?}");
        assert!(
            flagged
                .iter()
                .all(|f| f.reason == "unknown_district" && f.detail.contains("经开区"))
        );

        let text = std::fs::read_to_string(&file).unwrap();
        let mut published: Vec<&str> = text.lines().skip(1).collect();
        published.sort_unstable();
        let stored = desk
            .query("SELECT concat(CAST(rank_from_worst AS VARCHAR), ',', district, ',', township) FROM city_bulletin")
            .await;
        let mut stored: Vec<&str> = stored.iter().map(String::as_str).collect();
        stored.sort_unstable();
        assert_eq!(stored, published);
        let wrong = desk
            .query(
                "SELECT c.township FROM city_bulletin c LEFT JOIN townships t ON t.code = c.code \
                 WHERE c.district <> '经开区' AND (t.district_name IS NULL OR t.district_name <> c.district)",
            )
            .await;
        assert!(
            wrong.is_empty(),
            "each code is one of the list's own district: {wrong:?}"
        );
        let again = desk.bulletin_file("tsp", period, file).await.unwrap();
        assert_eq!((counts(&again.report), again.withdrawn.len()), ((0, 0, 30), 0));
    }
}

#[tokio::test]
async fn a_name_is_looked_for_within_its_district_and_by_alias() {
    let desk = Desk::of_the_city();
    let list = "排名,区,街道（乡镇）,浓度（微克/立方米）\n1,朝阳区,八里庄街道,152\n2,海淀区,八里庄街道,151.5\n3,大兴区,黄村镇,\n4,通州区,于家务乡,\n\
                5,门头沟区,永定地区,\n6,110109,大峪街道,\n7,门头沟区,无名镇,\n";
    let imported = desk.bulletin("tsp", "2024-10-H1", list).await;
    assert_eq!(told(&imported.report.flagged), ["8 unknown_township"]);
    let codes = desk
        .query(
            "SELECT c.district, c.township, t.name, t.district_name, c.value, c.flag FROM city_bulletin c \
             LEFT JOIN townships t ON t.code = c.code ORDER BY rank_from_worst",
        )
        .await;
    assert_eq!(
        codes,
        [
            "朝阳区|八里庄街道|八里庄街道|朝阳区|152.0|",
            "海淀区|八里庄街道|八里庄街道|海淀区|151.5|",
            "大兴区|黄村镇|黄村地区|大兴区||",
            "通州区|于家务乡|于家务回族乡|通州区||",
            "门头沟区|永定地区|永定镇|门头沟区||",
            "110109|大峪街道|大峪街道|门头沟区||",
            "门头沟区|无名镇||||unknown_township",
        ]
    );
}

#[tokio::test]
async fn ranks_that_cannot_be_are_flagged_and_bad_lines_refused() {
    let desk = Desk::of_the_city();
    let mut list = "rank_from_worst,district,township,value\n".to_owned();
    for line in [
        "1,丰台区,云岗街道,160",
        "2,丰台区,王佐镇,",
        "2,房山区,长阳镇,",
        "3,大兴区,兴丰街道,",
        "0,大兴区,清源街道,",
        "x,大兴区,清源街道,",
        ",大兴区,清源街道,",
        "5,丰台区,云岗街道,",
        "5,,清源街道,",
        "5,大兴区,林校路街道,-3",
        "5,大兴区,旧宫镇,150.25",
        ",大兴区,西红门镇,140.5",
        "31,大兴区,亦庄镇,",
    ] {
        list += line;
        list.push('\n');
    }
    let imported = desk.bulletin("tsp", "2024-10-H1", &list).await;
    assert_eq!(
        told(&imported.report.refused),
        [
            "6 bad_cell",
            "7 bad_cell",
            "8 empty_cell",
            "9 duplicate_line",
            "10 empty_cell",
            "11 negative_value",
            "12 too_fine",
        ]
    );
    assert_eq!(
        told(&imported.report.flagged),
        ["5 rank_inconsistent", "14 rank_inconsistent"],
        "after 1, 2, 2 comes a 4 at the earliest; 31 is too late even if each unread line stood before it"
    );
    assert!(
        imported.report.flagged[1].detail.contains("list of 30"),
        "{imported:?}"
    );
    assert_eq!(
        desk.listed().await,
        [
            format!("1|丰台区|云岗街道|{}|160.0|", code(&desk, "丰台区", "云岗街道")),
            format!("2|丰台区|王佐镇|{}||", code(&desk, "丰台区", "王佐镇")),
            format!("2|房山区|长阳镇|{}||", code(&desk, "房山区", "长阳镇")),
            format!(
                "3|大兴区|兴丰街道|{}||rank_inconsistent",
                code(&desk, "大兴区", "兴丰街道")
            ),
            format!(
                "31|大兴区|亦庄镇|{}||rank_inconsistent,beyond_list",
                code(&desk, "大兴区", "亦庄镇")
            ),
            format!("|大兴区|西红门镇|{}|140.5|", code(&desk, "大兴区", "西红门镇")),
        ]
    );
}

/// A code out of the list of townships, by names and aliases, read without the registry's own search.
fn code(desk: &Desk, district: &str, township: &str) -> String {
    let fits = |t: &&dustwatch_config::Township| {
        t.district_name.as_deref() == Some(district)
            && (t.name == township || t.aliases.iter().any(|a| a == township))
    };
    desk.settings
        .registry
        .townships()
        .iter()
        .find(fits)
        .unwrap()
        .code
        .clone()
}

#[tokio::test]
async fn a_list_may_be_longer_than_thirty_by_ties_only() {
    let desk = Desk::new();
    let mut tied = "rank,district,township\n".to_owned();
    for i in 1..=29 {
        tied += &format!("{i},某区,{i}号街道\n");
    }
    for i in 30..=33 {
        tied += &format!("30,某区,{i}号街道\n");
    }
    let imported = desk.bulletin("tsp", "2024-10-H1", &tied).await;
    let reasons: Vec<&str> = imported.report.flagged.iter().map(|f| f.reason).collect();
    assert_eq!(
        reasons, ["unknown_district"; 33],
        "four tied at the 30th place are all on the list"
    );
    let longer = tied + "34,某区,34号街道\n";
    let imported = desk.bulletin("tsp", "2024-09-H2", &longer).await;
    let last = imported.report.flagged.last().unwrap();
    assert_eq!(last.line, 35);
    assert!(last.detail.contains("rank 34 of a list of 30"), "{last:?}");
}

#[tokio::test]
async fn periods_and_parameters_that_no_list_is_of_are_refused() {
    let desk = Desk::new();
    let file = desk.file("list.csv", "rank,district,township\n1,某区,某街道\n");
    for (parameter, period, word) in [
        ("tsp", "2024-W41", "half-months"),
        ("tsp", "2024-10-01", "half-months"),
        ("tsp", "2024", "half-months"),
        ("pm10", "2024-10", "tsp, pm25"),
        ("tsp", "2024-11-H2", "not over"),
    ] {
        let error = desk
            .bulletin_file(parameter, period, file.clone())
            .await
            .unwrap_err();
        assert!(matches!(error, AnalyticsError::Request(_)), "{error:?}");
        assert!(error.to_string().contains(word), "{error}");
    }
    desk.bulletin_file("pm25", "2024-10", file).await.unwrap();
    let neither = desk.file("neither.csv", "district,township\n某区,某街道\n");
    let error = desk
        .bulletin_file("tsp", "2024-10-H1", neither)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("rank_from_worst"), "{error}");
}

#[tokio::test]
async fn values_and_ranks_of_two_files_meet_and_a_corrected_list_withdraws() {
    let desk = Desk::new();
    let ranks = "rank,district,township\n1,甲区,一街道\n2,甲区,二街道\n3,乙区,三街道\n";
    assert_eq!(
        counts(&desk.bulletin("tsp", "2024-10-H1", ranks).await.report),
        (3, 0, 0)
    );
    let values = "district,township,value\n甲区,二街道,150\n乙区,四街道,120\n";
    let told = desk.bulletin("tsp", "2024-10-H1", values).await;
    assert_eq!((counts(&told.report), told.withdrawn.len()), ((1, 1, 0), 0));
    let with_values = [
        "1|甲区|一街道||".to_owned(),
        "2|甲区|二街道||150.0".to_owned(),
        "3|乙区|三街道||".to_owned(),
        "|乙区|四街道||120.0".to_owned(),
    ];
    let brief = |lines: Vec<String>| -> Vec<String> {
        lines
            .iter()
            .map(|l| l.rsplit_once('|').unwrap().0.to_owned())
            .collect()
    };
    assert_eq!(
        brief(desk.listed().await),
        with_values,
        "a file without ranks leaves them as they are"
    );
    let again = desk.bulletin("tsp", "2024-10-H1", ranks).await;
    assert_eq!(
        counts(&again.report),
        (0, 0, 3),
        "and one without values leaves those"
    );
    assert_eq!(brief(desk.listed().await), with_values);

    let part = "rank,district,township\n2,甲区,一街道\n";
    let imported = desk.bulletin("tsp", "2024-10-H1", part).await;
    assert!(
        imported.withdrawn.is_empty(),
        "a list that does not begin with 1 is not whole"
    );
    let corrected = "rank,district,township\n1,甲区,一街道\n2,甲区,二街道\n3,丙区,五街道\n";
    let imported = desk.bulletin("tsp", "2024-10-H1", corrected).await;
    assert_eq!(imported.withdrawn, ["乙区 三街道"]);
    assert_eq!(
        counts(&imported.report),
        (1, 2, 1),
        "the rank that was wrong, and what is gone"
    );
    assert_eq!(
        brief(desk.listed().await),
        [
            "1|甲区|一街道||".to_owned(),
            "2|甲区|二街道||150.0".to_owned(),
            "3|丙区|五街道||".to_owned(),
            "|乙区|四街道||120.0".to_owned(),
        ]
    );
    let stays = desk
        .query("SELECT rank_from_worst, flag FROM city_bulletin_rows WHERE township = '三街道' ORDER BY imported_at")
        .await;
    assert_eq!(
        stays,
        ["3|unknown_district", "|withdrawn"],
        "what was said before stays readable"
    );
}
