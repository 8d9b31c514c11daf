//! Promise: the dashboard shows what the commands print, follows the tables, and lets nobody else in.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use support::mosquitto::{Memory, Mosquitto};
use support::process::Running;
use support::wire::Wire;
use support::world::{Place, World};

const STATION: &str = "110109-DY-0001";
/// A site's monitor that was last heard on 11 August at two in the morning.
const FELL_SILENT: &str = "110109-DY-0004";
const OBS: &str = "dust/v1/110109/110109-DY-0001/obs";
const PAGES: [&str; 8] = [
    "/",
    "/ranking",
    "/dustfall",
    "/sites",
    "/supervision",
    "/pipeline",
    "/townships/110109001",
    "/stations/110109-DY-0001",
];

fn place() -> Place {
    Place::new("110109")
        .township("110109001", "大峪<街道>")
        .township("110109002", "城子街道")
        .station(STATION, "township", "110109001", "1h")
        .station("110109-CZ-0001", "township", "110109002", "1h")
        .station("110109-DY-0003", "site", "110109001", "1m")
        .station(FELL_SILENT, "site", "110109001", "1h")
}

/// Two weeks of hours, 2019-W31 and W32, of two stations, and of a site that fell silent on the last day.
fn observed(world: &World) {
    let mosquitto = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    let mut wire = Wire::connect(world.port(), "monitors");
    let monday = 1_564_329_600_000i64;
    for (device, base, hours) in [
        (STATION, 40, 14 * 24),
        ("110109-CZ-0001", 60, 14 * 24),
        (FELL_SILENT, 50, 13 * 24 + 3),
    ] {
        let hour = |hour: i64| {
            let (time, value) = (monday + hour * 3_600_000, base + hour / 24);
            format!("{{\"time\":{time},\"tsp\":{value},\"pm25\":{value}}}")
        };
        let all: Vec<String> = (0..hours).map(hour).collect();
        wire.publish(
            &format!("dust/v1/110109/{device}/obs"),
            format!("{{\"obs\":[{}]}}", all.join(",")),
        );
    }
    wire.publish_and_confirm(OBS, "e", 1, "\"time\":1565539200000,\"tsp\":54");
    ingest.terminate().expect_code(0);
    drop(mosquitto);
    world.dustwatch(&["rollup"]).ok();
}

fn serve(world: &World) -> (Running, String) {
    let mut serve = world.spawn_dustwatch(&["serve", "--listen", "127.0.0.1:0"]);
    serve.wait_for_log("its address", |line| line.contains("the dashboard is at"));
    let log = serve.stderr();
    let line = log
        .lines()
        .find(|line| line.contains("the dashboard is at"))
        .unwrap();
    let address = line
        .split("http://")
        .nth(1)
        .unwrap()
        .trim_end_matches('/')
        .to_owned();
    (serve, address)
}

/// Status, head and body of a GET.
fn ask(address: &str, path: &str, more: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let host = if more.contains("Host:") {
        String::new()
    } else {
        format!("Host: {address}\r\n")
    };
    write!(
        stream,
        "GET {path} HTTP/1.1\r\n{host}{more}Connection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), unchunked(head, body))
}

/// A body without the sizes of its chunks.
fn unchunked(head: &str, body: &str) -> String {
    if !head.to_lowercase().contains("transfer-encoding: chunked") {
        return body.to_owned();
    }
    let (mut rest, mut out) = (body.as_bytes(), Vec::new());
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap(), 16).unwrap();
        out.extend_from_slice(&rest[at + 2..at + 2 + size]);
        rest = &rest[(at + 4 + size).min(rest.len())..];
    }
    String::from_utf8(out).unwrap()
}

fn json(address: &str, path: &str) -> Value {
    let (status, _, body) = ask(address, path, "");
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn pages_are_whole_in_both_languages_and_shut_in() {
    let world = World::new(&place());
    observed(&world);
    let (serve, address) = serve(&world);
    for page in PAGES {
        for (lang, word) in [("zh", "监测"), ("en", "monitoring")] {
            let (status, head, body) = ask(&address, &format!("{page}?lang={lang}"), "");
            assert_eq!(status, 200, "{page} {lang}: {body}");
            assert!(
                body.contains(word) && body.contains("</html>"),
                "{page} {lang}: {body}"
            );
            assert!(
                head.contains("content-security-policy: default-src 'none'"),
                "{head}"
            );
            // Nothing from another host, and nothing that a name could have brought in.
            for quoted in ["src=\"", "href=\""] {
                for part in body.split(quoted).skip(1) {
                    let local = part.starts_with('/') && !part.starts_with("//");
                    assert!(
                        local || part.starts_with(['?', '#']) || part.starts_with("data:,"),
                        "{page}: {part:.60}"
                    );
                }
            }
            assert!(!body.contains("大峪<"), "{page}: a name was not escaped");
        }
    }
    let (status, _, body) = ask(&address, "/townships/999?lang=en", "");
    assert_eq!(status, 404);
    assert!(body.contains("is no township"), "{body}");
    // The other language is of the same page: period and parameter stay.
    let (_, _, body) = ask(&address, "/ranking?parameter=pm25&period=2019-W31", "");
    let other = "?lang=en&amp;period=2019-W31&amp;parameter=pm25";
    assert!(body.contains(&format!("href=\"{other}\"")), "{body}");
    let (_, _, body) = ask(&address, &format!("/ranking{}", other.replace("&amp;", "&")), "");
    assert!(
        body.contains("value=\"2019-W31\"") && body.contains("PM2.5 by township"),
        "{body}"
    );
    // A period that has not come says so.
    let (status, _, body) = ask(&address, "/ranking?period=2031-W10&lang=en", "");
    assert_eq!(status, 200);
    assert!(body.contains("after the newest day"), "{body}");
    // Times are the district's: the newest observation is of 16:00 UTC on 11 August, midnight there.
    let (_, _, body) = ask(&address, "/?lang=en", "");
    assert!(body.contains("<dd>08-12 00:00:00</dd>"), "{body}");
    // Who fell silent half a day ago is not heard, and who never spoke is not either.
    assert!(body.contains("<dd>2 / 4</dd>"), "{body}");
    let (_, _, body) = ask(&address, "/pipeline?lang=en", "");
    assert!(body.contains("2019-08-11 02:00:00"), "{body}");
    for (device, is_silent) in [(FELL_SILENT, true), ("110109-DY-0003", true), (STATION, false)] {
        assert_eq!(
            body.contains(&format!(">{device}<")),
            is_silent,
            "{device}: {body}"
        );
    }
    let (status, _, body) = ask(&address, "/ranking?period=last+week&lang=en", "");
    assert_eq!(status, 400);
    assert!(body.contains("last week"), "{body}");
    serve.terminate().expect_code(0);
}

#[test]
fn figures_are_those_of_the_commands_and_change_with_the_tables() {
    let world = World::new(&place());
    observed(&world);
    let (serve, address) = serve(&world);
    // By itself the page is about the last whole week before the newest day.
    let ranking = json(&address, "/api/v1/ranking");
    let command = world
        .dustwatch(&[
            "rank",
            "--parameter",
            "tsp",
            "--period",
            "2019-W32",
            "--format",
            "json",
        ])
        .ok();
    let printed: Value = serde_json::from_str(&command).unwrap();
    let rows = printed.as_array().or_else(|| printed["rows"].as_array()).unwrap();
    assert_eq!(ranking["data"].as_array().unwrap(), rows);
    assert_eq!(ranking["data"][0]["value"], 50);
    let (_, _, page) = ask(&address, "/ranking?lang=en", "");
    assert!(page.contains("2019-W32") && page.contains(">70<"), "{page}");

    let path = "/api/v1/stations/110109-DY-0001/hours?period=2019-08-11";
    let (_, head, before) = ask(&address, path, "");
    let tag = head
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
        .unwrap()
        .to_owned();
    let known = format!("If-None-Match: {tag}\r\n");
    assert_eq!(ask(&address, path, &known).0, 304);
    let (status, head, csv) = ask(&address, &format!("{path}&format=csv"), "");
    assert_eq!(status, 200);
    assert!(
        head.contains("content-type: text/csv") && csv.starts_with("\u{feff}hour,value,"),
        "{csv}"
    );

    // Somebody listens; a correction comes.
    let mut events = TcpStream::connect(&address).unwrap();
    events.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(events, "GET /events HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mosquitto = Mosquitto::start(world.port(), Memory::None);
    let ingest = world.start_ingest();
    Wire::connect(world.port(), "late").publish_and_confirm(
        OBS,
        "f",
        1,
        "\"time\":1565517600000,\"tsp\":999",
    );
    ingest.terminate().expect_code(0);
    drop(mosquitto);
    let told = BufReader::new(events)
        .lines()
        .map_while(Result::ok)
        .any(|line| line == "event: changed");
    assert!(told, "nobody was told of the change");
    let (status, _, after) = ask(&address, path, &known);
    assert_eq!(status, 200);
    assert!(after.contains("999") && !before.contains("999"), "{after}");
    serve.terminate().expect_code(0);
}

#[test]
fn the_description_tells_every_path_and_each_of_them_answers() {
    let world = World::new(&place());
    observed(&world);
    let (serve, address) = serve(&world);
    let described = json(&address, "/api/v1/openapi.json");
    let paths = described["paths"].as_object().unwrap();
    assert!(paths.len() >= 9, "{paths:?}");
    for (path, what) in paths {
        let path = path.replace("{code}", "110109001").replace("{device}", STATION);
        let answer = json(&address, &format!("/api/v1{path}"));
        let data = answer["data"].as_array().unwrap();
        assert_eq!(answer["meta"]["rows"], data.len(), "{path}");
        assert!(data.iter().all(Value::is_object), "{path}");
        for parameter in what["get"]["parameters"].as_array().unwrap() {
            assert!(parameter["description"].is_string(), "{path}: {parameter}");
        }
    }
    let (status, _, body) = ask(&address, "/api/v1/latest?format=xml", "");
    assert_eq!(status, 400);
    assert!(body.contains("neither json nor csv"), "{body}");
    assert_eq!(ask(&address, "/api/v1/nothing", "").0, 404);
    serve.terminate().expect_code(0);
}

#[test]
fn nobody_else_gets_in() {
    let world = World::new(&place());
    let open = world.dustwatch(&["serve", "--listen", "0.0.0.0:0"]);
    open.expect_code(2);
    assert!(open.to_string().contains("no log-in"), "{open}");
    world
        .dustwatch(&["serve", "--listen", "everywhere"])
        .expect_code(2);

    // A lake without tables is a district that has not begun.
    let (serve, address) = serve(&world);
    assert_eq!(ask(&address, "/", "").0, 200);
    let (status, _, body) = ask(&address, "/api/v1/latest", "Host: evil.example\r\n");
    assert_eq!(status, 421, "{body}");
    let post = {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line
    };
    assert!(post.contains(" 405 "), "{post}");
    serve.terminate().expect_code(0);
}
