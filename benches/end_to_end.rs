//! From the broker to the table: how many observations a second, and what they cost.
//!
//! Real processes on one machine: Mosquitto, `dustwatch ingest` and `dustwatch-edge simulate`, one observation a
//! message and sixty a message. Beside them, with the same load and a broker with the same settings, a subscriber that
//! acknowledges, counts and forgets: what remains when nothing is done with a message. Every process is alone in its
//! run but for the other two of that run, all on the same cores.
//!
//! Sizes: `DUSTWATCH_BENCH_SINGLES` (200000), `DUSTWATCH_BENCH_BATCHED` (3000000), `DUSTWATCH_BENCH_BATCH` (60).
#![allow(missing_docs)]
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use dustwatch_analytics::Session;
use dustwatch_config::Settings;
use dustwatch_lake::Lake;
use dustwatch_observation::Ack;
use rumqttc::{AsyncClient, Client, Event, Incoming, MqttOptions, QoS};

#[path = "common/mod.rs"]
mod common;

use common::process::{Cost, Fallible, Running, bytes_of, dustwatch, dustwatch_edge, machine, mosquitto};
use common::{env_number, markdown};

/// First argument of this program when it is to be the subscriber that forgets.
const FORGET: &str = "--forget";
const OBS: &str = "dust/v1/+/+/obs";
const ACKS: &str = "dust/v1/+/+/ack";
const ANY_SIZE: usize = 268_435_455;
/// Parameters of an observation.
const READINGS: f64 = 9.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subscriber {
    Forgets,
    Ingester,
}

#[derive(Debug, Clone, Copy)]
struct Load {
    observations: u64,
    batch: u64,
    /// Who tells the publisher that a message has arrived.
    confirm: &'static str,
}

impl Load {
    /// The publisher goes round the stations and closes a message when a station has enough for it, and at the end.
    fn messages(self) -> u64 {
        let stations = Settings::load(None).unwrap().registry.stations().len() as u64;
        let (each, more) = (self.observations / stations, self.observations % stations);
        more * (each + 1).div_ceil(self.batch) + (stations - more) * each.div_ceil(self.batch)
    }
}

/// What a run came to.
#[derive(Debug)]
struct Figures {
    subscriber: Subscriber,
    load: Load,
    seconds: f64,
    messages: u64,
    cost: Cost,
    broker: Cost,
    publisher: Cost,
    /// Bytes of data files and of the table's log.
    data: u64,
    log: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|first| first == FORGET) {
        let number = |at: usize| arguments[at].parse::<u64>().unwrap();
        forget(number(2) as u16, number(3));
        return ExitCode::SUCCESS;
    }
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("end_to_end: {message}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Fallible<()> {
    let batch = env_number("DUSTWATCH_BENCH_BATCH", 60);
    let sizes = [
        (1, env_number("DUSTWATCH_BENCH_SINGLES", 200_000)),
        (batch, env_number("DUSTWATCH_BENCH_BATCHED", 3_000_000)),
    ];
    println!(
        "{}; Mosquitto, publisher and subscriber on the same cores\n",
        machine()
    );
    let mut table = vec![
        [
            "subscriber",
            "observations",
            "a message",
            "confirmed by",
            "messages/s",
            "observations/s",
            "its CPU s / 10⁶ obs.",
            "peak RSS, MiB",
            "bytes on disk / obs.",
            "/ reading",
            "broker's CPU s / 10⁶ obs.",
            "publisher's CPU s / 10⁶ obs.",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for (batch, observations) in sizes {
        for (subscriber, confirm) in [
            (Subscriber::Forgets, "broker"),
            (Subscriber::Ingester, "broker"),
            (Subscriber::Ingester, "ingester"),
        ] {
            let figures = run(
                subscriber,
                Load {
                    observations,
                    batch,
                    confirm,
                },
            )?;
            table.push(line(&figures));
        }
    }
    println!("{}", markdown(&table));
    Ok(())
}

fn run(subscriber: Subscriber, load: Load) -> Fallible<Figures> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (broker, port) = mosquitto(folder.path())?;
    let mut receiver = match subscriber {
        Subscriber::Forgets => {
            let program = std::env::current_exe().map_err(|e| e.to_string())?;
            Running::start(
                &program,
                &[FORGET, &port.to_string(), &load.messages().to_string()],
            )?
        }
        Subscriber::Ingester => {
            let settings = folder.path().join("dustwatch.toml");
            let text = format!(
                "[broker]\nurl = \"mqtt://127.0.0.1:{port}\"\n[journal]\ndir = \"journal\"\n[lake]\nuri = \"lake\"\n"
            );
            std::fs::write(&settings, text).map_err(|e| e.to_string())?;
            Running::start(
                &dustwatch(),
                &["ingest", "--config", &settings.display().to_string()],
            )?
        }
    };
    receiver.wait_for("ready\n")?;
    let before = receiver.cpu_seconds();
    let mut confirmations = Confirmations::listen(port);
    let started = Instant::now();
    let publisher = publish(port, load)?;
    let seconds = match subscriber {
        Subscriber::Forgets => {
            receiver.wait_for("counted")?;
            started.elapsed().as_secs_f64()
        }
        Subscriber::Ingester => {
            confirmations.wait(load.observations, &mut receiver)?;
            started.elapsed().as_secs_f64()
        }
    };
    drop(confirmations);
    let publisher = publisher.finish()?;
    let messages = messages(&publisher.said)?;
    if messages != load.messages() {
        return Err(format!(
            "{} messages were expected, {messages} were sent",
            load.messages()
        ));
    }
    let mut cost = match subscriber {
        Subscriber::Forgets => receiver.finish()?,
        Subscriber::Ingester => receiver.terminate()?,
    };
    cost.cpu_seconds -= before;
    let broker = broker.terminate()?;
    let table = folder.path().join("lake").join("observations");
    if subscriber == Subscriber::Ingester {
        expect_rows(folder.path(), load.observations)?;
    }
    let log = bytes_of(&table.join("_delta_log"));
    Ok(Figures {
        subscriber,
        load,
        seconds,
        messages,
        cost,
        broker,
        publisher,
        data: bytes_of(&table) - log,
        log,
    })
}

/// Starts the publisher: every observation once, as fast as it is let.
fn publish(port: u16, load: Load) -> Fallible<Running> {
    Running::start(
        &dustwatch_edge()?,
        &[
            "simulate",
            "--no-troubles",
            "--start",
            "2019-08-01",
            "--broker",
            &format!("mqtt://127.0.0.1:{port}"),
            "--batch",
            &load.batch.to_string(),
            "--count",
            &load.observations.to_string(),
            "--confirm",
            load.confirm,
        ],
    )
}

/// The messages of a report like `confirmed 120 observations in 2 messages, 0 resent, …`.
fn messages(said: &str) -> Fallible<u64> {
    let words: Vec<&str> = said.split_whitespace().collect();
    let before = words
        .iter()
        .position(|word| *word == "messages,")
        .and_then(|at| at.checked_sub(1));
    before
        .and_then(|at| words[at].parse().ok())
        .ok_or_else(|| format!("the publisher printed no report:\n{said}"))
}

/// What the ingester says on the devices' confirmation topics.
struct Confirmations {
    connection: rumqttc::Connection,
    client: Client,
    reached: HashMap<String, u64>,
}

impl Confirmations {
    fn listen(port: u16) -> Self {
        let mut options = MqttOptions::new("bench-confirmations", "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(30));
        let (client, connection) = Client::new(options, 100);
        client.subscribe(ACKS, QoS::AtMostOnce).unwrap();
        let mut confirmations = Self {
            connection,
            client,
            reached: HashMap::new(),
        };
        while !matches!(
            confirmations.connection.recv(),
            Ok(Ok(Event::Incoming(Incoming::SubAck(_))))
        ) {}
        confirmations
    }

    /// Waits until so many observations are durable.
    fn wait(&mut self, observations: u64, ingester: &mut Running) -> Fallible<()> {
        while self.reached.values().sum::<u64>() < observations {
            match self.connection.recv_timeout(Duration::from_millis(200)) {
                Ok(Ok(Event::Incoming(Incoming::Publish(publish)))) => {
                    if let Some(ack) = Ack::from_json(&publish.payload) {
                        self.reached.insert(publish.topic, ack.seq);
                    }
                }
                Ok(Err(error)) => return Err(format!("the broker ended the connection: {error}")),
                _ if ingester.has_ended() => return Err(format!("the ingester ended:\n{}", ingester.said())),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Confirmations {
    fn drop(&mut self) {
        let _ = self.client.try_disconnect();
    }
}

/// Each observation must be in the table, once.
fn expect_rows(folder: &Path, want: u64) -> Fallible<()> {
    let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let fail = |e: &dyn std::fmt::Display| e.to_string();
        let settings = Settings::load(Some(&folder.join("dustwatch.toml"))).map_err(|e| fail(&e))?;
        let lake = Lake::new(&settings).map_err(|e| fail(&e))?;
        let session = Session::open(&lake, &settings).await.map_err(|e| fail(&e))?;
        let sql = "SELECT 1 FROM observations_rows";
        let frame = session.context().sql(sql).await.map_err(|e| fail(&e))?;
        let rows = frame.count().await.map_err(|e| fail(&e))? as u64;
        if rows == want {
            Ok(())
        } else {
            Err(format!("{want} observations were sent, the table has {rows}"))
        }
    })
}

/// The baseline: a persistent session, QoS 1, own acknowledgements, sent at once; counts the messages and forgets them.
fn forget(port: u16, messages: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut options = MqttOptions::new("bench-forgets", "127.0.0.1", port);
        options
            .set_keep_alive(Duration::from_secs(30))
            .set_clean_session(false)
            .set_manual_acks(true)
            .set_max_packet_size(ANY_SIZE, 64 * 1024);
        // Room for an acknowledgement of each packet id that there is.
        let (client, mut eventloop) = AsyncClient::new(options, 1 << 16);
        let mut network = eventloop.network_options.clone();
        network.set_tcp_nodelay(true);
        eventloop.set_network_options(network);
        client.subscribe(OBS, QoS::AtLeastOnce).await.unwrap();
        let mut counted = 0;
        while counted < messages {
            match eventloop.poll().await.unwrap() {
                Event::Incoming(Incoming::SubAck(_)) => println!("ready"),
                Event::Incoming(Incoming::Publish(publish)) => {
                    counted += 1;
                    client.try_ack(&publish).unwrap();
                }
                _ => {}
            }
        }
        println!("counted {counted}");
    });
}

fn line(figures: &Figures) -> Vec<String> {
    let observations = figures.load.observations as f64;
    let per_million = |cost: &Cost| format!("{:.2}", cost.cpu_seconds / observations * 1e6);
    let stored = |readings: f64, places: usize| match figures.subscriber {
        Subscriber::Forgets => "–".to_owned(),
        Subscriber::Ingester => {
            let data = figures.data as f64 / observations / readings;
            let log = figures.log as f64 / observations / readings;
            format!("{data:.places$} + {log:.places$} log")
        }
    };
    vec![
        match figures.subscriber {
            Subscriber::Forgets => "counts and forgets".to_owned(),
            Subscriber::Ingester => "`dustwatch ingest`".to_owned(),
        },
        figures.load.observations.to_string(),
        figures.load.batch.to_string(),
        figures.load.confirm.to_owned(),
        format!("{:.0}", figures.messages as f64 / figures.seconds),
        format!("{:.0}", observations / figures.seconds),
        per_million(&figures.cost),
        format!("{:.0}", figures.cost.peak_mib),
        stored(1.0, 2),
        stored(READINGS, 3),
        per_million(&figures.broker),
        per_million(&figures.publisher),
    ]
}
