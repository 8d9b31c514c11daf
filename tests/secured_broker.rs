//! Promise: over TLS only those get in who may, a device says only what is its own, and nothing goes out in the clear.
//!
//! Mosquitto runs with the settings and the access list that are shipped in `config/deploy`.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::Read;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::authority::Authority;
use support::csv::Table;
use support::mosquitto::{Mosquitto, free_port};
use support::parquet_reader::DeltaLog;
use support::process::Running;
use support::wire::Wire;
use support::world::{Place, World};

const ONE: &str = "110109-DY-0001";
const TWO: &str = "110109-DY-0002";
const THREE: &str = "110109-DY-0003";
/// What each agent sends.
const MINUTES: usize = 40;
const PATIENCE: Duration = Duration::from_secs(60);

/// A district whose broker asks for certificates at one port and for passwords at another.
struct Secured {
    world: World,
    authority: Authority,
    passwords_at: u16,
    _broker: Mosquitto,
}

impl Secured {
    fn start(more_access: &str) -> Self {
        let mut place = Place::new("110109").township("110109001", "大峪街道");
        for device in [ONE, TWO, THREE] {
            place = place.station(device, "township", "110109001", "1m");
        }
        place.tls = true;
        place.broker_keys = "ca_file = \"tls/ca.crt\"\nclient_cert_file = \"tls/ingest.crt\"\n\
                             client_key_file = \"tls/ingest.key\""
            .to_owned();
        let world = World::new(&place);
        let authority = Authority::new(&world.path("tls"));
        authority.certify_broker("127.0.0.1");
        for name in ["ingest", "operator", ONE, TWO] {
            authority.certify_client(name);
        }
        Mosquitto::write_password(&world.path("tls/passwords"), THREE, "correct horse");
        let passwords_at = free_port();
        let broker = Mosquitto::start_secured([world.port(), passwords_at], &world.path("tls"), more_access);
        Self {
            world,
            authority,
            passwords_at,
            _broker: broker,
        }
    }

    /// The settings of an agent with a certificate, whose source has so many minutes to say.
    fn agent(&self, device: &str, keys: &str) -> String {
        let text = format!(
            "[agent]\ndistrict = \"110109\"\ndevice = \"{device}\"\nspool = \"spool-{device}\"\nresend_after_s = 1\n\
             {keys}\n[[source]]\nkind = \"exec\"\ncommand = [\"sh\", \"-c\", '''i=0; while [ $i -lt {MINUTES} ]; do \
             printf '{{\"time\":\"2019-08-06T08:%02d:00+08:00\",\"tsp\":%d}}\\n' $i $i; i=$((i+1)); done; \
             exec sleep 600''']\n"
        );
        let name = format!("{device}.toml");
        self.world.write(&name, &text).display().to_string()
    }

    fn certified(&self, device: &str) -> String {
        let port = self.world.port();
        let keys = format!(
            "broker = \"mqtts://127.0.0.1:{port}\"\nca_file = \"tls/ca.crt\"\n\
             client_cert_file = \"tls/{device}.crt\"\nclient_key_file = \"tls/{device}.key\""
        );
        self.agent(device, &keys)
    }

    fn with_password(&self, device: &str) -> String {
        let port = self.passwords_at;
        let keys = format!(
            "broker = \"mqtts://127.0.0.1:{port}\"\nca_file = \"tls/ca.crt\"\nusername = \"{device}\""
        );
        self.agent(device, &keys)
    }

    /// `dustwatch-edge check OPTIONS`: whether the broker lets it in, and what it says.
    fn check(&self, config: &str, options: &[&str], password: Option<&str>) -> (bool, String) {
        let arguments = [&["check", "--format", "csv", "--config", config][..], options].concat();
        let said = self.world.spawn_edge(&arguments, password).wait();
        let line = said.stdout.lines().find(|line| line.contains("broker"));
        let line = line.unwrap_or_else(|| panic!("{said}")).to_owned();
        assert_eq!(said.code, Some(i32::from(!line.contains(",ok,"))), "{said}");
        (line.contains(",ok,"), line)
    }
}

fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    let since = Instant::now();
    while !happened() {
        assert!(since.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn terminate(agent: Running) {
    let said = agent.terminate();
    said.expect_code(0);
    assert!(said.stderr.contains("unconfirmed=0"), "{said}");
}

#[test]
fn certified_agents_and_one_with_a_password_are_confirmed_and_in_the_table() {
    let secured = Secured::start("");
    let world = &secured.world;
    world.dustwatch(&["config", "check"]).ok();
    let ingest = world.start_ingest();
    let agents = [
        (secured.certified(ONE), None),
        (secured.certified(TWO), None),
        (secured.with_password(THREE), Some("correct horse")),
    ];
    let running: Vec<Running> = agents
        .iter()
        .map(|(config, password)| world.spawn_edge(&["run", "--config", config], *password))
        .collect();
    let table = world.lake().join("observations");
    wait_for("all observations in the table", || {
        table.exists() && DeltaLog::read(&table).count_rows() == 3 * MINUTES
    });
    running.into_iter().for_each(terminate);
    ingest.terminate().ok();
    let observations = DeltaLog::read(&table).observations();
    for device in [ONE, TWO, THREE] {
        for minute in 0..MINUTES {
            let micros = 1_565_049_600_000_000 + i64::try_from(minute).unwrap() * 60_000_000;
            let stored = &observations[&(device.to_owned(), micros)];
            assert_eq!(
                stored.values["tsp"],
                (minute as i128 * 10, 1),
                "{device} minute {minute}"
            );
        }
    }
}

#[test]
fn a_device_that_speaks_for_another_is_not_heard() {
    let secured = Secured::start("");
    let world = &secured.world;
    let ingest = world.start_ingest();
    let port = world.port();
    let mut operator = Wire::connect_secured(port, &secured.authority, "operator", "dust/v1/#");
    let acks = format!("dust/v1/110109/{ONE}/ack");
    let connect = || Wire::connect_secured(port, &secured.authority, ONE, &acks);
    let own = format!("dust/v1/110109/{ONE}/obs");
    let observation = r#"{"time":1565049600000,"tsp":1}"#;

    // What the access list does not allow.
    for (topic, payload) in [
        (format!("dust/v1/110109/{TWO}/obs"), observation),
        (format!("dust/v1/110109/{TWO}/status"), "offline"),
        (format!("dust/v1/110109/{TWO}/ack"), r#"{"epoch":"e","seq":999}"#),
        (format!("dust/v1/110109/{ONE}/ack"), r#"{"epoch":"e","seq":999}"#),
        (format!("dust/v1/110109/{ONE}/config"), "{}"),
        (
            "dust/v1/ingest/dust/durable".to_owned(),
            r#"{"member":"x","durable":[]}"#,
        ),
    ] {
        connect().publish_in_vain(&topic, payload);
    }
    let mut device = connect();
    // What it cannot see: the topic is the device's own, the payload is another's.
    device.publish(
        &own,
        format!(r#"{{"device":"{TWO}","time":1565049600000,"tsp":2}}"#),
    );
    device.publish_and_confirm(&own, "e", 1, "\"time\":1565049660000,\"tsp\":3");
    ingest.terminate().ok();

    let mut heard = Vec::new();
    while heard
        .last()
        .is_none_or(|topic: &String| !topic.ends_with(&format!("{ONE}/ack")))
    {
        heard.push(operator.message().0);
    }
    assert_eq!(
        heard,
        [own.clone(), own.clone(), format!("dust/v1/110109/{ONE}/ack")]
    );
    let rows = world.query("SELECT device, tsp FROM observations");
    assert_eq!(rows.rows, [[ONE, "3.0"]]);
    let rejected = Table::parse(&world.dustwatch(&["rejected", "list", "--format", "csv"]).ok());
    assert_eq!(rejected.column("reason"), ["device_mismatch"]);
    assert_eq!(rejected.column("topic"), [own.as_str()]);
}

#[test]
fn a_device_whose_right_is_taken_away_is_not_heard_any_more() {
    let secured = Secured::start(&format!("\nuser {TWO}\ntopic deny #\n"));
    let world = &secured.world;
    let ingest = world.start_ingest();
    let port = world.port();
    let topic = |device: &str| format!("dust/v1/110109/{device}/obs");
    let denied = Wire::connect_secured(
        port,
        &secured.authority,
        TWO,
        &format!("dust/v1/110109/{TWO}/ack"),
    );
    denied.publish_in_vain(&topic(TWO), r#"{"time":1565049600000,"tsp":1}"#);
    let mut other = Wire::connect_secured(
        port,
        &secured.authority,
        ONE,
        &format!("dust/v1/110109/{ONE}/ack"),
    );
    other.publish_and_confirm(&topic(ONE), "e", 1, "\"time\":1565049660000,\"tsp\":3");
    ingest.terminate().ok();
    assert_eq!(world.query("SELECT device FROM observations").rows, [[ONE]]);
}

#[test]
fn only_those_who_can_prove_who_they_are_get_in() {
    let secured = Secured::start("");
    let world = &secured.world;
    let stranger = Authority::new(&world.path("stranger"));
    stranger.certify_client(ONE);
    let config = secured.certified(ONE);
    assert!(secured.check(&config, &[], None).0);

    // A broker that was not signed by whom we trust: said clearly, by every program.
    let ca = stranger.file("ca.crt");
    let (ok, said) = secured.check(&config, &["--ca", &ca], None);
    assert!(
        !ok && said.contains("not signed by") && said.contains(&ca),
        "{said}"
    );
    let url = format!("mqtts://127.0.0.1:{}", world.port());
    let tool = [
        "simulate",
        "--devices",
        "1",
        "--count",
        "1",
        "--broker",
        &url,
        "--ca",
        &ca,
    ];
    let said = world.spawn_edge(&tool, None).wait();
    said.expect_code(1);
    assert!(said.stderr.contains("not signed by"), "{said}");
    let settings = std::fs::read_to_string(world.path("dustwatch.toml")).unwrap();
    world.write(
        "wrong-ca.toml",
        &settings.replace("tls/ca.crt", "stranger/ca.crt"),
    );
    let mut ingest = world.spawn_ingest_with("wrong-ca.toml", &[]);
    ingest.wait_for_log("the broker's certificate was not signed by", |line| {
        line.contains("not signed by") && line.contains("stranger/ca.crt")
    });
    assert!(!ingest.kill().stderr.contains("\"ready\""));

    // A client that the broker cannot know. Its word may be lost with the connection, so only the state is asserted.
    let (cert, key) = (
        stranger.file(&format!("{ONE}.crt")),
        stranger.file(&format!("{ONE}.key")),
    );
    let (ok, said) = secured.check(&config, &["--cert", &cert, "--key", &key], None);
    assert!(!ok, "{said}");
    let nobody = format!("broker = \"{url}\"\nca_file = \"tls/ca.crt\"");
    let (ok, said) = secured.check(&secured.agent(TWO, &nobody), &[], None);
    assert!(!ok, "{said}");

    // Passwords.
    let by_word = secured.with_password(THREE);
    assert!(secured.check(&by_word, &[], Some("correct horse")).0);
    for word in [Some("wrong horse"), None] {
        let (ok, said) = secured.check(&by_word, &[], word);
        assert!(!ok && said.contains("NotAuthorized"), "{said}");
    }
    let anonymous = ["--username", ONE];
    assert!(!secured.check(&by_word, &anonymous, Some("correct horse")).0);
}

#[test]
fn nothing_goes_out_in_the_clear() {
    let mut place =
        Place::new("110109")
            .township("110109001", "大峪街道")
            .station(ONE, "township", "110109001", "1m");
    place.tls = true;
    place.broker_keys =
        "username = \"ingest\"\npassword = \"correct horse\"\nca_file = \"tls/ca.crt\"".to_owned();
    let world = World::new(&place);
    Authority::new(&world.path("tls"));

    // Somebody who listens where the broker should be, and hangs up.
    let listener = TcpListener::bind(("127.0.0.1", world.port())).unwrap();
    let heard: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let record = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream: std::net::TcpStream = stream;
            let mut said = [0; 4096];
            let bytes = stream.read(&mut said).unwrap_or(0);
            record.lock().unwrap().push(said[..bytes].to_vec());
        }
    });
    let url = format!("mqtts://127.0.0.1:{}", world.port());
    let ca = world.path("tls/ca.crt").display().to_string();
    let ingest = world.spawn_ingest();
    let tool = [
        "simulate",
        "--devices",
        "1",
        "--count",
        "1",
        "--username",
        "ingest",
        "--broker",
        &url,
        "--ca",
        &ca,
    ];
    let agent = world.spawn_edge(&tool, Some("correct horse"));
    wait_for("a dozen attempts", || heard.lock().unwrap().len() >= 12);
    ingest.kill();
    agent.kill();
    for said in heard.lock().unwrap().iter() {
        let is_handshake = said.is_empty() || said.starts_with(&[0x16, 3]);
        assert!(
            is_handshake && !contains(said, b"correct horse"),
            "in the clear: {said:02x?}"
        );
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}
