//! A kind of ledger that no code has heard of, and kinds that contradict themselves.

use std::path::Path;

use dustwatch_analytics::Published;
use dustwatch_config::LedgerKind;

use crate::desk::{Desk, counts, lines};

const DISTRICT_ROADS: &str = r#"
key = "district_road_dust"
name = "各区道路尘负荷均值"
ranked = "load"

[subject]
column = "district"
aliases = ["行政区"]
kind = "text"

[date]
holds = "month"
aliases = ["月份"]

[[item]]
key = "load"
name = "道路尘负荷"
aliases = ["道路尘负荷(g/m2)"]
type = "number"
unit = "g/m²"
decimals = 2
better = "lower"
combine = "mean"
required = true

[[item]]
key = "length"
name = "监测里程"
type = "number"
unit = "km"
decimals = 1
better = "higher"
combine = "sum"
limit = 10
min = 0.5
max = 100
"#;

/// The city's mean road dust load of each district, January 2023, as published with its ranks (Beijing EEB).
const PUBLISHED: [(&str, &str, u32); 17] = [
    ("西城区", "0.32", 1),
    ("东城区", "0.36", 2),
    ("怀柔区", "0.36", 2),
    ("延庆区", "0.39", 4),
    ("经开区", "0.50", 5),
    ("朝阳区", "0.51", 6),
    ("顺义区", "0.52", 7),
    ("石景山区", "0.54", 8),
    ("密云区", "0.54", 8),
    ("房山区", "0.58", 10),
    ("昌平区", "0.58", 10),
    ("大兴区", "0.62", 12),
    ("门头沟区", "0.71", 13),
    ("通州区", "0.72", 14),
    ("丰台区", "0.74", 15),
    ("海淀区", "0.80", 16),
    ("平谷区", "0.83", 17),
];

#[tokio::test]
async fn a_kind_of_ones_own_ranks_as_the_city_published() {
    let desk = Desk::with_ledgers(&[("own.toml", DISTRICT_ROADS), ("readme.txt", "not a kind")]);
    assert_eq!(desk.settings.ledgers.len(), 5, "the built-in four stay");
    let mut file = "月份,行政区,道路尘负荷(g/m2)\n".to_owned();
    for (district, load, _) in PUBLISHED.iter().rev() {
        file += &format!("2023-01,{district},{load}\n");
    }
    assert_eq!(
        counts(&desk.ledger("district_road_dust", &file).await),
        (17, 0, 0)
    );
    let report = desk.ledger_report("district_road_dust", None, "2023-01").await;
    let mut got: Vec<(String, String, u32)> = report
        .rows
        .iter()
        .map(|row| {
            let value = row.value.as_ref().unwrap().number;
            (row.name.clone(), value.to_string(), row.rank.unwrap())
        })
        .collect();
    let mut wanted: Vec<(String, String, u32)> = PUBLISHED
        .iter()
        .map(|(district, load, rank)| ((*district).to_owned(), (*load).to_owned(), *rank))
        .collect();
    let ranks: Vec<u32> = got.iter().map(|row| row.2).collect();
    assert!(ranks.is_sorted(), "best first");
    got.sort();
    wanted.sort();
    assert_eq!(got, wanted);
    assert!(
        report
            .rows
            .iter()
            .all(|row| row.limit.is_none() && row.verdict.is_none())
    );
    let worst = report.rows.iter().find(|row| row.name == "平谷区").unwrap();
    assert_eq!(worst.rank_worst, Some(1));
    assert_eq!(worst.value.as_ref().unwrap().number, Published::new(83, 2));
}

#[tokio::test]
async fn bounds_sums_and_levels_to_reach_are_as_the_kind_says() {
    let desk = Desk::with_ledgers(&[("own.toml", DISTRICT_ROADS)]);
    let file = "month,district,load,length\n2023-01,甲区,0.1,4.5\n2023-02,甲区,0.1,5.5\n2023-01,乙区,0.1,9.94\n2023-01,丙区,0.1,0.4\n2023-01,丁区,0.1,100.5\n";
    let imported = desk.ledger("district_road_dust", file).await;
    let reasons: Vec<&str> = imported.refused.iter().map(|r| r.reason).collect();
    assert_eq!(reasons, ["out_of_range", "out_of_range"]);
    let report = desk
        .ledger_report("district_road_dust", Some("length"), "2023-01-01..2023-02-28")
        .await;
    assert_eq!(
        lines(
            &report.table(),
            &["rank", "rank_worst", "name", "value", "limit", "verdict"]
        ),
        ["1|2|甲区|10.0|10|compliant", "2|1|乙区|9.9|10|below"]
    );
}

#[tokio::test]
async fn a_kind_of_the_folder_replaces_the_built_in_one_of_its_key() {
    let strict = DISTRICT_ROADS.replace("key = \"district_road_dust\"", "key = \"road_dust_load\"");
    let desk = Desk::with_ledgers(&[("road.toml", strict.as_str())]);
    assert_eq!(desk.settings.ledgers.len(), 4);
    let kind = desk
        .settings
        .ledgers
        .iter()
        .find(|kind| kind.key == "road_dust_load");
    assert_eq!(kind.unwrap().name, "各区道路尘负荷均值");
}

#[test]
fn a_kind_that_contradicts_itself_is_refused_with_file_and_key() {
    let grade = "[[item]]\nkey = \"grade\"\nname = \"类别\"\ntype = \"grade\"\nbetter = \"lower\"\nlevels = [[\"I\"], [\"II\"]]\n";
    let ratio = "[[item]]\nkey = \"rate\"\nname = \"率\"\ntype = \"ratio\"\nbetter = \"higher\"\n";
    for (from, to, word) in [
        ("decimals = 2", "decimals = 7", "load.decimals"),
        (
            "decimals = 2",
            "decimals = 2\nlevels = [[\"a\"], [\"b\"]]",
            "load.levels",
        ),
        ("better = \"lower\"\n", "", "load.better"),
        ("better = \"lower\"", "better = \"less\"", "less"),
        ("ranked = \"load\"", "ranked = \"weight\"", "ranked"),
        (
            "ranked = \"load\"",
            "ranked = \"load\"\ngroup = \"length\"",
            "group",
        ),
        ("key = \"length\"", "key = \"district\"", "district"),
        ("name = \"监测里程\"", "name = \"行政区\"", "行政区"),
        ("key = \"length\"", "key = \"Length\"", "Length"),
        ("combine = \"sum\"", "combine = \"median\"", "median"),
        ("limit = 10", "limit = \"III\"", "length.limit"),
        ("limit = 10", "limit_item = \"width\"", "length.limit_item"),
        ("unit = \"km\"", "unit = \"km\"\ncolour = \"red\"", "colour"),
        ("kind = \"text\"", "kind = \"river\"", "river"),
    ] {
        assert!(DISTRICT_ROADS.contains(from), "{from}");
        let text = DISTRICT_ROADS.replacen(from, to, 1);
        let error = LedgerKind::parse(Path::new("own.toml"), &text)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("own.toml") && error.contains(word),
            "{from} → {to}: {error}"
        );
    }
    for (text, word) in [
        (
            format!("{DISTRICT_ROADS}{grade}combine = \"mean\"\n"),
            "grade.combine",
        ),
        (format!("{DISTRICT_ROADS}{grade}limit = \"III\"\n"), "grade.limit"),
        (
            format!("{DISTRICT_ROADS}{grade}limit_item = \"load\"\n"),
            "grade.limit_item",
        ),
        (
            format!("{DISTRICT_ROADS}{ratio}of = \"length\"\nto = \"load\"\n"),
            "rate.of",
        ),
        (format!("{DISTRICT_ROADS}{ratio}of = \"length\"\n"), "rate.to"),
    ] {
        let error = LedgerKind::parse(Path::new("own.toml"), &text)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("own.toml") && error.contains(word),
            "{word}: {error}"
        );
    }
}

#[test]
fn two_files_of_one_key_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.toml", "b.toml"] {
        std::fs::write(folder.path().join(name), DISTRICT_ROADS).unwrap();
    }
    let file = folder.path().join("dustwatch.conf");
    std::fs::write(&file, "[district]\nledgers = \".\"\n").unwrap();
    let error = dustwatch_config::Settings::load(Some(&file))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("b.toml") && error.contains("district_road_dust"),
        "{error}"
    );
}
