//! Promise: a notice that is due is made once and by itself, and reaches whoever is to have it, though the receiver fails
//! at first and the process is killed in between.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::mpsc::Receiver;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use support::csv::Table;
use support::webhook::webhook;
use support::world::{Place, World};

/// Monday, 2019-08-12 08:30 in Beijing, in seconds since 1970.
const BEFORE_NINE: i64 = 1_565_569_800;
const HALF_AN_HOUR: i64 = 1800;
const MAPPING: &str = "format = \"csv\"\ndevice = \"{device}\"\n\
    time = { column = \"time\", format = \"%Y-%m-%d %H:%M\", timezone = \"Asia/Shanghai\", label = \"start\" }\n\
    [columns]\npm25 = \"pm25\"\ntsp = \"tsp\"\n";

fn set_clock(world: &World, seconds: i64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    world.set_clock(seconds - now);
}

/// A district with a week of observations, on the Monday after it before nine.
fn world(due: &str) -> World {
    let place = Place::new("110109").township("110109001", "甲街道").station(
        "110109-A-1",
        "township",
        "110109001",
        "1h",
    );
    let world = World::new(&place).with_clock();
    set_clock(&world, BEFORE_NINE);
    let mut lines = vec!["device,time,pm25,tsp".to_owned()];
    for day in 5..=11 {
        for hour in 0..24 {
            lines.push(format!(
                "110109-A-1,2019-08-{day:02} {hour:02}:00,{},{}",
                30 + day,
                90 + hour
            ));
        }
    }
    let table = world
        .write("table.csv", &(lines.join("\n") + "\n"))
        .display()
        .to_string();
    let mapping = world.write("mapping.toml", MAPPING).display().to_string();
    world.dustwatch(&["import", "--mapping", &mapping, &table]).ok();
    world.dustwatch(&["rollup"]).ok();
    let settings = std::fs::read_to_string(world.path("dustwatch.toml")).unwrap();
    world.write(
        "dustwatch.toml",
        &format!("{settings}\n[notice.due]\nout = \"due\"\n{due}"),
    );
    world
}

fn received(posted: &Receiver<Value>) -> Value {
    posted
        .recv_timeout(Duration::from_secs(90))
        .expect("something is posted")
}

fn list(world: &World) -> Table {
    Table::parse(&world.dustwatch(&["notice", "list", "--format", "csv"]).ok())
}

/// Until the list says of every way that it was delivered.
fn wait_until_delivered(world: &World, ways: usize) -> Table {
    for _ in 0..60 {
        let listed = list(world);
        let delivered = listed.column("delivered");
        if delivered.len() == ways && delivered.iter().all(|word| *word == "true") {
            return listed;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    panic!("not delivered: {:?}", list(world));
}

#[test]
fn a_notice_that_is_due_is_made_once_and_delivered_in_the_end() {
    let (hook, posted) = webhook(&["500 Internal Server Error", "200 OK"]);
    let (robot, talked) = webhook(&[
        "200 OK|gibberish",
        "200 OK|{\"errcode\":93000,\"errmsg\":\"invalid webhook url\"}",
        "200 OK|{\"errcode\":0,\"errmsg\":\"ok\"}",
    ]);
    let ways = format!(
        "kinds = [\"weekly\"]\nformats = [\"pdf\", \"html\"]\n\
         [[notice.due.deliver]]\nname = \"duty room\"\nkind = \"webhook\"\nurl = \"{hook}\"\n\
         [[notice.due.deliver]]\nname = \"robot\"\nkind = \"wecom\"\nurl = \"{robot}?key=secret\"\n"
    );
    let world = world(&ways);
    let serve = world.spawn_dustwatch(&["serve", "--listen", "127.0.0.1:0"]);
    // Two looks go by before nine.
    std::thread::sleep(Duration::from_secs(11));
    assert!(!world.path("due").exists(), "it is not nine yet");

    set_clock(&world, BEFORE_NINE + HALF_AN_HOUR);
    let first = received(&posted);
    assert_eq!(first["notice"], "weekly-2019-W32");
    assert_eq!(first["issued_on"], "2019-08-12");
    assert!(first["markdown"].as_str().unwrap().contains("甲街道"));
    assert_eq!(first["register"]["figures"]["pm25/110109001/value"], "38");
    let said = received(&talked);
    assert_eq!(said["msgtype"], "markdown");
    assert!(
        said["markdown"]["content"]
            .as_str()
            .unwrap()
            .starts_with("# 某区大气污染防治工作周通报")
    );
    // Killed while both have failed: what was noted stands, what was not is tried again.
    let said = serve.kill();
    assert!(!said.stderr.contains("secret"), "{said}");

    let serve = world.spawn_dustwatch(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(received(&posted), first, "the same again");
    let listed = wait_until_delivered(&world, 2);
    assert_eq!(listed.column("way"), ["duty room", "robot"]);
    assert_eq!(listed.column("formats"), ["pdf html md"; 2]);
    let made = std::fs::read(world.path("due/weekly-2019-W32.pdf")).unwrap();

    // Nothing more is made or sent, by this process or the next one.
    serve.terminate();
    while talked.try_recv().is_ok() {}
    // What a crash kept from being written is made up for, from the register.
    std::fs::remove_file(world.path("due/weekly-2019-W32.pdf")).unwrap();
    let serve = world.spawn_dustwatch(&["serve", "--listen", "127.0.0.1:0"]);
    std::thread::sleep(Duration::from_secs(11));
    assert!(posted.try_recv().is_err() && talked.try_recv().is_err());
    assert!(std::fs::read(world.path("due/weekly-2019-W32.pdf")).unwrap() == made);
    assert_eq!(list(&world).rows.len(), 2);
    serve.terminate();
}

#[test]
fn a_failure_is_visible_and_settings_that_cannot_be_are_refused() {
    let (hook, posted) = webhook(&["503 Service Unavailable"]);
    let way = format!("[[notice.due.deliver]]\nname = \"duty room\"\nkind = \"webhook\"\nurl = \"{hook}\"\n");
    let world = world(&way);
    set_clock(&world, BEFORE_NINE + HALF_AN_HOUR);
    let serve = world.spawn_dustwatch(&["serve", "--listen", "127.0.0.1:0"]);
    received(&posted);
    received(&posted);
    let said = serve.terminate();
    assert!(said.stderr.contains("a notice is not delivered"), "{said}");
    let listed = list(&world);
    assert_eq!(listed.column("delivered"), ["false"]);
    assert!(listed.column("error")[0].contains("503"), "{listed:?}");

    let settings = std::fs::read_to_string(world.path("dustwatch.toml")).unwrap();
    for (wrong, told) in [
        (
            settings
                .replace("http://", "ftp://")
                .replace("[broker]", "[broker]\n"),
            "http",
        ),
        (
            settings.replace("out = \"due\"", "out = \"due\"\nhour = 24"),
            "24 is no hour",
        ),
        (
            settings.replace("out = \"due\"", "out = \"due\"\nkinds = [\"daily\"]"),
            "daily",
        ),
        (format!("{settings}{way}"), "two ways"),
    ] {
        world.write("wrong.toml", &wrong);
        let file = world.path("wrong.toml").display().to_string();
        let said = world.bare_dustwatch(&["config", "check", "--config", &file]);
        said.expect_code(2);
        assert!(
            said.stderr.contains("notice.due") && said.stderr.contains(told),
            "{said}"
        );
    }
}
