//! Promise: the monthly dispatch says a month's dustfall, how far the year is from its target, and who is called in by
//! which rule: the same as the commands say.
#![allow(clippy::unwrap_used)]

mod support;

use support::csv::Table;
use support::dustfall::{import, report};
use support::world::{Place, World};

const TOWNSHIPS: [(&str, &str); 5] = [
    ("110109001", "甲街道"),
    ("110109002", "乙街道"),
    ("110109003", "丙镇"),
    ("110109004", "丁镇"),
    ("110109005", "戊镇"),
];
const MAPPING: &str = "format = \"csv\"\ndevice = \"{device}\"\n\
    time = { column = \"time\", format = \"%Y-%m-%d %H:%M\", timezone = \"Asia/Shanghai\", label = \"start\" }\n\
    [columns]\npm25 = \"pm25\"\ntsp = \"tsp\"\n";

/// July and August by the hour; the dirtier half grows dirtier.
fn observations() -> String {
    let mut lines = vec!["device,time,pm25,tsp".to_owned()];
    for month in [7, 8] {
        for day in 1..=31 {
            for hour in 0..24 {
                for (at, (code, _)) in TOWNSHIPS.iter().enumerate() {
                    let growth = if at >= 2 { (month - 7) * 6 } else { (7 - month) * 4 };
                    let pm25 = 30 + 8 * at as i32 + growth + day % 3;
                    lines.push(format!(
                        "S-{code},2019-{month:02}-{day:02} {hour:02}:00,{pm25},{}",
                        3 * pm25
                    ));
                }
            }
        }
    }
    lines.join("\n") + "\n"
}

fn prepared() -> World {
    let mut place = Place::new("110109");
    let mut points = Vec::new();
    for (code, name) in TOWNSHIPS {
        place = place
            .township(code, name)
            .station(&format!("S-{code}"), "township", code, "1h");
        points.push((code, code, ",15.0,,"));
    }
    let world = support::dustfall::world(&place, &points, "");
    let mapping = world.write("mapping.toml", MAPPING).display().to_string();
    let table = world
        .write("observations.csv", &observations())
        .display()
        .to_string();
    world.dustwatch(&["import", "--mapping", &mapping, &table]).ok();
    world.dustwatch(&["rollup"]).ok();
    let results = "site,sample,month,value_t_km2_30d\n\
        110109001,110109001-2019-07,2019-07,5.1\n110109002,110109002-2019-07,2019-07,5.5\n110109003,110109003-2019-07,2019-07,6.0\n110109004,110109004-2019-07,2019-07,6.4\n\
        110109001,110109001-2019-08,2019-08,4.9\n110109002,110109002-2019-08,2019-08,5.0\n110109003,110109003-2019-08,2019-08,6.5\n110109004,110109004-2019-08,2019-08,7.2\n110109005,110109005-2019-08,2019-08,<0.3\n";
    import(&world, "results.csv", results, &[]);
    world
}

fn dispatch(world: &World, out: &str, arguments: &[&str]) -> Vec<String> {
    let out = world.path(out).display().to_string();
    let question = ["notice", "monthly", "--format", "md,pdf,docx", "--out", &out];
    let said = world.dustwatch(&[&question[..], arguments].concat()).ok();
    said.lines().map(str::to_owned).collect()
}

#[test]
fn a_dispatch_says_what_the_commands_say() {
    let world = prepared();
    let files = dispatch(&world, "out", &["--period", "2019-08", "--date", "2019-09-02"]);
    assert!(files[0].ends_with("monthly-2019-08.md"), "{files:?}");
    let text = std::fs::read_to_string(&files[0]).unwrap();
    assert!(
        text.contains("大气污染防治工作月调度通报") && text.contains("2019年8月"),
        "{text}"
    );
    assert!(!text.contains("本周") && !text.contains("上周"), "{text}");

    let columns = ["name", "value", "rank", "change_percent", "month_verdict"];
    for row in report(&world, "2019-08", "township", &columns) {
        let [name, value, rank, change, verdict] = &row[..] else {
            panic!("{row:?}")
        };
        let plain = text.replace('\\', "");
        let line = plain
            .lines()
            .find(|line| line.starts_with(&format!("| {rank} | {name} | {value} |")));
        let line = line.unwrap_or_else(|| panic!("{row:?}\n{text}"));
        assert!(
            change.is_empty() || line.contains(&format!("| {change} |")),
            "{line}"
        );
        let word = if verdict == "exceeds" { "超标" } else { "达标" };
        assert!(line.ends_with(&format!("| {word} |")), "{line}");
    }

    let list = Table::parse(
        &world
            .dustwatch(&["supervision", "--period", "2019-08", "--format", "csv"])
            .ok(),
    );
    assert!(!list.rows.is_empty());
    let (names, rules) = (list.column("township"), list.column("rules"));
    for (name, rules) in names.iter().zip(rules) {
        let named = text
            .lines()
            .any(|line| line.contains(&format!("| {name} |")) && line.contains(&format!("| {rules} |")));
        assert!(named, "{name} {rules}\n{text}");
    }
    assert!(text.contains("约谈和问责由区政府按程序决定"), "{text}");

    let years = Table::parse(
        &world
            .dustwatch(&["progress", "--period", "2019-08", "--format", "csv"])
            .ok(),
    );
    let allowed = years.column("allowed_mean").last().unwrap().to_string();
    assert!(
        text.contains(&format!("余下122天的平均浓度控制在{allowed}微克/立方米以内")),
        "{allowed}\n{text}"
    );
}

#[test]
fn a_dispatch_is_made_again_and_revised_when_a_result_is_corrected() {
    let world = prepared();
    let first = dispatch(&world, "out", &["--period", "2019-08", "--date", "2019-09-02"]);
    let corrected = "site,sample,month,value_t_km2_30d\n110109004,110109004-2019-08,2019-08,6.9\n";
    let file = world.write("corrected.csv", corrected).display().to_string();
    world.dustwatch(&["dustfall", "import", &file]).ok();

    let register = first[0].replace(".md", ".json");
    let again = dispatch(&world, "again", &["--as-of", &register]);
    for (one, other) in first.iter().zip(&again) {
        assert!(
            std::fs::read(one).unwrap() == std::fs::read(other).unwrap(),
            "{one}"
        );
    }
    let revised = dispatch(&world, "out", &["--period", "2019-08", "--date", "2019-09-09"]);
    let text = std::fs::read_to_string(&revised[0]).unwrap();
    assert!(revised[0].ends_with("monthly-2019-08-r1.md"), "{revised:?}");
    assert!(text.contains("| 降尘 | 丁镇 | 7.2 | 6.9 |"), "{text}");
}

#[test]
fn nobody_is_named_before_a_month_is_over() {
    let world = World::new(&Place::new("110109")).with_clock();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    // 2019-08-31 23:00 in Beijing.
    world.set_clock(1_567_263_600 - now.as_secs() as i64);
    let said = world.dustwatch(&["notice", "monthly", "--period", "2019-08"]);
    said.expect_code(2);
    assert!(said.stderr.contains("2019-08 is not over"), "{}", said.stderr);
}

#[test]
fn a_month_is_no_week() {
    let world = prepared();
    let said = world.dustwatch(&["notice", "monthly", "--period", "2019-W32"]);
    said.expect_code(2);
    assert!(said.stderr.contains("a month like 2019-08"), "{}", said.stderr);
}
