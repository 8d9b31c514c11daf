//! A relay that follows the dust, without any broker: on, off, off when the agent ends; and its state is reported.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{
    Broker, Ingester, edge, finish, play, signal, spawn, stderr, terminal, wait_at_most, with_crc, write,
};

const DEVICE: &str = "110109-DY-0003";
const RELAY: u8 = 9;
/// For a machine that has something else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A dust monitor (unit 1) and a relay (unit 9) on one line: what the monitor shows, and the coil's states as they were written.
struct Bench {
    dust: Arc<AtomicU16>,
    coil: Arc<Mutex<Vec<bool>>>,
    line: PathBuf,
    _held: serial2::SerialPort,
}

impl Bench {
    fn new(shows: u16) -> Bench {
        let (port, held, line) = terminal();
        let (dust, coil) = (Arc::new(AtomicU16::new(shows)), Arc::new(Mutex::new(Vec::new())));
        let (shown, written) = (Arc::clone(&dust), Arc::clone(&coil));
        play(port, move |request| match (request[0], request[1]) {
            (1, 3) => {
                let [high, low] = shown.load(Ordering::Relaxed).to_be_bytes();
                Some(with_crc(vec![1, 3, 2, high, low]))
            }
            // Coil 3; FF00 is on, 0000 off, and the answer is the request (Modbus application protocol 1.1b3, 6.5).
            (RELAY, 5) if request[2..4] == [0, 3] => {
                written.lock().unwrap().push(request[4] == 0xFF);
                Some(request.to_vec())
            }
            _ => None,
        });
        Bench {
            dust,
            coil,
            line,
            _held: held,
        }
    }

    fn show(&self, dust: u16) {
        self.dust.store(dust, Ordering::Relaxed);
    }

    fn is_on(&self) -> Option<bool> {
        self.coil.lock().unwrap().last().copied()
    }

    fn settings(&self, folder: &Path, broker: &str) -> PathBuf {
        write(
            folder,
            "dust.toml",
            "name = \"dust\"\n[[read]]\nfunction = 3\naddress = 0\ncount = 1\n\
             value = [{ parameter = \"tsp\", at = 0, type = \"u16\" }]\n",
        );
        let parameters: String = ["tsp", "spray"]
            .iter()
            .map(|key| {
                format!("[[parameter]]\nkey = \"{key}\"\nname = \"{key}\"\nname_en = \"{key}\"\nunit = \"1\"\ndecimals = 1\n")
            })
            .collect();
        write(folder, "parameters.toml", &parameters);
        write(
            folder,
            "dustwatch.toml",
            "[district]\nparameters = \"parameters.toml\"\n",
        );
        let text = format!(
            "[agent]\ndistrict = \"110109\"\ndevice = \"{DEVICE}\"\nbroker = \"{broker}\"\nconfig = \"dustwatch.toml\"\n\
             sync_interval_ms = 50\n\n[[source]]\nkind = \"modbus\"\nline = \"{}\"\ninterval = \"1s\"\npoll = \"1s\"\n\
             timeout_ms = 200\n[[source.unit]]\nmap = \"dust.toml\"\n\n[[switch]]\nparameter = \"tsp\"\nwindow = \"3s\"\n\
             on_above = 500\noff_below = 400\nmin_run = \"1s\"\nsource = 1\nunit = {RELAY}\ncoil = 3\nreport_as = \"spray\"\n",
            self.line.display()
        );
        write(folder, "edge.toml", &text)
    }
}

#[test]
fn the_cannon_sprays_while_there_is_dust_and_not_when_the_agent_is_gone() {
    let bench = Bench::new(300);
    let folder = tempfile::tempdir().unwrap();
    let config = bench.settings(folder.path(), "mqtt://127.0.0.1:1");
    let agent = spawn(edge().arg("run").arg("--config").arg(&config));
    wait_at_most(PATIENCE, "the first word to the relay", || {
        bench.is_on() == Some(false)
    });
    bench.show(900);
    wait_at_most(PATIENCE, "spraying", || bench.is_on() == Some(true));
    bench.show(450);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(bench.is_on(), Some(true), "between the limits it stays as it is");
    bench.show(100);
    wait_at_most(PATIENCE, "no spraying", || bench.is_on() == Some(false));
    bench.show(900);
    wait_at_most(PATIENCE, "spraying again", || bench.is_on() == Some(true));
    signal(&agent, "TERM");
    let output = finish(agent);
    assert!(output.status.success());
    assert_eq!(bench.is_on(), Some(false), "the agent has gone");
    assert!(stderr(&output).contains("switched on") && stderr(&output).contains("switched off"));

    // What happened is in the spool, and the bureau learns of it.
    bench.show(100);
    let broker = Broker::start();
    let ingester = Ingester::start(broker.port, 0);
    let config = bench.settings(folder.path(), &broker.url());
    let agent = spawn(edge().arg("run").arg("--config").arg(&config));
    let states = || {
        ingester.with(|taken| {
            let said = taken.streams.values().flat_map(|stream| stream.values());
            let states = said.filter_map(|text| {
                serde_json::from_str::<serde_json::Value>(text).unwrap()["spray"].as_u64()
            });
            states.collect::<Vec<_>>()
        })
    };
    wait_at_most(PATIENCE, "the states", || {
        states().ends_with(&[0]) && states().contains(&1)
    });
    signal(&agent, "TERM");
    finish(agent);
}

#[test]
fn switches_that_cannot_be_say_why() {
    let bench = Bench::new(0);
    let folder = tempfile::tempdir().unwrap();
    let config = bench.settings(folder.path(), "mqtt://127.0.0.1:1");
    let good = std::fs::read_to_string(&config).unwrap();
    for (from, to, part) in [
        (
            "source = 1",
            "source = 2",
            "switch 1: source 2 is no modbus source",
        ),
        (
            "off_below = 400",
            "off_below = 600",
            "switch 1: off_below must not be above on_above",
        ),
        (
            "report_as = \"spray\"",
            "report_as = \"cannon\"",
            "switch 1: cannon: no such parameter",
        ),
        (
            "window = \"3s\"",
            "window = \"long\"",
            "switch 1: window \"long\"",
        ),
        ("unit = 9", "unit = 0", "switch 1: unit 0"),
    ] {
        let config = write(folder.path(), "wrong.toml", &good.replace(from, to));
        let output = finish(spawn(edge().arg("check").arg("--config").arg(&config)));
        assert_eq!(output.status.code(), Some(2), "{to}");
        assert!(stderr(&output).contains(part), "{to}: {}", stderr(&output));
    }
}
