//! Promise: the files of docs/handed-in-files.md come in as the page says, bad ones are told by line and reason, and what
//! they say can be reported, checked and queried.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use support::csv::Table;
use support::world::{Place, World};

/// A command of the page with the CSV that follows it.
struct Example {
    arguments: Vec<String>,
    file: String,
    csv: String,
}

fn page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/handed-in-files.md");
    std::fs::read_to_string(page).unwrap()
}

/// The text of the block of a language that a text begins before.
fn block<'a>(text: &'a str, language: &str) -> Option<(&'a str, &'a str)> {
    let (_, rest) = text.split_once(&format!("\n```{language}\n"))?;
    rest.split_once("```\n")
}

/// Every command of the page that imports, with its file.
fn examples(page: &str) -> Vec<Example> {
    let mut out = Vec::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("\n```csv\n") {
        let command = before
            .lines()
            .rfind(|line| line.starts_with("`dustwatch "))
            .unwrap();
        let words = command.trim_matches('`').split_whitespace().skip(1);
        let arguments: Vec<String> = words.map(str::to_owned).collect();
        let file = arguments
            .iter()
            .find(|word| word.ends_with(".csv"))
            .unwrap()
            .clone();
        let (csv, next) = after.split_once("```\n").unwrap();
        out.push(Example {
            arguments,
            file,
            csv: csv.to_owned(),
        });
        rest = next;
    }
    out
}

/// The district of the page, with the kind of ledger that the page describes.
fn world() -> World {
    let place = Place {
        district_keys: "ledgers = \"ledgers\"".to_owned(),
        ..Place::new("110109")
    };
    let world = World::new(&place);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/mentougou");
    for name in ["townships.csv", "stations.csv"] {
        world.write(name, &std::fs::read_to_string(folder.join(name)).unwrap());
    }
    let settings = std::fs::read_to_string(world.path("dustwatch.toml")).unwrap();
    world.write("dustwatch.toml", &settings.replace("某区", "门头沟区"));
    std::fs::create_dir(world.path("ledgers")).unwrap();
    let page = page();
    let (kind, _) = block(&page, "toml").unwrap();
    world.write("ledgers/own.toml", kind);
    world
}

fn run(world: &World, arguments: &[String]) -> support::process::Output {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    world.dustwatch(&[&arguments[..], &["--format", "csv"]].concat())
}

#[test]
fn every_example_of_the_page_is_imported_whole_and_once() {
    let world = world();
    let examples = examples(&page());
    let kinds = Table::parse(&world.dustwatch(&["ledger", "kinds", "--format", "csv"]).ok());
    let mut kinds: Vec<&str> = kinds.column("kind");
    kinds.dedup();
    assert_eq!(
        examples.len(),
        kinds.len() + 2,
        "an example for each kind, the city's list and enforcement"
    );
    for Example { arguments, file, csv } in &examples {
        world.write(file, csv);
        let first = run(&world, arguments);
        first.expect_code(0);
        assert!(
            first.stderr.contains("0 refused") && !first.stderr.contains(" 0 new"),
            "{first}"
        );
        let again = run(&world, arguments);
        again.expect_code(0);
        assert!(again.stderr.contains(" 0 new, 0 corrected"), "{again}");
        for line in Table::parse(&first.stdout).column("reason") {
            assert_eq!(line, "unknown_district", "{first}");
        }
    }
    for kind in kinds {
        let report = world.dustwatch(&[
            "ledger", "report", "--kind", kind, "--period", "2019-08", "--format", "csv",
        ]);
        let report = Table::parse(&report.ok());
        assert!(report.column("status").contains(&"ranked"), "{kind}: {report:?}");
    }
    let own = [
        "ledger",
        "report",
        "--kind",
        "cleaning_rate",
        "--period",
        "2019-08",
        "--format",
        "csv",
    ];
    let own = Table::parse(&world.dustwatch(&own).ok());
    assert_eq!(own.column("name")[..2], ["大峪街道", "永定镇"]);
    assert_eq!(
        own.column("value")[..2],
        ["94.4", "85.7"],
        "40.1 of 42.5 km and 52.3 of 61.0 km"
    );
    assert_eq!(own.column("verdict")[..2], ["compliant", "below"]);
    assert_eq!(own.rows.len(), 13);
}

#[test]
fn what_was_handed_in_is_listed_checked_counted_and_queried() {
    let world = world();
    for Example { arguments, file, csv } in &examples(&page()) {
        world.write(file, csv);
        run(&world, arguments).expect_code(0);
    }
    let list = Table::parse(
        &world
            .dustwatch(&["city-bulletin", "list", "--format", "csv"])
            .ok(),
    );
    assert_eq!(list.column("rank_from_worst"), ["1", "2", "2", "4"]);
    assert_eq!(list.column("value").last(), Some(&"139.0"));
    let check = world.dustwatch(&["city-bulletin", "check", "--period", "2019-08", "--format", "csv"]);
    assert!(check.stderr.contains("lists that lie in 2019-08: 1"), "{check}");
    let check = Table::parse(&check.ok());
    let violation = &check.rows[0];
    assert_eq!(violation[check.position("township_code")], "110109006");
    assert_eq!(violation[check.position("verdict")], "violation");
    assert!(
        check.column("verdict")[1..]
            .iter()
            .all(|verdict| *verdict == "insufficient_data")
    );

    let report = [
        "enforcement",
        "report",
        "--period",
        "2019-W32",
        "--by",
        "township",
        "--format",
        "csv",
    ];
    let report = Table::parse(&world.dustwatch(&report).ok());
    assert_eq!(
        report.column("inspections").last(),
        Some(&"43"),
        "the total of the three lines"
    );
    for (view, rows) in [
        ("enforcement", "3"),
        ("city_bulletin", "4"),
        ("ledger_rows", "25"),
    ] {
        let count = world.query(&format!("SELECT count(*) AS n FROM {view}"));
        assert_eq!(count.cell(), rows, "{view}");
    }
}

#[test]
fn refused_lines_are_a_table_and_a_file_of_which_nothing_can_be_taken_fails() {
    let world = world();
    let header = "date,department,township,action,inspections,cases,penalty_yuan,closed\n";
    world.write(
        "mixed.csv",
        &format!("{header}2019-08-05,甲,大峪街道,water,1,0,0,0\n2019-08-05,甲,长安街道,water,1,0,0,0\n2019-08-05,甲,城子街道,air,-1,0,0,0\n"),
    );
    let mixed = world.dustwatch(&["enforcement", "import", "mixed.csv", "--format", "csv"]);
    mixed.expect_code(0);
    assert!(
        mixed
            .stderr
            .contains("3 lines: 1 new, 0 corrected, 0 unchanged, 0 of them flagged; 2 refused"),
        "{mixed}"
    );
    let lines = Table::parse(&mixed.stdout);
    assert_eq!(lines.header, ["line", "outcome", "reason", "detail"]);
    assert_eq!(lines.column("line"), ["3", "4"]);
    assert_eq!(lines.column("reason"), ["unknown_township", "unknown_action"]);

    world.write(
        "none.csv",
        &format!("{header}2019-08-05,甲,长安街道,water,1,0,0,0\n"),
    );
    let none = world.dustwatch(&["enforcement", "import", "none.csv"]);
    none.expect_code(1);
    assert!(none.stderr.contains("no line could be taken"), "{none}");
    world.write("wrong.csv", "date,township\n2019-08-05,大峪街道\n");
    let wrong = world.dustwatch(&["enforcement", "import", "wrong.csv"]);
    wrong.expect_code(1);
    assert!(
        wrong.stderr.contains("wrong.csv") && wrong.stderr.contains("department"),
        "{wrong}"
    );
    std::fs::write(world.path("gbk.csv"), [0xc8, 0xd5, 0xc6, 0xda, b'\n']).unwrap();
    let gbk = world.dustwatch(&["enforcement", "import", "gbk.csv"]);
    gbk.expect_code(1);
    assert!(gbk.stderr.contains("UTF-8"), "{gbk}");

    for usage in [
        &["ledger", "import", "--kind", "noise", "none.csv"][..],
        &[
            "ledger",
            "report",
            "--kind",
            "water_sections",
            "--period",
            "2019-W32",
        ],
        &[
            "city-bulletin",
            "import",
            "none.csv",
            "--parameter",
            "tsp",
            "--period",
            "2019-W32",
        ],
        &[
            "city-bulletin",
            "import",
            "none.csv",
            "--parameter",
            "pm10",
            "--period",
            "2019-08",
        ],
        &["enforcement", "report", "--period", "2019-08-32"],
    ] {
        world.dustwatch(usage).expect_code(2);
    }
    world.write("ledgers/own.toml", "key = \"x\"\n");
    let kinds = world.dustwatch(&["ledger", "kinds"]);
    kinds.expect_code(2);
    assert!(kinds.stderr.contains("own.toml"), "{kinds}");
}
