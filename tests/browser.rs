//! Promise: every page of the dashboard can be read in a real browser, on a desk and on a phone, in both languages, with data
//! and without; its charts show the figures of the API, and it follows the tables by itself. Pictures of the pages stay in the
//! target folder under `tmp/browser`, for a person to look at.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::browser::Browser;
use support::mosquitto::{Memory, Mosquitto};
use support::process::Running;
use support::wire::Wire;
use support::world::{Place, World};

const LOOK: &str = include_str!("browser/look.js");
/// Names, widths, heights in CSS pixels.
const SCREENS: [(&str, u32, u32); 2] = [("desk", 1280, 800), ("phone", 390, 844)];
const PAGES: [(&str, &str); 8] = [
    ("now", "/"),
    ("ranking", "/ranking"),
    ("dustfall", "/dustfall"),
    ("sites", "/sites"),
    ("supervision", "/supervision"),
    ("pipeline", "/pipeline"),
    ("township", "/townships/110109001"),
    ("station", "/stations/110109-S01"),
];
const TOWNSHIPS: [&str; 9] = [
    "大峪街道",
    "城子街道",
    "东辛房街道",
    "大台街道",
    "王平镇",
    "潭柘寺镇",
    "永定镇",
    "龙泉镇",
    "军庄镇",
];
/// Monday, 2019-07-29, in Beijing, in milliseconds.
const MONDAY: i64 = 1_564_329_600_000;

/// A district of townships with a station each, and a site.
fn place() -> Place {
    let mut place = Place::new("110109");
    for (at, name) in (1..).zip(TOWNSHIPS) {
        let code = format!("110109{at:03}");
        place = place
            .township(&code, name)
            .station(&format!("110109-S{at:02}"), "township", &code, "1h");
    }
    place.station("110109-DY-0003", "site", "110109001", "1m")
}

/// A world of it, its townships in their places on the map.
fn district() -> World {
    let world = World::new(&place());
    let mut townships = "code,name,district,tile_x,tile_y\n".to_owned();
    for (at, name) in TOWNSHIPS.iter().enumerate() {
        townships += &format!("110109{:03},{name},110109,{},{}\n", at + 1, at % 5, at / 5);
    }
    world.write("townships.csv", &townships);
    world
}

/// Two weeks of hours, 2019-W31 and W32, of every township; one monitor has a gap.
fn observed(world: &World) {
    let mosquitto = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "monitors");
    for at in 1..=TOWNSHIPS.len() as i64 {
        let hour = |hour: i64| {
            let (time, wave) = (MONDAY + hour * 3_600_000, (hour * (7 + at)) % 41);
            format!(
                "{{\"time\":{time},\"tsp\":{},\"pm25\":{},\"pm10\":{}}}",
                70 + 11 * at + wave,
                20 + 3 * at + wave / 3,
                45 + 6 * at + wave / 2
            )
        };
        let all: Vec<String> = (0..14 * 24)
            .filter(|hour| at != 1 || !(120..150).contains(hour))
            .map(hour)
            .collect();
        let topic = format!("dust/v1/110109/110109-S{at:02}/obs");
        wire.publish(&topic, format!("{{\"obs\":[{}]}}", all.join(",")));
    }
    correct(&mut wire, "e", 54);
    ingest.terminate().expect_code(0);
    drop(mosquitto);
    world.dustwatch(&["rollup"]).ok();
}

/// A last observation of the first station, and the ingester's word that it is durable.
fn correct(wire: &mut Wire, epoch: &str, tsp: u32) {
    let topic = "dust/v1/110109/110109-S01/obs";
    wire.publish_and_confirm(topic, epoch, 1, &format!("\"time\":1565535600000,\"tsp\":{tsp}"));
}

/// A dashboard, and its address.
fn serve(world: &World) -> (Running, String) {
    let mut serve = world.spawn_dustwatch(&["serve", "--listen", "127.0.0.1:0"]);
    serve.wait_for_log("its address", |line| line.contains("the dashboard is at"));
    let log = serve.stderr();
    let line = log
        .lines()
        .find(|line| line.contains("the dashboard is at"))
        .unwrap();
    let address = line.split("http://").nth(1).unwrap().trim_end_matches('/');
    (serve, format!("http://{address}"))
}

fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Opens every page at every size and in both languages, and says what is wrong with it.
fn walk(browser: &Browser, address: &str, state: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (screen, width, height) in SCREENS {
        browser.resize(width, height, screen == "phone");
        for (name, path) in PAGES {
            for (lang, tag) in [("zh", "zh-CN"), ("en", "en")] {
                browser.open(&format!("{address}{path}?lang={lang}"));
                let seen = browser.run(LOOK);
                let which = format!("{state}-{name}-{screen}-{lang}");
                browser.picture(&pictures().join(format!("{which}.png")));
                let mut faults = faults(&seen, tag);
                faults.extend(browser.errors());
                wrong.extend(faults.into_iter().map(|fault| format!("{which}: {fault}")));
            }
        }
    }
    wrong
}

/// What is wrong with a page that looks so.
fn faults(seen: &Value, tag: &str) -> Vec<String> {
    let number = |key: &str| seen[key].as_f64().unwrap();
    let list = |key: &str| seen[key].as_array().unwrap().clone();
    let checks = [
        (seen["lang"] == tag, format!("is in {}", seen["lang"])),
        (
            number("headings") == 1.0,
            format!("has {} first headings", seen["headings"]),
        ),
        (
            number("sideways") <= 0.0,
            format!("is {} pixels too wide", seen["sideways"]),
        ),
        (
            list("foreign").is_empty(),
            format!("loads from elsewhere: {}", seen["foreign"]),
        ),
        (
            number("weight") < 300_000.0,
            format!("weighs {} bytes", seen["weight"]),
        ),
        (
            list("faint").is_empty(),
            format!("has text of too little contrast: {}", seen["faint"]),
        ),
        (
            list("small").is_empty(),
            format!("has text too small to read: {}", seen["small"]),
        ),
        (
            number("nameless") == 0.0,
            "has pictures without a name".to_owned(),
        ),
        (
            number("unlabelled") == 0.0,
            "has fields without a label".to_owned(),
        ),
        (seen["painted"].is_number(), "was never painted".to_owned()),
    ];
    checks
        .into_iter()
        .filter(|(ok, _)| !ok)
        .map(|(_, fault)| fault)
        .collect()
}

#[test]
fn every_page_can_be_read_on_a_desk_and_on_a_phone() {
    let browser = Browser::start();
    let world = district();
    observed(&world);
    let (serving, address) = serve(&world);
    let mut wrong = walk(&browser, &address, "data");
    serving.terminate().expect_code(0);
    let empty = district();
    let (serving, address) = serve(&empty);
    wrong.extend(walk(&browser, &address, "empty"));
    serving.terminate().expect_code(0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn charts_show_the_figures_of_the_api_and_follow_the_tables() {
    let browser = Browser::start();
    let world = district();
    observed(&world);
    let (serving, address) = serve(&world);
    browser.resize(1280, 800, false);

    // Bars are as long as their values, and in the order of the list.
    browser.open(&format!(
        "{address}/ranking?parameter=tsp&period=2019-W32&lang=en"
    ));
    let bars = browser.run(
        "return [...document.querySelectorAll('svg rect.bar')].map((bar) => [bar.previousElementSibling.textContent, \
         Number(bar.getAttribute('width')), parseFloat(bar.nextElementSibling.textContent)]);",
    );
    let ranking = browser.run(
        "return fetch('/api/v1/ranking?parameter=tsp&period=2019-W32').then((answer) => answer.json());",
    );
    let (bars, rows) = (bars.as_array().unwrap(), ranking["data"].as_array().unwrap());
    assert_eq!((bars.len(), rows.len()), (TOWNSHIPS.len(), TOWNSHIPS.len()));
    let unit = bars[0][1].as_f64().unwrap() / rows[0]["value"].as_f64().unwrap();
    for (bar, row) in bars.iter().zip(rows) {
        assert_eq!(
            (&bar[0], bar[2].as_f64()),
            (&row["township"], row["value"].as_f64())
        );
        let expected = row["value"].as_f64().unwrap() * unit;
        assert!((bar[1].as_f64().unwrap() - expected).abs() < 0.2, "{bar} {row}");
    }

    // Whoever has no mouse begins with the way past the navigation.
    browser.press("Tab", 9);
    assert_eq!(browser.run("return document.activeElement.className;"), "skip");

    // A tile is the mean of its stations' newest values.
    browser.open(&format!("{address}/?lang=en"));
    let tiles = browser.run("return [...document.querySelectorAll('svg.tiles a')].map((tile) => [tile.getAttribute('href'), tile.lastElementChild.textContent]);");
    let latest = browser.run("return fetch('/api/v1/latest').then((answer) => answer.json());");
    let monitors = latest["data"].as_array().unwrap();
    assert_eq!(tiles.as_array().unwrap().len(), TOWNSHIPS.len());
    for tile in tiles.as_array().unwrap() {
        let code = &tile[0].as_str().unwrap()["/townships/".len()..][.."110109001".len()];
        let station = monitors
            .iter()
            .find(|m| m["township"] == code && m["kind"] == "township")
            .unwrap();
        let expected = station["tsp"].as_f64().unwrap().round().to_string();
        assert_eq!(tile[1], expected, "{tile} {station}");
    }

    // A correction shows without anybody loading the page anew.
    browser.run("window.loadedOnce = true;");
    browser.wait_for(
        "the live connection",
        "return document.getElementById('live').textContent === document.getElementById('live').dataset.on;",
    );
    let mosquitto = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    correct(&mut Wire::connect(world.port(), "late"), "f", 777);
    ingest.terminate().expect_code(0);
    drop(mosquitto);
    browser.wait_for(
        "the correction",
        "return document.querySelector('main').textContent.includes('777');",
    );
    assert_eq!(browser.run("return window.loadedOnce;"), true);
    assert_eq!(browser.errors(), Vec::<String>::new());
    serving.terminate().expect_code(0);
}
