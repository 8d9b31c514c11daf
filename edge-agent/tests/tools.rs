//! `replay` and `simulate` against a real broker: they end when everything is confirmed, and say how many.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Broker, Ingester, edge, finish, signal, spawn, stderr, stdout, wait_for, write};

const MAPPING: &str = r#"
device = "{station}"
time = { columns = ["year", "month", "day", "hour"], timezone = "Asia/Shanghai", label = "start" }
missing = ["NA"]
[columns]
pm25 = "PM2.5"
temperature = "TEMP"
"#;

/// Three stations, `hours` rows each, sorted by station as such tables are.
fn table(hours: u32) -> String {
    let mut text = "No,year,month,day,hour,PM2.5,TEMP,station\r\n".to_owned();
    for station in ["Gucheng", "Wanliu", "Dongsi"] {
        for hour in 0..hours {
            let pm25 = if hour % 9 == 0 {
                "NA".to_owned()
            } else {
                (hour % 300).to_string()
            };
            let (month, day, hour) = (3 + hour / 24 / 28, 1 + hour / 24 % 28, hour % 24);
            text += &format!("1,2013,{month},{day},{hour},{pm25},-0.{hour},{station}\r\n");
        }
    }
    text
}

#[test]
fn replay_ends_when_everything_is_confirmed_and_counts_bad_lines() {
    let broker = Broker::start();
    let ingester = Ingester::start(broker.port, 0);
    let folder = tempfile::tempdir().unwrap();
    let mapping = write(folder.path(), "mapping.toml", MAPPING);
    let bad = "1,2013,13,1,0,5,1,Gucheng\r\nonly,three,fields\r\n";
    let table = write(folder.path(), "table.csv", &(table(200) + bad));
    let mut command = edge();
    command
        .arg("replay")
        .arg(&table)
        .arg("--mapping")
        .arg(&mapping)
        .args(["--broker", &broker.url()]);
    let output = finish(spawn(&mut command));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stdout(&output).starts_with("confirmed 600 observations in 600 messages, 0 resent"),
        "{}",
        stdout(&output)
    );
    assert!(stdout(&output).contains("2 bad lines"), "{}", stdout(&output));
    assert!(
        stderr(&output).contains("line=602") && stderr(&output).contains("line=603"),
        "{}",
        stderr(&output)
    );
    ingester.with(|taken| {
        assert_eq!(taken.observations(), 600);
        assert_eq!(taken.streams.len(), 3, "one epoch a run");
        let (_, gucheng) = taken
            .streams
            .iter()
            .find(|((device, _), _)| device == "Gucheng")
            .unwrap();
        assert_eq!(
            gucheng[&2],
            r#"{"pm25":1,"seq":2,"temperature":-0.1,"time":"2013-03-01T01:00:00+08:00"}"#
        );
        assert_eq!(
            gucheng[&1], r#"{"seq":1,"temperature":0,"time":"2013-03-01T00:00:00+08:00"}"#,
            "NA is missing"
        );
    });
}

#[test]
fn replay_at_a_speed_merges_stations_by_time_and_stops_in_order() {
    let broker = Broker::start();
    let ingester = Ingester::start(broker.port, 0);
    let folder = tempfile::tempdir().unwrap();
    let mapping = write(folder.path(), "mapping.toml", MAPPING);
    let table = write(folder.path(), "table.csv", &table(200));
    let mut command = edge();
    command
        .arg("replay")
        .arg(&table)
        .arg("--mapping")
        .arg(&mapping)
        .args(["--broker", &broker.url()]);
    // Ten hours of the table a second.
    let child = spawn(command.args(["--speed", "36000"]));
    wait_for("some hours", || ingester.with(|t| t.observations() >= 12));
    signal(&child, "INT");
    let output = finish(child);
    assert!(
        output.status.success(),
        "what was sent is confirmed: {}",
        stderr(&output)
    );
    ingester.with(|taken| {
        let counts: Vec<usize> = taken
            .streams
            .values()
            .map(std::collections::BTreeMap::len)
            .collect();
        assert_eq!(counts.len(), 3);
        assert!(
            counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1,
            "{counts:?}"
        );
        assert!(taken.observations() < 300);
        assert!(stdout(&output).starts_with(&format!("confirmed {} observations", taken.observations())));
    });
}

#[test]
fn everything_arrives_though_the_broker_dies_in_the_middle() {
    let mut broker = Broker::start();
    let ingester = Ingester::start(broker.port, 0);
    let mut command = edge();
    command.args([
        "simulate",
        "--start",
        "2019-08-06",
        "--count",
        "6000",
        "--rate",
        "3000",
        "--resend-after",
        "1s",
    ]);
    let child = spawn(command.args(["--broker", &broker.url()]));
    wait_for("the first thousand", || {
        ingester.with(|t| t.observations() >= 1000)
    });
    broker.kill();
    std::thread::sleep(std::time::Duration::from_millis(300));
    broker.restart();
    let output = finish(child);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stdout(&output).starts_with("confirmed 6000 observations in 6000 messages"),
        "{}",
        stdout(&output)
    );
    ingester.with(|taken| {
        assert_eq!(taken.observations(), 6000);
        assert_eq!(taken.contradictions, Vec::<String>::new());
        for ((device, _), stream) in &taken.streams {
            assert_eq!(taken.contiguous(device), stream.len() as u64, "{device} has gaps");
        }
    });
}

#[test]
fn what_the_ingester_overlooks_is_sent_again() {
    let broker = Broker::start();
    let ingester = Ingester::start(broker.port, 7);
    let mut command = edge();
    command.args([
        "simulate",
        "--devices",
        "20",
        "--start",
        "2019-08-06",
        "--count",
        "2000",
        "--batch",
        "5",
    ]);
    let output = finish(spawn(command.args([
        "--resend-after",
        "1s",
        "--broker",
        &broker.url(),
    ])));
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.starts_with("confirmed 2000 observations in 40"), "{said}");
    assert!(!said.contains(" 0 resent"), "{said}");
    assert_eq!(ingester.with(|t| t.observations()), 2000);
}

#[test]
fn the_same_seed_sends_the_same_observations() {
    let broker = Broker::start();
    let ingester = Ingester::start(broker.port, 0);
    for epoch in ["a", "b"] {
        let mut command = edge();
        command.args([
            "simulate",
            "--devices",
            "5",
            "--start",
            "2019-08-06",
            "--count",
            "500",
            "--epoch",
            epoch,
        ]);
        let output = finish(spawn(command.args(["--seed", "9", "--broker", &broker.url()])));
        assert!(output.status.success(), "{}", stderr(&output));
    }
    ingester.with(|taken| {
        for ((device, epoch), stream) in &taken.streams {
            let other = if epoch == "a" { "b" } else { "a" };
            assert_eq!(
                Some(stream),
                taken.streams.get(&(device.clone(), other.to_owned()))
            );
        }
        assert_eq!(taken.observations(), 1000);
    });
}

#[test]
fn live_keeps_pace_with_the_clock() {
    let broker = Broker::start();
    let ingester = Ingester::start(broker.port, 0);
    let mut command = edge();
    command.args([
        "simulate",
        "--live",
        "--no-troubles",
        "--devices",
        "5",
        "--interval",
        "1s",
        "--count",
        "10",
    ]);
    let started = std::time::Instant::now();
    let output = finish(spawn(command.args(["--batch", "50", "--broker", &broker.url()])));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        started.elapsed() > std::time::Duration::from_millis(900),
        "two ticks are a second apart"
    );
    ingester.with(|taken| {
        assert_eq!(
            (taken.observations(), taken.messages),
            (10, 10),
            "nobody waits for company"
        )
    });
}

#[test]
fn a_broker_of_others_confirms_by_puback() {
    let broker = Broker::start();
    let mut command = edge();
    command.args([
        "simulate",
        "--devices",
        "3",
        "--start",
        "2019-08-06",
        "--count",
        "1000",
        "--confirm",
        "broker",
    ]);
    let output = finish(spawn(command.args(["--broker", &broker.url()])));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stdout(&output).starts_with("confirmed 1000 observations in 1000 messages, 0 resent, 0 unconfirmed")
    );
}

#[test]
fn without_an_ingester_it_gives_up_and_says_why() {
    let broker = Broker::start();
    let mut command = edge();
    command.args([
        "simulate",
        "--devices",
        "3",
        "--count",
        "10",
        "--give-up-after",
        "1s",
        "--broker",
        &broker.url(),
    ]);
    let output = finish(spawn(&mut command));
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("10 messages are not confirmed") && said.contains("is an ingester running"),
        "{said}"
    );
}

#[test]
fn wrong_usage_names_the_fault_and_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let table = write(folder.path(), "table.csv", &table(2));
    let wrong_key = write(folder.path(), "key.toml", "device = \"{station}\"\nspeed = 1\n");
    let wrong_column = write(folder.path(), "column.toml", &MAPPING.replace("PM2.5", "PM3"));
    let replay = |mapping: &std::path::Path, more: &[&str]| {
        let mut command = edge();
        command
            .arg("replay")
            .arg(&table)
            .arg("--mapping")
            .arg(mapping)
            .args(more);
        finish(spawn(&mut command))
    };
    for (output, part) in [
        (replay(&wrong_key, &[]), "key.toml: line 2"),
        (replay(&wrong_column, &[]), "no column \"PM3\""),
        (replay(&wrong_key, &["--broker", "nonsense"]), "mqtt://HOST:PORT"),
        (
            finish(spawn(edge().args(["simulate", "--interval", "7m"]))),
            "--interval",
        ),
        (
            finish(spawn(edge().args(["simulate", "--district", "1"]))),
            "6 digits",
        ),
        (finish(spawn(edge().args(["fly"]))), "unrecognized subcommand"),
    ] {
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(
            stderr(&output).contains(part),
            "{part} not in {}",
            stderr(&output)
        );
        assert_eq!(stdout(&output), "");
    }
}
