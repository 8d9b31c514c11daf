//! Promise: what a data logger was told to be acknowledged is in the table, once, whatever dies in between.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use support::mosquitto::{Memory, Mosquitto};
use support::process::Running;
use support::world::{Place, World};

const DEVICE: &str = "110109-DY-0003";
const MN: &str = "110109006000000000000001";
/// The reference's own frame and answer.
const FRAME: &str = "##0365QN=20190808090000000;ST=39;CN=2011;PW=123456;MN=110109006000000000000001;Flag=5;CP=&&DataTime=20190808090000;a34001-Rtd=186,a34001-Flag=N;a34002-Rtd=92,a34002-Flag=N;a34004-Rtd=41,a34004-Flag=N;a01001-Rtd=27.4,a01001-Flag=N;a01002-Rtd=63,a01002-Flag=N;a01006-Rtd=99.812,a01006-Flag=N;a01007-Rtd=1.6,a01007-Flag=N;a01008-Rtd=225,a01008-Flag=N;LA-Rtd=58.3,LA-Flag=N&&ACC1\r\n";
const ANSWER: &str =
    "##0087QN=20190808090000000;ST=91;CN=9014;PW=123456;MN=110109006000000000000001;Flag=4;CP=&&&&EA41\r\n";

fn place() -> Place {
    Place::new("110109")
        .township("110109001", "大峪街道")
        .station(DEVICE, "site", "110109001", "1m")
}

/// The checksum once more, by the standard's prose (HJ 212-2017, annex A).
fn checksum(segment: &str) -> u16 {
    let mut register = 0xFFFFu16;
    for byte in segment.bytes() {
        register = (register >> 8) ^ u16::from(byte);
        for _ in 0..8 {
            let odd = register % 2 == 1;
            register /= 2;
            if odd {
                register ^= 0xA001;
            }
        }
    }
    register
}

fn frame(segment: &str) -> String {
    format!("##{:04}{segment}{:04X}\r\n", segment.len(), checksum(segment))
}

/// Real-time data of a minute of 2019-08-08, 10 h.
fn minute(minute: u32, tsp: u32) -> String {
    frame(&format!(
        "QN=2019080810{minute:02}00000;ST=39;CN=2011;PW=123456;MN={MN};Flag=5;CP=&&DataTime=2019080810{minute:02}00;a34001-Rtd={tsp},a34001-Flag=N&&"
    ))
}

struct Gateway {
    world: World,
    port: u16,
}

impl Gateway {
    /// A world with an agent's settings; `more` are keys of its source.
    fn new(more: &str) -> Self {
        let world = World::new(&place());
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        world.write(
            "edge.toml",
            &format!(
                "[agent]\ndistrict = \"110109\"\ndevice = \"{DEVICE}\"\nbroker = \"mqtt://127.0.0.1:{}\"\n\
                 sync_interval_ms = 50\nresend_after_s = 1\n\n\
                 [[source]]\nkind = \"hj212\"\nlisten = \"127.0.0.1:{port}\"\nmn = \"{MN}\"\n{more}\n",
                world.port()
            ),
        );
        Self { world, port }
    }

    fn start(&self) -> Running {
        let config = self.world.path("edge.toml").display().to_string();
        self.world.spawn_edge(&["run", "--config", &config], None)
    }

    /// A logger's connection.
    fn connect(&self) -> TcpStream {
        let since = Instant::now();
        loop {
            match TcpStream::connect(("127.0.0.1", self.port)) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                    return stream;
                }
                Err(error) => assert!(since.elapsed() < Duration::from_secs(30), "{error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the table has so many observations, beside a broker and an ingester.
    fn arrive(&self, count: usize) {
        let _mosquitto = Mosquitto::start(self.world.port(), Memory::None);
        let ingest = self.world.start_ingest();
        let agent = self.start();
        let since = Instant::now();
        let sql = "SELECT count(*) AS n FROM observations_rows";
        while self.world.query(sql).column("n") != [count.to_string()] {
            assert!(since.elapsed() < Duration::from_secs(60), "{}", agent.stderr());
        }
        agent.terminate().expect_code(0);
        ingest.terminate().expect_code(0);
        assert_eq!(self.world.query(sql).column("n"), [count.to_string()]);
    }
}

/// What a logger hears, of this length.
fn hear(stream: &mut TcpStream, length: usize) -> String {
    let mut heard = vec![0; length];
    stream.read_exact(&mut heard).unwrap();
    String::from_utf8(heard).unwrap()
}

fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
}

#[test]
fn what_was_acknowledged_survives_the_agents_death_and_is_there_once() {
    let gateway = Gateway::new("");
    // There is no broker yet: the disk is all that there is.
    let agent = gateway.start();
    let mut logger = gateway.connect();
    say(&mut logger, FRAME);
    assert_eq!(hear(&mut logger, ANSWER.len()), ANSWER);
    agent.kill();

    // The logger did not hear it, and says it again to the next one.
    let agent = gateway.start();
    let mut logger = gateway.connect();
    for _ in 0..2 {
        say(&mut logger, FRAME);
        assert_eq!(hear(&mut logger, ANSWER.len()), ANSWER);
    }
    for at in 0..20 {
        say(&mut logger, &minute(at, 100 + at));
        hear(&mut logger, ANSWER.len());
    }
    agent.kill();

    gateway.arrive(21);
    let row = gateway.world.query(
        "SELECT CAST(observed_at AS VARCHAR) AS at, tsp, pm10, pm25, noise, temperature, humidity, wind_speed, wind_direction \
         FROM observations ORDER BY observed_at LIMIT 1",
    );
    let cells = [
        "at",
        "tsp",
        "pm10",
        "pm25",
        "noise",
        "temperature",
        "humidity",
        "wind_speed",
        "wind_direction",
    ];
    let said: Vec<String> = cells
        .iter()
        .flat_map(|name| row.column(name))
        .map(|cell| cell.to_string())
        .collect();
    assert!(said[0].starts_with("2019-08-08T01:00:00"), "{said:?}");
    let numbers: Vec<f64> = said[1..].iter().map(|cell| cell.parse().unwrap()).collect();
    assert_eq!(numbers, [186.0, 92.0, 41.0, 58.3, 27.4, 63.0, 1.6, 225.0]);
}

#[test]
fn noise_halves_parts_and_strangers_do_not_hold_up_the_rest() {
    let gateway = Gateway::new("command = 2061\nunits = { a34001 = \"mg/m3\" }");
    let mut agent = gateway.start();
    // One that says nothing, one that says nonsense, one that is somebody else.
    let silent = gateway.connect();
    let mut babbling = gateway.connect();
    say(&mut babbling, "GET / HTTP/1.1\r\n\r\n##12##9999QN=");
    let mut stranger = gateway.connect();
    say(
        &mut stranger,
        &frame(
            "QN=20190808100000000;ST=39;CN=2061;PW=1;MN=OTHER;Flag=5;CP=&&DataTime=20190808090000;a34001-Avg=1&&",
        ),
    );
    agent.wait_for_log("the stranger", |line| line.contains("OTHER"));

    // An hour in two parts, in pieces, with a real-time value and a sign of life between.
    let part = |number: u32, data: &str| {
        frame(&format!(
            "QN=2019080810000100{number};ST=39;CN=2061;PW=123456;MN={MN};Flag=7;PNUM=2;PNO={number};CP=&&DataTime=20190808090000;{data}&&"
        ))
    };
    let first = part(1, "a34001-Min=0.1,a34001-Avg=0.148,a34001-Max=0.2,a34001-Flag=N");
    let second = part(2, "a34004-Min=30,a34004-Avg=38,a34004-Max=47,a34004-Flag=N");
    let mut logger = gateway.connect();
    say(&mut logger, &first[..70]);
    std::thread::sleep(Duration::from_millis(50));
    say(&mut logger, &format!("{}{}", &first[70..], minute(1, 5)));
    let answer = |qn: &str, command: u32, version: u32| {
        frame(&format!(
            "QN={qn};ST=91;CN={command};PW=123456;MN={MN};Flag={version};CP=&&&&"
        ))
    };
    // Not kept, and answered all the same: the logger must not send it for ever.
    assert_eq!(
        hear(&mut logger, ANSWER.len()),
        answer("20190808100100000", 9014, 4)
    );
    say(
        &mut logger,
        &frame(&format!(
            "QN=20260801085857223;ST=39;CN=9015;PW=123456;MN={MN};Flag=9;CP=&&&&"
        )),
    );
    assert_eq!(
        hear(&mut logger, ANSWER.len()),
        answer("20260801085857223", 9013, 8)
    );
    say(&mut logger, &second);
    assert_eq!(
        hear(&mut logger, ANSWER.len()),
        answer("20190808100001001", 9014, 4)
    );
    assert_eq!(
        hear(&mut logger, ANSWER.len()),
        answer("20190808100001002", 9014, 4)
    );
    drop((silent, babbling));
    agent.wait_for_log("the nonsense", |line| line.contains("not a frame of HJ 212"));
    agent.terminate().expect_code(0);

    gateway.arrive(1);
    let row = gateway.world.query("SELECT tsp, pm25 FROM observations");
    let value = |name: &str| row.column(name)[0].parse::<f64>().unwrap();
    assert_eq!((value("tsp"), value("pm25")), (148.0, 38.0));
}

#[test]
fn many_loggers_talk_at_once_and_each_is_answered() {
    let gateway = Gateway::new("");
    let agent = gateway.start();
    drop(gateway.connect());
    let loggers: Vec<_> = (0..50)
        .map(|at: u32| {
            let mut logger = gateway.connect();
            std::thread::spawn(move || {
                say(&mut logger, &minute(at, 100 + at));
                assert!(hear(&mut logger, ANSWER.len()).contains("CN=9014"));
            })
        })
        .collect();
    for logger in loggers {
        logger.join().unwrap();
    }
    agent.kill();
    gateway.arrive(50);
}

#[test]
fn a_source_that_cannot_be_is_refused_with_its_key() {
    for (more, told) in [
        ("command = 9014", "command 9014 is none of 2011"),
        ("crc = \"md5\"", "crc \"md5\" is none of spec"),
        ("units = { a34001 = \"kg\" }", "units.a34001: \"kg\" is none of"),
        ("speed = 9600", "speed"),
    ] {
        let gateway = Gateway::new(more);
        let refused = gateway.start().wait();
        refused.expect_code(2);
        assert!(refused.to_string().contains(told), "{more}: {refused}");
    }
}
