//! Promise: late and out-of-order data land in their own days; what was made of those days changes, nothing else does,
//! and the notice of a changed week says that it is revised, and what changed.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::PathBuf;

use support::calendar::{Day, days};
use support::csv::Table;
use support::mosquitto::{Memory, Mosquitto};
use support::oracle::{Oracle, compare};
use support::prsa;
use support::random::Random;
use support::world::{Place, World, confirmed};

const HEADER: &str = "\"No\",\"year\",\"month\",\"day\",\"hour\",\"PM2.5\",\"PM10\",\"TEMP\",\"PRES\",\"WSPM\",\"station\"\r\n";
const IN_TIME: [&str; 2] = ["110109-A-1", "110109-B-1"];
/// Its site was offline for the week.
const LATE: &str = "110109-C-1";
const WEEK: &str = "2016-W10";

fn place() -> Place {
    Place::new("110109")
        .township("110109001", "甲街道")
        .township("110109002", "乙镇")
        .township("110109003", "丙镇")
        .station(IN_TIME[0], "township", "110109001", "1h")
        .station(IN_TIME[1], "township", "110109002", "1h")
        .station(LATE, "township", "110109003", "1h")
}

fn monday() -> Day {
    Day::of(2016, 3, 7)
}

/// Lines of a station's hours; `newest_first` as an agent that works off its backlog from the end.
fn lines(station: &str, span: impl Iterator<Item = Day>, random: &mut Random, newest_first: bool) -> String {
    let mut lines = Vec::new();
    for day in span {
        let (year, month, date) = day.civil();
        for hour in 0..24 {
            let value = random.between(20, 90);
            lines.push(format!(
                "1,{year},{month},{date},{hour},{value},{},-0.5,1024.5,1.5,\"{station}\"\r\n",
                value + 20
            ));
        }
    }
    if newest_first {
        lines.reverse();
    }
    format!("{HEADER}{}", lines.concat())
}

/// Publishes tables through an ingester of their own, to the end.
fn send(world: &World, tables: &[(&str, &String)]) {
    let ingest = world.start_ingest();
    let files: Vec<PathBuf> = tables
        .iter()
        .map(|(name, text)| world.write(name, text))
        .collect();
    let mapping = world.write("mapping.toml", prsa::MAPPING);
    let options = ["--speed", "max", "--batch", "10", "--district", "110109"];
    let said = world.spawn_replay(&files, &mapping, &options).wait().ok();
    let rows: u64 = tables
        .iter()
        .map(|(_, text)| text.lines().count() as u64 - 1)
        .sum();
    assert_eq!(confirmed(&said), rows, "{said}");
    ingest.terminate().ok();
}

fn rank(world: &World, period: &str) -> String {
    let question = [
        "rank",
        "--parameter",
        "pm25",
        "--period",
        period,
        "--format",
        "csv",
    ];
    world.dustwatch(&question).ok()
}

fn completeness(world: &World, period: &str) -> Table {
    let said = world.dustwatch(&["completeness", "--period", period, "--format", "csv"]);
    Table::parse(&said.ok())
}

/// The documents that `notice weekly` names.
fn notice(world: &World) -> Vec<PathBuf> {
    let out = world.path("notices").display().to_string();
    let question = ["notice", "weekly", "--period", WEEK, "--out", &out, "--date"];
    // The date of a first issue; one that stands keeps its own.
    let date = if world.path("notices").exists() {
        "2016-03-21"
    } else {
        "2016-03-14"
    };
    let said = world.dustwatch(&[&question[..], &[date]].concat()).ok();
    said.lines().map(PathBuf::from).collect()
}

fn read(files: &[PathBuf]) -> Vec<String> {
    files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect()
}

/// What the late week must not touch: rows as they came, and what was made of them.
fn untouched(world: &World) -> [Table; 3] {
    let monday = monday();
    let others = format!("day < DATE '{monday}'");
    [
        world.query(&format!(
            "SELECT device, observed_at, received_at, epoch, seq, pm25, pm10 FROM observations WHERE {others} ORDER BY 1, 2"
        )),
        world.query(&format!(
            "SELECT device, hour, parameter, mean, n, valid FROM hourly WHERE local_day(hour) < DATE '{monday}' ORDER BY 1, 2, 3"
        )),
        completeness(world, "2016-W09"),
    ]
}

#[test]
fn a_week_that_comes_late_changes_its_own_days_and_their_notice() {
    let mut random = Random::printed();
    let place = place();
    let world = World::new(&place);
    let _broker = Mosquitto::start(world.port(), Memory::None);
    let (before, sunday) = (monday().plus(-14), monday().plus(6));
    let in_time: Vec<String> = IN_TIME
        .iter()
        .map(|station| lines(station, days(before, sunday), &mut random, false))
        .collect();
    let early = lines(LATE, days(before, monday().plus(-1)), &mut random, false);
    let late = lines(LATE, days(monday(), sunday), &mut random, true);
    let mut known = Oracle::new(&place);
    in_time
        .iter()
        .chain([&early])
        .for_each(|table| known.read(table, "PM2.5"));

    send(
        &world,
        &[("a.csv", &in_time[0]), ("b.csv", &in_time[1]), ("c.csv", &early)],
    );
    world.dustwatch(&["rollup"]).ok();
    compare("before", &rank(&world, WEEK), &known.ranking(WEEK, false, false));
    let (week_before, kept) = (rank(&world, "2016-W09"), untouched(&world));
    let first = notice(&world);
    let first_texts = read(&first);
    assert!(!first_texts.iter().any(|text| text.contains("更正")));
    assert_eq!(
        (notice(&world), read(&first)),
        (first.clone(), first_texts.clone()),
        "made again"
    );

    // A week later the site is back.
    send(&world, &[("late.csv", &late)]);
    known.read(&late, "PM2.5");
    compare(
        "not rolled up yet",
        &rank(&world, WEEK),
        &known.ranking(WEEK, false, false),
    );
    world.dustwatch(&["rollup"]).ok();
    compare(
        "rolled up",
        &rank(&world, WEEK),
        &known.ranking(WEEK, false, false),
    );
    assert_eq!(rank(&world, "2016-W09"), week_before);
    assert_eq!(untouched(&world), kept, "other days");
    let landed = world.query(&format!(
        "SELECT cast(day AS varchar) AS day, count(*) AS n FROM observations WHERE device = '{LATE}' AND day >= DATE '{}' GROUP BY day ORDER BY 1",
        monday()
    ));
    let seven: Vec<String> = days(monday(), sunday).map(|day| day.to_string()).collect();
    assert_eq!(landed.column("day"), seven);
    assert_eq!(landed.column("n"), ["24"; 7]);
    let sheet = completeness(&world, WEEK);
    assert!(sheet.column("received").iter().all(|n| *n == "24"), "{sheet:?}");

    check_revision(&world, &first, &first_texts);
}

/// The revision names the township that had no data with what it has now; the first issue stays as it was.
fn check_revision(world: &World, first: &[PathBuf], first_texts: &[String]) {
    let second = notice(world);
    let names: Vec<&str> = second
        .iter()
        .map(|f| f.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, ["weekly-2016-W10-r1.html", "weekly-2016-W10-r1.md"]);
    let ranking = Table::parse(&rank(world, WEEK));
    let row = ranking
        .column("township")
        .iter()
        .position(|name| *name == "丙镇")
        .unwrap();
    let (value, place) = (ranking.column("value")[row], ranking.column("rank")[row]);
    let texts = read(&second);
    assert!(
        texts[1].contains("# 某区大气污染防治工作周通报（更正）"),
        "{}",
        texts[1]
    );
    let line = format!("| PM2.5 | 丙镇 | — | {value} | — | {place} |");
    assert!(texts[1].contains(&line), "{line}\n{}", texts[1]);
    let cells = format!("<td class=\"l\">丙镇</td><td class=\"r\">—</td><td class=\"r\">{value}</td>");
    assert!(texts[0].contains(&cells), "{cells}");
    for text in &texts {
        assert!(
            text.contains("更正说明") && text.contains("2016年3月14日印发") && text.contains("2016年3月21日")
        );
    }
    assert_eq!(read(first), first_texts, "the first issue is kept");

    // Nothing has changed since: the revision stands, and a format that is missing is made anew, byte for byte.
    std::fs::remove_file(&second[1]).unwrap();
    assert_eq!(notice(world), second);
    assert_eq!(read(&second), texts);
    assert!(!world.path("notices/weekly-2016-W10-r2.json").exists());
    // What somebody has written there without a register is not overwritten.
    std::fs::remove_file(world.path("notices/weekly-2016-W10-r1.json")).unwrap();
    std::fs::remove_file(world.path("notices/weekly-2016-W10.json")).unwrap();
    let out = world.path("notices").display().to_string();
    world
        .dustwatch(&["notice", "weekly", "--period", WEEK, "--out", &out])
        .expect_code(1);
    assert_eq!(read(first), first_texts);
}
