//! A real broker, an ingester that can be told to misbehave, and the binary under test.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dustwatch_observation::{Ack, Topic, TopicKind, json};
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

/// A Mosquitto process of its own; killed when dropped.
pub struct Broker {
    pub port: u16,
    folder: tempfile::TempDir,
    process: Option<Child>,
}

impl Broker {
    pub fn start() -> Broker {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut broker = Broker {
            port,
            folder: tempfile::tempdir().unwrap(),
            process: None,
        };
        broker.restart();
        broker
    }

    pub fn restart(&mut self) {
        let conf = self.folder.path().join("mosquitto.conf");
        let text = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n",
            self.port
        );
        std::fs::write(&conf, text).unwrap();
        let found = [
            "/usr/sbin/mosquitto",
            "/usr/local/sbin/mosquitto",
            "/opt/homebrew/sbin/mosquitto",
        ]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .unwrap_or("mosquitto");
        let process = Command::new(found)
            .arg("-c")
            .arg(&conf)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto is needed for this test: install it");
        self.process = Some(process);
        wait_for("the broker", || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }

    /// Kills it; everything it held is gone.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What an ingester has taken: per device and epoch, each number's observation as text.
#[derive(Default)]
pub struct Taken {
    pub streams: BTreeMap<(String, String), BTreeMap<u64, String>>,
    acked: HashMap<(String, String), u64>,
    refused: BTreeSet<(String, u64)>,
    pub status: Vec<(String, String)>,
    /// Numbers that came with two different contents.
    pub contradictions: Vec<String>,
    pub messages: u64,
}

impl Taken {
    pub fn observations(&self) -> usize {
        self.streams.values().map(BTreeMap::len).sum()
    }

    /// The highest number up to which a stream has no gap.
    pub fn contiguous(&self, device: &str) -> u64 {
        let of_device = self.streams.iter().filter(|((d, _), _)| d == device);
        of_device
            .map(|(_, s)| (1..).take_while(|n| s.contains_key(n)).count() as u64)
            .max()
            .unwrap_or(0)
    }
}

/// An ingester that acknowledges the contiguous prefix, and overlooks some messages the first time.
pub struct Ingester {
    pub taken: Arc<Mutex<Taken>>,
}

impl Ingester {
    /// Overlooks the first sending of every message whose first number is divisible by `overlook` (0: none).
    pub fn start(port: u16, overlook: u64) -> Ingester {
        let taken = Arc::new(Mutex::new(Taken::default()));
        let shared = Arc::clone(&taken);
        let mut options = MqttOptions::new("test-ingester", "127.0.0.1", port);
        options
            .set_max_packet_size(1 << 20, 1 << 20)
            .set_clean_session(true)
            .set_inflight(1000);
        let (client, mut connection) = Client::new(options, 100_000);
        let (ready, up) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        client
                            .try_subscribe(Topic::filter(None, TopicKind::Obs), QoS::AtLeastOnce)
                            .unwrap();
                        client
                            .try_subscribe(Topic::filter(None, TopicKind::Status), QoS::AtLeastOnce)
                            .unwrap();
                    }
                    Ok(Event::Incoming(Packet::SubAck(_))) => drop(ready.send(())),
                    Ok(Event::Incoming(Packet::Publish(message))) => {
                        let answer = shared
                            .lock()
                            .unwrap()
                            .take(&message.topic, &message.payload, overlook);
                        if let Some((topic, ack)) = answer {
                            client.try_publish(topic, QoS::AtLeastOnce, true, ack).unwrap();
                        }
                    }
                    Ok(_) => {}
                    Err(_) => std::thread::sleep(Duration::from_millis(20)),
                }
            }
        });
        up.recv_timeout(Duration::from_secs(5)).unwrap();
        Ingester { taken }
    }

    pub fn with<T>(&self, look: impl FnOnce(&Taken) -> T) -> T {
        look(&self.taken.lock().unwrap())
    }
}

impl Taken {
    fn take(&mut self, topic: &str, payload: &[u8], overlook: u64) -> Option<(String, Vec<u8>)> {
        let topic = Topic::parse(topic).unwrap();
        if topic.kind == TopicKind::Status {
            self.status.push((
                topic.device.to_string(),
                String::from_utf8_lossy(payload).into_owned(),
            ));
            return None;
        }
        let device = topic.device.to_string();
        let head = json::peek(payload).unwrap();
        let from = head.from.expect("every message carries from");
        let first = head.seqs[0];
        if overlook > 0 && first.is_multiple_of(overlook) && self.refused.insert((device.clone(), first)) {
            return None;
        }
        self.messages += 1;
        let stream = self
            .streams
            .entry((device.clone(), head.epoch.clone()))
            .or_default();
        for (seq, text) in observations(payload) {
            if let Some(before) = stream.insert(seq, text.clone()).filter(|before| *before != text) {
                self.contradictions
                    .push(format!("{device} {seq}: {before} then {text}"));
            }
        }
        let acked = self.acked.entry((device, head.epoch.clone())).or_default();
        *acked = (*acked).max(from - 1);
        while stream.contains_key(&(*acked + 1)) {
            *acked += 1;
        }
        let ack = Ack {
            epoch: head.epoch,
            seq: *acked,
        };
        Some((
            Topic {
                kind: TopicKind::Ack,
                ..topic
            }
            .to_string(),
            ack.to_json(),
        ))
    }
}

/// Numbers and observations of a payload, the head left out.
fn observations(payload: &[u8]) -> Vec<(u64, String)> {
    let mut value: serde_json::Value = serde_json::from_slice(payload).unwrap();
    let single = value.as_object_mut().unwrap();
    for key in ["from", "device", "epoch"] {
        single.remove(key);
    }
    let list = match single.remove("obs") {
        Some(serde_json::Value::Array(list)) => list,
        _ => vec![value],
    };
    list.into_iter()
        .map(|o| (o["seq"].as_u64().unwrap(), o.to_string()))
        .collect()
}

/// The binary under test.
pub fn edge() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dustwatch-edge"));
    command
        .env_remove("RUST_LOG")
        .env_remove("DUSTWATCH_BROKER_PASSWORD")
        .stdin(Stdio::null());
    command
}

pub fn spawn(command: &mut Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for the end, at most 20 s.
pub fn finish(mut child: Child) -> Output {
    let deadline = Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!(
                "the process does not end: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn wait_for(what: &str, happened: impl FnMut() -> bool) {
    wait_at_most(Duration::from_secs(15), what, happened);
}

pub fn wait_at_most(patience: Duration, what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !happened() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// A terminal's master, its other end, which stays open, and that end's name.
pub fn terminal() -> (serial2::SerialPort, serial2::SerialPort, PathBuf) {
    use std::os::fd::AsRawFd;
    let (one, other) = serial2::SerialPort::pair().unwrap();
    let name = |port: &serial2::SerialPort| {
        std::fs::read_link(format!("/proc/self/fd/{}", port.as_raw_fd())).unwrap()
    };
    let (first, second) = (name(&one), name(&other));
    if second.starts_with("/dev/pts") {
        (one, other, second)
    } else {
        (other, one, first)
    }
}

/// A unit that a test plays: answers each request with what `answer` says, or not at all.
pub fn play(unit: serial2::SerialPort, mut answer: impl FnMut(&[u8]) -> Option<Vec<u8>> + Send + 'static) {
    std::thread::spawn(move || {
        let mut unit = unit;
        unit.set_read_timeout(Duration::from_secs(60)).unwrap();
        let mut request = [0; 8];
        while unit.read_exact(&mut request).is_ok() {
            if let Some(answer) = answer(&request) {
                unit.write_all(&answer).unwrap();
            }
        }
    });
}

/// Modbus' own CRC, bit by bit.
pub fn with_crc(mut frame: Vec<u8>) -> Vec<u8> {
    let mut crc = 0xFFFF_u16;
    for byte in &frame {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 };
        }
    }
    frame.extend(crc.to_le_bytes());
    frame
}
