//! Promise: the weekly notice says what the city, the sites and the departments reported beside the concentrations; it
//! comes in five formats; and from its register it is made again, byte for byte, whatever was imported since.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use support::world::{Place, World};

const WEEK: &str = "2019-W32";
const FORMATS: [&str; 5] = ["docx", "html", "json", "md", "pdf"];
const SITE: &str = "110109-S-1";
const MAPPING: &str = "format = \"csv\"\ndevice = \"{device}\"\n\
    time = { column = \"time\", format = \"%Y-%m-%d %H:%M\", timezone = \"Asia/Shanghai\", label = \"start\" }\n\
    [columns]\npm25 = \"pm25\"\ntsp = \"tsp\"\n";

fn world() -> World {
    let place = Place::new("110109")
        .township("110109001", "大峪街道")
        .township("110109006", "永定镇")
        .station("110109-A-1", "township", "110109001", "1h")
        .station("110109-B-1", "township", "110109006", "1h")
        .station(SITE, "site", "110109006", "5m");
    World::new(&place)
}

/// Two weeks of hours of both townships, and an hour on the site in which its dust is ten times what rules allow.
fn observations() -> String {
    let mut lines = vec!["device,time,pm25,tsp".to_owned()];
    let days = (29..=31).map(|day| (7, day)).chain((1..=11).map(|day| (8, day)));
    for (month, day) in days {
        for hour in 0..24 {
            let time = format!("2019-{month:02}-{day:02} {hour:02}:00");
            lines.push(format!("110109-A-1,{time},{},{}", 30 + day % 5, 100 + hour));
            lines.push(format!("110109-B-1,{time},{},{}", 40 + day % 7, 140 + hour));
        }
    }
    for minute in (0..60).step_by(5) {
        lines.push(format!("{SITE},2019-08-07 14:{minute:02},50,8000"));
    }
    lines.join("\n") + "\n"
}

fn enforcement(inspections: u32) -> String {
    format!(
        "日期,部门,镇街,行动,检查次数,立案数,罚款金额（元）,结案数\n\
         2019-08-05,区城管执法局,大峪街道,施工扬尘,{inspections},3,30000,2\n\
         2019-07-30,区城管执法局,永定镇,施工扬尘,20,1,5000,1\n"
    )
}

fn import(world: &World, arguments: &[&str], name: &str, text: &str) {
    let file = world.write(name, text).display().to_string();
    world.dustwatch(&[arguments, &[&file]].concat()).ok();
}

fn prepared() -> World {
    let world = world();
    let mapping = world.write("mapping.toml", MAPPING).display().to_string();
    import(
        &world,
        &["import", "--mapping", &mapping],
        "observations.csv",
        &observations(),
    );
    for step in [&["qc", "run"][..], &["rollup"], &["alarms", "run"]] {
        world.dustwatch(step).ok();
    }
    import(&world, &["enforcement", "import"], "counts.csv", &enforcement(24));
    let list = "排名,区,街道（乡镇）,浓度\n1,丰台区,云岗街道,\n2,某区,永定镇,158\n";
    let bulletin = [
        "city-bulletin",
        "import",
        "--parameter",
        "tsp",
        "--period",
        "2019-07-H2",
    ];
    import(&world, &bulletin, "list.csv", list);
    world
}

fn documents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<PathBuf> = (folder.read_dir().unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let named = |file: PathBuf| {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(file).unwrap())
    };
    files.into_iter().map(named).collect()
}

fn make(world: &World, arguments: &[&str], out: &str) -> support::process::Output {
    let out = world.path(out).display().to_string();
    let question = [
        "notice",
        "weekly",
        "--format",
        "docx,pdf,html,md,json",
        "--out",
        &out,
    ];
    world.dustwatch(&[&question[..], arguments].concat())
}

fn failed(output: support::process::Output) -> String {
    output.expect_code(1);
    output.stderr
}

#[test]
fn a_notice_says_what_was_reported_and_is_made_again_byte_for_byte() {
    let world = prepared();
    let listed = make(&world, &["--period", WEEK, "--date", "2019-08-12"], "first").ok();
    assert_eq!(listed.lines().count(), FORMATS.len(), "{listed}");
    let first = documents(&world.path("first"));
    let names: Vec<&str> = first.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, FORMATS.map(|format| format!("weekly-{WEEK}.{format}")));
    says_what_was_reported(&String::from_utf8(first[3].1.clone()).unwrap());
    assert!(first[4].1.starts_with(b"%PDF-") && first[0].1.starts_with(b"PK"));

    // Departments correct themselves, the city publishes another list, observations are corrected.
    import(
        &world,
        &["enforcement", "import"],
        "corrected.csv",
        &enforcement(31),
    );
    let mapping = world.path("mapping.toml").display().to_string();
    let corrected = "device,time,pm25,tsp\n110109-A-1,2019-08-06 08:00,999,999\n";
    import(
        &world,
        &["import", "--mapping", &mapping],
        "corrected-hour.csv",
        corrected,
    );
    world.dustwatch(&["rollup"]).ok();

    let register = world
        .path(&format!("first/weekly-{WEEK}.json"))
        .display()
        .to_string();
    make(&world, &["--as-of", &register], "again").ok();
    for (one, other) in first.iter().zip(documents(&world.path("again"))) {
        assert!(*one == other, "{} differs", one.0);
    }

    // Asked anew it is a revision, of which the register tells the counts.
    make(&world, &["--period", WEEK, "--date", "2019-08-19"], "first").ok();
    let revised = std::fs::read_to_string(world.path(&format!("first/weekly-{WEEK}-r1.md"))).unwrap();
    assert!(
        revised.contains("更正") && revised.contains("检查31次"),
        "{revised}"
    );
}

fn says_what_was_reported(text: &str) {
    for sentence in [
        "市级通报的2019年7月下半月全市TSP浓度最高的30个乡镇（街道）中，我区有1个镇街列入：永定镇（倒数第2位，158.0微克/立方米）。",
        "本周1个监测点发生超限报警",
        "| 1 | 110109-S-1 监测站 | 永定镇 |",
        "本周各部门共检查24次，比上周增加4次；立案3起，比上周增加2起；罚款30000元，比上周增加25000元；办结2起。",
        "| 施工扬尘 | 24 | 20.0 | 3 | 200.0 | 30000 | 500.0 | 2 |",
        "| 合计 | 24 | 20.0 | 3 | 200.0 | 30000 | 500.0 | 2 |",
        "执法检查表enforcement第",
    ] {
        let plain = text.replace("\\_", "_");
        assert!(plain.contains(sentence), "{sentence}\n{text}");
    }
}

#[test]
fn what_cannot_be_made_again_says_why() {
    let world = prepared();
    make(&world, &["--period", WEEK, "--date", "2019-08-12"], "first").ok();
    let register = format!("first/weekly-{WEEK}.json");
    // Somebody changed a file that the register vouches for.
    let file = world.path(&format!("first/weekly-{WEEK}.md"));
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("永定镇", "大峪街道")).unwrap();
    let register = world.path(&register).display().to_string();
    let said = failed(make(&world, &["--as-of", &register], "first"));
    assert!(said.contains(".md is there and differs"), "{said}");
    // The registry of today gives other figures.
    let stations = std::fs::read_to_string(world.path("stations.csv")).unwrap();
    world.write(
        "stations.csv",
        &stations.replace(
            "110109-B-1,110109-B-1 监测站,township",
            "110109-B-1,110109-B-1 监测站,road",
        ),
    );
    let said = failed(make(&world, &["--as-of", &register], "again"));
    assert!(
        said.contains("cannot be made again") && said.contains("永定镇"),
        "{said}"
    );
}

#[test]
fn a_template_of_the_settings_is_used_and_its_fault_named() {
    let world = prepared();
    let template = world.dustwatch(&["notice", "template"]).ok();
    let settings = std::fs::read_to_string(world.path("dustwatch.toml")).unwrap();
    world.write(
        "dustwatch.toml",
        &format!("{settings}\n[notice]\ntemplate = \"mine.typ\"\n"),
    );
    world.write("mine.typ", &template);
    make(&world, &["--period", WEEK], "good").ok();
    world.write("mine.typ", &template.replace("notice.title", "notice.titel"));
    let said = failed(make(&world, &["--period", WEEK], "bad"));
    assert!(
        said.contains("mine.typ, line ") && said.contains("titel"),
        "{said}"
    );
    assert!(
        !world.path("bad").exists() || documents(&world.path("bad")).is_empty(),
        "nothing is half issued"
    );
}
