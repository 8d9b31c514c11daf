//! Modbus units of another make, over pseudo-terminals and TCP: what arrives is what their registers hold.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{
    Broker, Ingester, edge, finish, play, signal, spawn, stdout, terminal, wait_at_most, with_crc, write,
};
use serial2::SerialPort;

const DEVICE: &str = "110109-DY-0003";
/// For a machine that has something else to do: Python alone takes its time to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// A louvre box and a particle module on one bus; −10.1 °C is 0xFF9B.
const UNITS: &str =
    r#"{"1": {"500": [658, 65435, 583, 41, 92, 998]}, "2": {"16": [0, 30, 0, 41, 0, 92, 0, 186]}}"#;
const LOUVRE_AND_MODULE: &str = "[[source.unit]]\nmap = \"sn-300byh-m\"\nonly = [\"humidity\", \"temperature\", \"noise\", \"pressure\"]\n\
     [[source.unit]]\nmap = \"sds069\"\naddress = 2\n";

/// The other make's server; killed when dropped.
struct Server(Child);

impl Server {
    fn start(arguments: &[&str]) -> Server {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = here.join("../.test-programs/python/bin/python");
        let process = Command::new(python)
            .arg(here.join("tests/common/modbus_server.py"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pymodbus is needed for this test: run scripts/install-test-programs");
        Server(process)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A cable: what is written at one named end is read at the other.
struct Cable {
    ends: [PathBuf; 2],
    _held: [SerialPort; 2],
}

impl Cable {
    fn new() -> Cable {
        let (first, held_first, one) = terminal();
        let (second, held_second, other) = terminal();
        let copy = |from: &SerialPort, to: &SerialPort| {
            let (mut from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            from.set_read_timeout(Duration::from_millis(200)).unwrap();
            std::thread::spawn(move || {
                let mut buffer = [0; 256];
                loop {
                    match from.read(&mut buffer) {
                        Ok(length) => to.write_all(&buffer[..length]).unwrap(),
                        Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {}
                        Err(_) => return,
                    }
                }
            });
        };
        copy(&first, &second);
        copy(&second, &first);
        Cable {
            ends: [one, other],
            _held: [held_first, held_second],
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn settings(folder: &Path, broker: &str, source: &str) -> PathBuf {
    let text = format!(
        "[agent]\ndistrict = \"110109\"\ndevice = \"{DEVICE}\"\nbroker = \"{broker}\"\nsync_interval_ms = 50\n\n\
         [[source]]\nkind = \"modbus\"\n{source}"
    );
    write(folder, "edge.toml", &text)
}

/// What `check` says of a source; the broker is nobody.
fn check(folder: &Path, source: &str) -> String {
    let config = settings(folder, "mqtt://127.0.0.1:1", source);
    stdout(&finish(spawn(edge().arg("check").arg("--config").arg(config))))
}

/// Runs an agent with a new spool until an ingester has some observations, and says which.
fn observations(folder: &Path, source: &str, enough: u64) -> Vec<serde_json::Value> {
    drop(std::fs::remove_dir_all(folder.join("spool")));
    let broker = Broker::start();
    let config = settings(folder, &broker.url(), source);
    let ingester = Ingester::start(broker.port, 0);
    let agent = spawn(edge().arg("run").arg("--config").arg(&config));
    wait_at_most(PATIENCE, "observations", || {
        ingester.with(|taken| taken.contiguous(DEVICE) >= enough)
    });
    signal(&agent, "TERM");
    assert!(finish(agent).status.success());
    ingester.with(|taken| {
        assert_eq!(taken.contradictions, Vec::<String>::new());
        let said = taken.streams.values().flat_map(|stream| stream.values());
        said.map(|text| serde_json::from_str(text).unwrap()).collect()
    })
}

fn assert_louvre_and_module(said: &[serde_json::Value]) {
    let full: Vec<_> = said.iter().filter(|o| o.get("flags").is_none()).collect();
    assert!(!full.is_empty(), "{said:?}");
    for observation in full {
        for (key, value) in [
            ("humidity", 65.8),
            ("temperature", -10.1),
            ("noise", 58.3),
            ("pressure", 99.8),
            ("pm25", 41.0),
            ("pm10", 92.0),
            ("tsp", 186.0),
        ] {
            assert_eq!(observation[key].as_f64(), Some(value), "{key} in {observation}");
        }
    }
}

#[test]
fn units_on_a_serial_bus_are_read_though_one_of_them_is_dead() {
    let cable = Cable::new();
    let _server = Server::start(&["rtu", &cable.ends[1].to_string_lossy(), "9600", UNITS]);
    let folder = tempfile::tempdir().unwrap();
    let bus = format!(
        "line = \"{}\"\ninterval = \"2s\"\npoll = \"1s\"\ntimeout_ms = 150\nretries = 1\n",
        cable.ends[0].display()
    );
    let living = format!("{bus}{LOUVRE_AND_MODULE}");
    wait_at_most(PATIENCE, "the server", || {
        check(folder.path(), &living).contains("unit 2 (SDS069): pm25 41")
    });
    let dead = "[[source.unit]]\nmap = \"xm8189b\"\naddress = 7\n";
    let all = format!("{bus}{dead}{LOUVRE_AND_MODULE}");
    let said = check(folder.path(), &all);
    assert!(
        said.contains("unit 7 (XM8189B): no answer within 150 ms"),
        "{said}"
    );
    let words: String = said
        .split(['│', '┆', '\n'])
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ");
    assert!(
        words.contains("temperature -10.1 °C") && words.contains("tsp 186 µg/m³"),
        "{said}"
    );
    let said = observations(folder.path(), &all, 4);
    assert_louvre_and_module(&said);
    assert!(said.iter().all(|o| o.get("wind_speed").is_none()), "{said:?}");
}

#[test]
fn units_behind_tcp_are_read_and_found_again_after_the_server_was_gone() {
    for kind in ["tcp", "rtu_over_tcp"] {
        let port = free_port();
        let server = Server::start(&[kind, &port.to_string(), UNITS]);
        let reachable = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        wait_at_most(PATIENCE, "the server", reachable);
        let folder = tempfile::tempdir().unwrap();
        let frames = if kind == "tcp" { "tcp" } else { "rtu" };
        let bus = format!(
            "connect = \"127.0.0.1:{port}\"\nframes = \"{frames}\"\ninterval = \"2s\"\npoll = \"1s\"\ntimeout_ms = 300\n"
        );
        let source = format!("{bus}{LOUVRE_AND_MODULE}");
        assert_louvre_and_module(&observations(folder.path(), &source, 2));
        drop(server);
        let gone = check(folder.path(), &source);
        assert!(gone.contains("cannot be opened"), "{gone}");
        let _server = Server::start(&[kind, &port.to_string(), UNITS]);
        wait_at_most(PATIENCE, "the server", reachable);
        assert_louvre_and_module(&observations(folder.path(), &source, 2));
    }
}

/// The first answer to each question comes after the time-out, when the next question may be on its way already.
#[test]
fn a_late_answer_is_not_taken_for_that_of_another_question() {
    let (unit, _held, line) = terminal();
    let mut asked = 0;
    play(unit, move |request| {
        let address = u16::from_be_bytes([request[2], request[3]]);
        asked += 1;
        if asked % 2 == 1 {
            std::thread::sleep(Duration::from_millis(150));
        }
        // What a register holds is its address.
        let [high, low] = address.to_be_bytes();
        Some(with_crc(vec![request[0], 3, 2, high, low]))
    });
    let folder = tempfile::tempdir().unwrap();
    let reads = ["tsp", "pm10", "pm25", "noise"].iter().zip([61_u16, 62, 63, 64]);
    let map: String = reads
        .map(|(key, at)| {
            format!(
                "[[read]]\nfunction = 3\naddress = {at}\ncount = 1\nvalue = [{{ parameter = \"{key}\", at = {at}, type = \"u16\" }}]\n"
            )
        })
        .collect();
    write(folder.path(), "slow.toml", &format!("name = \"slow\"\n{map}"));
    let source = format!(
        "line = \"{}\"\ninterval = \"2s\"\npoll = \"1s\"\ntimeout_ms = 100\n[[source.unit]]\nmap = \"slow.toml\"\n",
        line.display()
    );
    let said = observations(folder.path(), &source, 3);
    for (key, at) in [("tsp", 61.0), ("pm10", 62.0), ("pm25", 63.0), ("noise", 64.0)] {
        for value in said.iter().filter_map(|o| o[key].as_f64()) {
            assert_eq!(value, at, "{key}: {said:?}");
        }
        assert!(said.iter().any(|o| o[key].is_number()), "{key}: {said:?}");
    }
}

/// The frames of real devices: requests byte for byte, and what their answers come to.
#[test]
fn real_devices_are_asked_and_understood() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let (unit, _held, line) = terminal();
    let heard = Arc::clone(&requests);
    play(unit, move |request| {
        heard.lock().unwrap().push(request.to_vec());
        let answer: &[u8] = match request[3] {
            // Humidity and temperature, computed; then humidity, temperature and noise of a DFRobot SEN0658, captured.
            0xF4 => &[0x01, 0x03, 0x04, 0x02, 0x92, 0xFF, 0x9B, 0x5A, 0x3D],
            0xF8 => &[0x01, 0x03, 0x06, 0x01, 0xC3, 0x00, 0xF6, 0x02, 0x06, 0x05, 0xE5],
            _ => return None,
        };
        Some(answer.to_vec())
    });
    let folder = tempfile::tempdir().unwrap();
    let louvre = "name = \"louvre\"\n[[read]]\nfunction = 3\naddress = 500\ncount = 2\nvalue = [\n\
         { parameter = \"humidity\", at = 500, type = \"u16\", scale = 0.1 },\n\
         { parameter = \"temperature\", at = 501, type = \"i16\", scale = 0.1 },\n]\n";
    let station = "name = \"station\"\n[[read]]\nfunction = 3\naddress = 504\ncount = 3\nvalue = [\n\
         { parameter = \"humidity\", at = 504, type = \"u16\", scale = 0.1 },\n\
         { parameter = \"temperature\", at = 505, type = \"i16\", scale = 0.1 },\n\
         { parameter = \"noise\", at = 506, type = \"u16\", scale = 0.1 },\n]\n";
    for (text, expected) in [
        (louvre, "humidity 65.8 %, temperature -10.1 °C"),
        (station, "humidity 45.1 %, temperature 24.6 °C, noise 51.8 dB"),
    ] {
        write(folder.path(), "map.toml", text);
        let source = format!(
            "line = \"{}\"\n[[source.unit]]\nmap = \"map.toml\"\n",
            line.display()
        );
        let said = check(folder.path(), &source);
        assert!(said.contains(expected), "{said}");
    }
    let source = format!(
        "line = \"{}\"\nretries = 0\n[[source.unit]]\nmap = \"sds069\"\n",
        line.display()
    );
    check(folder.path(), &source);
    assert_eq!(
        *requests.lock().unwrap(),
        [
            [0x01, 0x03, 0x01, 0xF4, 0x00, 0x02, 0x84, 0x05],
            [0x01, 0x03, 0x01, 0xF8, 0x00, 0x03, 0x85, 0xC6],
            [0x01, 0x03, 0x00, 0x10, 0x00, 0x08, 0x45, 0xC9],
        ]
    );
}

/// Every sound request that public programs send to such devices is the request that a map of it sends.
#[test]
fn requests_are_those_of_the_field() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/modbus/modbus_frames.jsonl");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("{} is not there: not compared", file.display());
        return;
    };
    let frames = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let sound = |frame: &serde_json::Value| {
        frame["kind"] == "request"
            && frame["transport"] == "rtu"
            && frame["crc_ok"] == true
            && matches!(frame["function"].as_u64(), Some(3 | 4))
            && (1..=125).contains(&frame["quantity"].as_u64().unwrap_or(0))
    };
    let mut real: BTreeSet<(u8, u8, u16, u16, Vec<u8>)> = BTreeSet::new();
    for frame in frames.filter(sound) {
        let number = |key: &str| u16::try_from(frame[key].as_u64().unwrap()).unwrap();
        let hex = frame["hex"].as_str().unwrap();
        let bytes = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
        let (unit, function) = (number("unit") as u8, number("function") as u8);
        if (1..=247).contains(&unit) {
            real.insert((
                unit,
                function,
                number("address"),
                number("quantity"),
                bytes.collect(),
            ));
        }
    }
    assert!(real.len() >= 10, "{real:?}");
    let (port, _held, line) = terminal();
    let requests = Arc::new(Mutex::new(BTreeSet::new()));
    let heard = Arc::clone(&requests);
    play(port, move |request| {
        heard.lock().unwrap().insert(request.to_vec());
        None
    });
    let folder = tempfile::tempdir().unwrap();
    for (unit, function, address, quantity, frame) in &real {
        let map = format!(
            "name = \"x\"\n[[read]]\nfunction = {function}\naddress = {address}\ncount = {quantity}\n\
             value = [{{ parameter = \"tsp\", at = {address}, type = \"u16\" }}]\n"
        );
        write(folder.path(), "map.toml", &map);
        let source = format!(
            "line = \"{}\"\nretries = 0\ntimeout_ms = 20\n[[source.unit]]\nmap = \"map.toml\"\naddress = {unit}\n",
            line.display()
        );
        check(folder.path(), &source);
        assert!(requests.lock().unwrap().contains(frame), "{frame:02X?} of {map}");
    }
}

#[test]
fn settings_that_cannot_be_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let said = |source: &str| {
        let config = settings(folder.path(), "mqtt://127.0.0.1:1", source);
        let output = finish(spawn(edge().arg("check").arg("--config").arg(&config)));
        assert_eq!(output.status.code(), Some(2));
        common::stderr(&output)
    };
    let unit = "[[source.unit]]\nmap = \"sds069\"\n";
    let line = "line = \"/dev/ttyS9\"\n";
    for (source, fault) in [
        (unit.to_owned(), "source 1: one of line and connect is needed"),
        (line.to_owned(), "at least one [[source.unit]] is needed"),
        (
            format!("{line}[[source.unit]]\nmap = \"sds-069\"\n"),
            "neither a .toml file nor one of sds069",
        ),
        (
            format!("{line}{unit}{unit}"),
            "unit 2: address 1 is another unit's",
        ),
        (
            format!("{line}{unit}[[source.unit]]\nmap = \"tsp-station\"\naddress = 2\n"),
            "tsp comes from another source or unit already",
        ),
        (
            format!(
                "{line}{unit}[[source.unit]]\nmap = \"sn-3003-fsxcs\"\nonly = [\"noise\"]\naddress = 2\n"
            ),
            "set one speed",
        ),
        (
            format!("{line}poll = \"7s\"\n{unit}"),
            "poll \"7s\" is not a length like 5s that divides the interval",
        ),
        (
            format!("connect = \"192.168.1.20\"\n{unit}"),
            "is not an address like 192.168.1.20:502",
        ),
        (
            format!(
                "{line}{unit}[[source]]\nkind = \"uart\"\nmodule = \"sds011\"\ndevice = \"/dev/ttyS8\"\n"
            ),
            "source 2: pm25 comes from another source or unit already",
        ),
        (
            format!("{line}{unit}[[source]]\nkind = \"hj212\"\nlisten = \"127.0.0.1:0\"\n"),
            "one would replace the other",
        ),
    ] {
        let said = said(&source);
        assert!(said.contains(fault), "{fault}: {said}");
    }
}
