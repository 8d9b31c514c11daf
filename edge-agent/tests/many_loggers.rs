//! Many data loggers behind one agent, each a device of its own, while the agent is killed again and again.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{Broker, Ingester, edge, finish, signal, spawn, stderr, wait_for, write};

const LOGGERS: usize = 30;
/// So often is the agent killed; `DUSTWATCH_TEST_KILLS` for more.
const KILLS: u64 = 12;

fn mn(logger: usize) -> String {
    format!("1101090060000000{logger:08}")
}

fn device(logger: usize) -> String {
    format!("110109-DY-{logger:04}")
}

/// A frame with this data segment, its checksum by HJ 212-2017, annex A.
fn frame(segment: &str) -> String {
    let mut crc = 0xFFFF_u16;
    for byte in segment.bytes() {
        crc = (crc >> 8) ^ u16::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0xA001 } else { 0 };
        }
    }
    format!("##{:04}{segment}{crc:04X}\r\n", segment.len())
}

/// A minute's real-time values.
fn minute(logger: usize, minute: usize) -> String {
    // As many minutes as there are, without a calendar.
    let (month, day, minutes) = (1 + minute / 40_320, 1 + minute % 40_320 / 1440, minute % 1440);
    let time = format!("2019{month:02}{day:02}{:02}{:02}00", minutes / 60, minutes % 60);
    real_time(logger, &time, minute)
}

/// What a logger says is so now.
fn real_time(logger: usize, time: &str, tsp: usize) -> String {
    let mn = mn(logger);
    frame(&format!(
        "QN={time}000;ST=39;CN=2011;PW=123456;MN={mn};Flag=5;CP=&&DataTime={time};a34001-Rtd={tsp},a34001-Flag=N&&"
    ))
}

struct Gateway {
    folder: tempfile::TempDir,
    port: u16,
}

impl Gateway {
    fn new(broker: &str, batch: usize) -> Gateway {
        let folder = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        let mut loggers = String::new();
        for logger in 0..LOGGERS {
            writeln!(loggers, "{} = {{ device = \"{}\" }}", mn(logger), device(logger)).unwrap();
        }
        write(folder.path(), "loggers.toml", &loggers);
        let source = format!("listen = \"127.0.0.1:{port}\"\nloggers = \"loggers.toml\"\n");
        config(folder.path(), broker, batch, &source);
        Gateway { folder, port }
    }

    fn start(&self) -> Child {
        spawn(
            edge()
                .arg("run")
                .arg("--config")
                .arg(self.folder.path().join("edge.toml")),
        )
    }
}

fn config(folder: &Path, broker: &str, batch: usize, source: &str) -> PathBuf {
    write(
        folder,
        "edge.toml",
        &format!(
            "[agent]\ndistrict = \"110109\"\ndevice = \"110109-GW-0001\"\nbroker = \"{broker}\"\nbatch = {batch}\n\
             sync_interval_ms = 5\nresend_after_s = 1\n\n[[source]]\nkind = \"hj212\"\n{source}"
        ),
    )
}

/// Sends minutes until told to stop, each until it is answered; returns how many were.
fn report(port: u16, logger: usize, stop: &AtomicBool) -> usize {
    let mut answered = 0;
    let mut line: Option<TcpStream> = None;
    while !stop.load(Ordering::Relaxed) {
        let Some(stream) = line.as_mut() else {
            line = TcpStream::connect(("127.0.0.1", port)).ok();
            match &line {
                Some(stream) => stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap(),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
            continue;
        };
        let mut heard = [0; 512];
        let said = stream.write_all(minute(logger, answered).as_bytes());
        match said.and_then(|()| stream.read(&mut heard)) {
            Ok(length) if length > 0 => {
                let text = String::from_utf8_lossy(&heard[..length]);
                assert!(text.contains("CN=9014") && text.contains(&mn(logger)), "{text}");
                answered += 1;
            }
            _ => line = None,
        }
    }
    answered
}

/// Reports while the agent is killed, and compares what was answered with what an ingester heard.
fn kill_and_compare(batch: usize) {
    let broker = Broker::start();
    let ingester = Ingester::start(broker.port, 7);
    let gateway = Gateway::new(&broker.url(), batch);
    let stop = Arc::new(AtomicBool::new(false));
    let mut agent = gateway.start();
    let loggers: Vec<_> = (0..LOGGERS)
        .map(|logger| {
            let (port, stop) = (gateway.port, Arc::clone(&stop));
            std::thread::spawn(move || report(port, logger, &stop))
        })
        .collect();
    let kills = std::env::var("DUSTWATCH_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    for kill in 0..kills {
        std::thread::sleep(Duration::from_millis(150 + 67 * (kill % 5)));
        agent.kill().unwrap();
        agent.wait().unwrap();
        agent = gateway.start();
    }
    std::thread::sleep(Duration::from_millis(500));
    stop.store(true, Ordering::Relaxed);
    let answered: Vec<usize> = loggers.into_iter().map(|logger| logger.join().unwrap()).collect();
    assert!(answered.iter().all(|count| *count > 5), "{answered:?}");

    let arrived = |logger: usize| -> BTreeSet<String> {
        ingester.with(|taken| {
            let of_device = taken.streams.iter().filter(|((of, _), _)| *of == device(logger));
            let texts = of_device.flat_map(|(_, stream)| stream.values());
            let value = |text: &String| serde_json::from_str::<serde_json::Value>(text).unwrap();
            texts.map(|text| value(text)["tsp"].to_string()).collect()
        })
    };
    wait_for("everything that was answered", || {
        (0..LOGGERS).all(|logger| arrived(logger).len() >= answered[logger])
    });
    ingester.with(|taken| {
        assert_eq!(taken.contradictions, Vec::<String>::new());
        let devices: BTreeSet<&String> = taken.streams.keys().map(|(device, _)| device).collect();
        assert_eq!(
            devices.len(),
            taken.streams.len(),
            "nothing made the epoch change"
        );
        for ((device, _), stream) in &taken.streams {
            assert_eq!(taken.contiguous(device), stream.len() as u64, "{device} has gaps");
        }
    });
    signal(&agent, "TERM");
    let output = finish(agent);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn each_of_many_loggers_is_a_device_whose_numbers_have_no_gaps_also_when_the_agent_is_killed() {
    kill_and_compare(1);
}

#[test]
fn messages_of_several_observations_are_of_one_logger_each() {
    kill_and_compare(20);
}

#[test]
fn a_spool_that_was_one_devices_goes_on_when_others_come_to_share_it() {
    let broker = Broker::start();
    let gateway = Gateway::new("mqtt://127.0.0.1:1", 1);
    let one = format!("listen = \"127.0.0.1:{}\"\n", gateway.port);
    let own = gateway.folder.path();
    config(own, "mqtt://127.0.0.1:1", 1, &one);
    let report_some = |logger: usize, count: usize| {
        let mut stream = None;
        wait_for("the agent", || {
            stream = TcpStream::connect(("127.0.0.1", gateway.port)).ok();
            stream.is_some()
        });
        let mut stream = stream.unwrap();
        for at in 0..count {
            stream.write_all(minute(logger, at).as_bytes()).unwrap();
            assert!(stream.read(&mut [0; 512]).unwrap() > 0);
        }
    };
    // Alone, without a broker: what it reports stays in the spool.
    let agent = gateway.start();
    report_some(0, 3);
    signal(&agent, "KILL");
    finish(agent);
    // Now for others.
    let many = format!("{one}loggers = \"loggers.toml\"\n");
    config(own, &broker.url(), 1, &many);
    let ingester = Ingester::start(broker.port, 0);
    let agent = gateway.start();
    report_some(1, 4);
    wait_for("all", || ingester.with(|taken| taken.observations()) == 7);
    ingester.with(|taken| {
        assert_eq!(taken.contiguous("110109-GW-0001"), 3);
        assert_eq!(taken.contiguous(&device(1)), 4);
    });
    signal(&agent, "TERM");
    let output = finish(agent);
    assert!(output.status.success(), "{}", stderr(&output));
}

/// The mean of a minute.
fn mean(minute: usize) -> String {
    let (mn, time) = (mn(0), format!("2019080608{minute:02}00"));
    frame(&format!(
        "QN={time}000;ST=39;CN=2051;PW=654321;MN={mn};Flag=5;CP=&&DataTime={time};a34001-Avg={minute},a34001-Flag=N&&"
    ))
}

#[test]
fn a_logger_is_asked_for_what_it_left_out() {
    let broker = Broker::start();
    let ingester = Ingester::start(broker.port, 0);
    let gateway = Gateway::new(&broker.url(), 1);
    let source = format!(
        "listen = \"127.0.0.1:{}\"\nloggers = \"loggers.toml\"\ncommand = 2051\nbackfill = \"1d\"\n",
        gateway.port
    );
    config(gateway.folder.path(), &broker.url(), 1, &source);
    let agent = gateway.start();
    let mut stream = None;
    wait_for("the agent", || {
        stream = TcpStream::connect(("127.0.0.1", gateway.port)).ok();
        stream.is_some()
    });
    let mut stream = stream.unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut heard = [0; 512];
    for minute in [0, 1, 2, 6, 7] {
        stream.write_all(mean(minute).as_bytes()).unwrap();
        assert!(stream.read(&mut heard).unwrap() > 0);
    }
    // It does not go on by itself, so it is asked: for the minutes from 3 to 5, under its own password.
    let length = stream.read(&mut heard).unwrap();
    let request = String::from_utf8_lossy(&heard[..length]).into_owned();
    let asked = format!(
        "PW=654321;MN={};Flag=5;CP=&&BeginTime=20190806080300,EndTime=20190806080500&&",
        mn(0)
    );
    assert!(
        request.contains("CN=2051") && request.contains(&asked),
        "{request}"
    );
    let segment = &request[6..request.len() - 6];
    assert_eq!(
        frame(segment),
        request,
        "length and checksum are those of the standard"
    );
    let answer = |command: u32, data: &str| {
        frame(&format!(
            "QN=20190806080800000;ST=91;CN={command};PW=654321;MN={};Flag=4;CP=&&{data}&&",
            mn(0)
        ))
    };
    stream.write_all(answer(9011, "QnRtn=1").as_bytes()).unwrap();
    for minute in 3..=5 {
        stream.write_all(mean(minute).as_bytes()).unwrap();
        assert!(stream.read(&mut heard).unwrap() > 0);
    }
    stream.write_all(answer(9012, "ExeRtn=100").as_bytes()).unwrap();
    wait_for("the whole of it", || {
        ingester.with(|taken| taken.observations()) == 8
    });
    signal(&agent, "TERM");
    let said = stderr(&finish(agent));
    assert!(
        said.contains("does not do what it was asked") && said.contains("100"),
        "{said}"
    );
}

#[test]
fn values_under_a_time_that_cannot_be_bear_the_flag_of_a_fault() {
    let broker = Broker::start();
    let ingester = Ingester::start(broker.port, 0);
    let gateway = Gateway::new(&broker.url(), 1);
    let agent = gateway.start();
    let now = chrono::Utc::now() + chrono::TimeDelta::hours(8);
    let said = |hours| {
        (now + chrono::TimeDelta::hours(hours))
            .format("%Y%m%d%H%M%S")
            .to_string()
    };
    // Right; a day late, as after a time without a network; two hours ahead; without a battery.
    let times = [said(0), said(-24), said(2), "19700101080500".to_owned()];
    for (logger, time) in times.iter().enumerate() {
        let mut stream = None;
        wait_for("the agent", || {
            stream = TcpStream::connect(("127.0.0.1", gateway.port)).ok();
            stream.is_some()
        });
        let mut stream = stream.unwrap();
        stream.write_all(real_time(logger, time, 186).as_bytes()).unwrap();
        assert!(
            stream.read(&mut [0; 512]).unwrap() > 0,
            "also a wrong time is kept and answered"
        );
    }
    wait_for("all", || {
        ingester.with(|taken| taken.observations()) == times.len()
    });
    let flags = (0..times.len()).map(|logger| {
        ingester.with(|taken| {
            let mut of_device = taken.streams.iter().filter(|((of, _), _)| *of == device(logger));
            let text = of_device.next().unwrap().1.values().next().unwrap().clone();
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["tsp"].as_f64(), Some(186.0), "{text}");
            value["flags"]["tsp"].as_str().unwrap_or("N").to_owned()
        })
    });
    assert_eq!(flags.collect::<Vec<_>>(), ["N", "N", "D", "D"]);
    signal(&agent, "TERM");
    let said = stderr(&finish(agent));
    assert!(said.contains(&mn(2)) && said.contains("ahead"), "{said}");
    assert!(said.contains(&mn(3)) && said.contains("never set"), "{said}");
}

#[test]
fn a_list_that_cannot_be_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let listed = "listen = \"127.0.0.1:9212\"\nloggers = \"loggers.toml\"\n";
    let refused = |list: &str, source: &str| {
        write(folder.path(), "loggers.toml", list);
        let config = config(folder.path(), "mqtt://127.0.0.1:1", 1, source);
        let output = finish(spawn(edge().arg("check").arg("--config").arg(config)));
        assert_eq!(output.status.code(), Some(2));
        stderr(&output)
    };
    let twice = "A1 = { device = \"110109-DY-0001\" }\nA2 = { device = \"110109-DY-0001\" }\n";
    for (list, source, words) in [
        (
            twice,
            listed.to_owned(),
            vec!["loggers.toml", "A2", "110109-DY-0001", "another logger"],
        ),
        (
            "A1 = { device = \"a/b\" }\n",
            listed.to_owned(),
            vec!["loggers.toml", "A1"],
        ),
        (
            "A1 = { name = \"x\" }\n",
            listed.to_owned(),
            vec!["loggers.toml", "line 1", "name"],
        ),
        (
            "A1 = { device = \"d\", command = 1 }\n",
            listed.to_owned(),
            vec!["A1", "command"],
        ),
        ("", listed.to_owned(), vec!["no logger"]),
        (
            twice,
            format!("{listed}mn = \"A1\"\n"),
            vec!["source 1", "mn", "loggers"],
        ),
    ] {
        let said = refused(list, &source);
        assert!(words.iter().all(|word| said.contains(word)), "{words:?}: {said}");
    }
}
