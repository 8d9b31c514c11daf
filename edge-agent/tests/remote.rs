//! What an operator sees of an agent from afar, and may change of it.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Broker, Ingester, edge, finish, signal, spawn, stderr, wait_for, write};
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use serde_json::Value;

const TOPIC: &str = "dust/v1/110109/110109-DY-0003";

/// Someone at the broker who hears how the agent is and changes its settings.
struct Operator {
    client: Client,
    healths: Arc<Mutex<Vec<Value>>>,
}

impl Operator {
    fn at(broker: &Broker) -> Operator {
        let mut options = MqttOptions::new("test-operator", "127.0.0.1", broker.port);
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut connection) = Client::new(options, 100);
        let healths = Arc::new(Mutex::new(Vec::new()));
        let (subscriber, heard) = (client.clone(), Arc::clone(&healths));
        std::thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        subscriber
                            .try_subscribe(format!("{TOPIC}/health"), QoS::AtLeastOnce)
                            .unwrap();
                    }
                    Ok(Event::Incoming(Packet::Publish(message))) => {
                        let health = serde_json::from_slice(&message.payload).unwrap();
                        heard.lock().unwrap().push(health);
                    }
                    Ok(_) => {}
                    Err(_) => std::thread::sleep(Duration::from_millis(50)),
                }
            }
        });
        Operator { client, healths }
    }

    fn change(&self, payload: &str) {
        let topic = format!("{TOPIC}/config");
        self.client
            .publish(topic, QoS::AtLeastOnce, true, payload.as_bytes())
            .unwrap();
    }

    /// Waits until the agent says something like this of itself.
    fn hears(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let found = || {
            self.healths
                .lock()
                .unwrap()
                .iter()
                .rev()
                .find(|health| is_it(health))
                .cloned()
        };
        wait_for(what, || found().is_some());
        found().unwrap()
    }
}

struct Site {
    folder: tempfile::TempDir,
    config: PathBuf,
}

impl Site {
    /// A monitor that reads a TSP of 100 all the time.
    fn new(broker: &str) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let site = Site {
            config: folder.path().join("edge.toml"),
            folder,
        };
        site.point_at(broker);
        site
    }

    fn point_at(&self, broker: &str) {
        let reading = "while :; do echo '{\\\"tsp\\\": 100}'; sleep 0.1; done";
        let text = format!(
            "[agent]\ndistrict = \"110109\"\ndevice = \"110109-DY-0003\"\nbroker = \"{broker}\"\nsync_interval_ms = 20\n\
             resend_after_s = 1\n\n[[source]]\nkind = \"exec\"\ncommand = [\"sh\", \"-c\", \"{reading}\"]\n\n\
             [[source]]\nkind = \"hj212\"\nlisten = \"127.0.0.1:0\"\nmn = \"A1\"\n\n[calibrate.tsp]\nslope = 2.0\n"
        );
        write(self.folder.path(), "edge.toml", &text);
    }
}

/// The newest TSP that arrived.
fn newest(ingester: &Ingester) -> Option<f64> {
    ingester.with(|taken| {
        let (_, stream) = taken.streams.iter().next_back()?;
        let (_, text) = stream.last_key_value()?;
        serde_json::from_str::<Value>(text).unwrap()["tsp"].as_f64()
    })
}

#[test]
fn a_change_is_applied_kept_and_taken_back_and_a_bad_one_is_refused() {
    let broker = Broker::start();
    let ingester = Ingester::start(broker.port, 0);
    let operator = Operator::at(&broker);
    let site = Site::new(&broker.url());
    let agent = spawn(edge().arg("run").arg("--config").arg(&site.config));
    let reads = |tsp: f64| wait_for(&format!("a TSP of {tsp}"), || newest(&ingester) == Some(tsp));
    reads(200.0);

    operator.change(r#"{"id": "first", "calibrate": {"tsp": {"slope": 1.5, "offset": -2.0}}}"#);
    operator.hears("the first change", |health| health["config"]["id"] == "first");
    reads(148.0);

    for (bad, word) in [
        (
            r#"{"id": "bad", "calibrate": {"tsp": {"slope": -1}}}"#,
            "calibrate.tsp",
        ),
        (
            r#"{"id": "bad", "calibrate": {"dust": {"slope": 1}}}"#,
            "no such parameter",
        ),
        (r#"{"id": "bad", "interval": "7s"}"#, "interval"),
        (r#"{"id": "bad", "switch": {"1": {"on_above": 1}}}"#, "switch 1"),
        (r#"{"id": "bad", "broker": "mqtt://elsewhere"}"#, "broker"),
        ("no json", "expected"),
    ] {
        operator.change(bad);
        operator.hears(word, |health| {
            let refused = health["config"]["refused"].as_str().unwrap_or_default();
            refused.contains(word) && health["config"]["id"] == "first"
        });
    }
    reads(148.0);
    signal(&agent, "TERM");
    let said = stderr(&finish(agent));
    assert!(said.contains("refused"), "{said}");

    // It holds without a broker too. Then it is heard again, the last one, which is bad; and taken back.
    site.point_at("mqtt://127.0.0.1:1");
    let agent = spawn(edge().arg("run").arg("--config").arg(&site.config));
    std::thread::sleep(Duration::from_millis(500));
    signal(&agent, "KILL");
    finish(agent);
    let before = ingester.with(common::Taken::observations);
    site.point_at(&broker.url());
    let agent = spawn(edge().arg("run").arg("--config").arg(&site.config));
    wait_for("what was read without a broker", || {
        ingester.with(common::Taken::observations) > before + 2
    });
    reads(148.0);
    ingester.with(|taken| {
        let (_, stream) = taken.streams.iter().next_back().unwrap();
        let values = stream.values().rev().take(5);
        assert!(values.into_iter().all(|text| text.contains("148")), "{stream:?}");
    });
    operator.change("");
    reads(200.0);
    operator.hears("no change", |health| {
        health["config"]["id"].is_null() && health["config"]["refused"].is_null()
    });
    signal(&agent, "TERM");
    assert!(finish(agent).status.success());
}

#[test]
fn an_agent_tells_how_it_is() {
    let mut broker = Broker::start();
    let operator = Operator::at(&broker);
    let site = Site::new(&broker.url());
    let agent = spawn(edge().arg("run").arg("--config").arg(&site.config));
    let first = operator.hears("a first word", |_| true);
    assert_eq!(first["version"], env!("CARGO_PKG_VERSION"));
    // Nobody confirms, and the broker goes away for a while: it is told when that is over.
    std::thread::sleep(Duration::from_secs(1));
    broker.kill();
    std::thread::sleep(Duration::from_millis(200));
    broker.restart();
    let again = operator.hears("a word of the trouble", |health| {
        health["last_trouble"]["what"]
            .as_str()
            .unwrap_or_default()
            .contains("no connection")
    });
    assert!(again["spool"]["records"].as_u64().unwrap() > 5, "{again}");
    assert!(again["spool"]["bytes"].as_u64().unwrap() > 100, "{again}");
    assert_eq!(again["sources"][0]["kind"], "exec");
    assert!(again["sources"][0]["last"].is_string(), "{again}");
    assert_eq!(again["sources"][1]["kind"], "hj212");
    assert!(again["sources"][1]["last"].is_null(), "no logger came: {again}");
    assert_eq!(again["epoch"], first["epoch"]);
    signal(&agent, "TERM");
    assert!(finish(agent).status.success());
}
