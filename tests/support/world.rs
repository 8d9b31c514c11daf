//! A district in a temporary folder: its settings, its tables, and the commands that work on it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::csv::Table;
use super::fake_clock::FakeClock;
use super::mosquitto::free_port;
use super::process::{Output, Running};

/// Longest wait for something that is on its way.
const SOON: Duration = Duration::from_secs(60);

/// A township, as a line of `townships.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Township {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) district: String,
}

/// A monitor, as a line of `stations.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Station {
    pub(crate) device: String,
    pub(crate) kind: String,
    pub(crate) township: String,
    pub(crate) interval: String,
}

/// What is particular to a district.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub(crate) district: String,
    pub(crate) townships: Vec<Township>,
    pub(crate) stations: Vec<Station>,
    /// Further lines of `[district]`, `[broker]`.
    pub(crate) district_keys: String,
    pub(crate) broker_keys: String,
    /// Further lines of `[journal]`, `[lake]`.
    pub(crate) journal_keys: String,
    pub(crate) lake_keys: String,
    /// Whether the broker's address says `mqtts://`.
    pub(crate) tls: bool,
}

impl Place {
    pub(crate) fn new(district: &str) -> Self {
        Self {
            district: district.to_owned(),
            ..Self::default()
        }
    }

    /// With a township, in the district that its code begins with.
    pub(crate) fn township(mut self, code: &str, name: &str) -> Self {
        self.townships.push(Township {
            code: code.to_owned(),
            name: name.to_owned(),
            district: code[..6].to_owned(),
        });
        self
    }

    pub(crate) fn station(mut self, device: &str, kind: &str, township: &str, interval: &str) -> Self {
        self.stations.push(Station {
            device: device.to_owned(),
            kind: kind.to_owned(),
            township: township.to_owned(),
            interval: interval.to_owned(),
        });
        self
    }
}

/// A district with its settings on disk.
#[derive(Debug)]
pub(crate) struct World {
    folder: TempDir,
    port: u16,
    /// The clock that every `dustwatch` of this world lives by, if not the machine's; agents have machines of their own.
    clock: Option<FakeClock>,
}

impl World {
    pub(crate) fn new(place: &Place) -> Self {
        let world = Self {
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            port: free_port(),
            clock: None,
        };
        let mut townships = "code,name,district\n".to_owned();
        for Township { code, name, district } in &place.townships {
            townships += &format!("{code},{name},{district}\n");
        }
        let mut stations = "device,name,kind,township,interval\n".to_owned();
        for Station {
            device,
            kind,
            township,
            interval,
        } in &place.stations
        {
            stations += &format!("{device},{device} 监测站,{kind},{township},{interval}\n");
        }
        world.write("townships.csv", &townships);
        world.write("stations.csv", &stations);
        let settings = format!(
            "[district]\ncode = \"{}\"\nname = \"某区\"\ntownships = \"townships.csv\"\nstations = \"stations.csv\"\n{}\n\
             [broker]\nurl = \"{}://127.0.0.1:{}\"\n{}\n[journal]\ndir = \"journal\"\n{}\n\
             [lake]\nuri = \"lake\"\n{}\nshutdown_seconds = 10\n\n\
             [serve]\nmetrics_listen = \"127.0.0.1:0\"\n",
            place.district,
            place.district_keys,
            if place.tls { "mqtts" } else { "mqtt" },
            world.port,
            place.broker_keys,
            place.journal_keys,
            if place.lake_keys.is_empty() {
                "commit_interval_seconds = 1"
            } else {
                &place.lake_keys
            }
        );
        world.write("dustwatch.toml", &settings);
        world
    }

    /// With a clock that may be set, and shows the right time.
    pub(crate) fn with_clock(mut self) -> Self {
        self.clock = Some(FakeClock::right(self.path("clock")));
        self
    }

    /// Sets its clock to so many seconds before or after the machine's.
    pub(crate) fn set_clock(&self, seconds: i64) {
        self.clock.as_ref().expect("it has a clock").set(seconds);
    }

    /// Where its broker is to listen.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn lake(&self) -> PathBuf {
        self.path("lake")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a file can be written");
        path
    }

    /// `dustwatch ARGUMENTS --config dustwatch.toml`, to its end.
    pub(crate) fn dustwatch(&self, arguments: &[&str]) -> Output {
        let config = self.path("dustwatch.toml").display().to_string();
        self.bare_dustwatch(&[arguments, &["--config", &config]].concat())
    }

    /// `dustwatch ARGUMENTS`, to its end.
    pub(crate) fn bare_dustwatch(&self, arguments: &[&str]) -> Output {
        let mut command = self.dustwatch_command();
        command.args(arguments);
        Running::spawn(command).wait()
    }

    /// `dustwatch ARGUMENTS --config dustwatch.toml`, still running.
    pub(crate) fn spawn_dustwatch(&self, arguments: &[&str]) -> Running {
        let mut command = self.dustwatch_command();
        command
            .args(arguments)
            .arg("--config")
            .arg(self.path("dustwatch.toml"));
        Running::spawn(command)
    }

    /// The answer to a question in SQL.
    #[track_caller]
    pub(crate) fn query(&self, sql: &str) -> Table {
        Table::parse(&self.dustwatch(&["query", sql, "--format", "csv"]).ok())
    }

    /// `dustwatch ingest`, which may not be ready yet.
    pub(crate) fn spawn_ingest(&self) -> Running {
        self.spawn_ingest_with("dustwatch.toml", &[])
    }

    /// `dustwatch ingest OPTIONS` with settings of its own, which may not be ready yet.
    pub(crate) fn spawn_ingest_with(&self, config: &str, options: &[&str]) -> Running {
        let mut command = self.dustwatch_command();
        command
            .args(["ingest", "--log-format", "json", "--config"])
            .arg(self.path(config))
            .args(options);
        Running::spawn(command)
    }

    /// `dustwatch ingest`, which will stop dead at the pass of a fail point: `journal_synced:3`.
    pub(crate) fn spawn_failing_ingest(&self, at: &str) -> Running {
        self.spawn_failing(&["ingest", "--log-format", "json"], at)
    }

    /// `dustwatch ARGUMENTS`, which will stop dead at the pass of a fail point.
    pub(crate) fn spawn_failing(&self, arguments: &[&str], at: &str) -> Running {
        let mut command = self.dustwatch_command();
        command
            .args(arguments)
            .arg("--config")
            .arg(self.path("dustwatch.toml"))
            .env("DUSTWATCH_FAIL_AT", at);
        Running::spawn(command)
    }

    /// Entries of the log of the table `observations`: nothing of it is cleaned up during a test.
    fn entries(&self) -> impl Iterator<Item = PathBuf> {
        let log = self.lake().join("observations/_delta_log");
        let entries = std::fs::read_dir(log).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
    }

    /// Versions that the table `observations` has had.
    pub(crate) fn commits(&self) -> usize {
        self.entries().count()
    }

    /// The entry of its newest version.
    pub(crate) fn newest_entry(&self) -> PathBuf {
        self.entries().max().expect("there is a table")
    }

    /// Waits until so many commits more than now are in the table: the middle of a load.
    #[track_caller]
    pub(crate) fn wait_for_commits(&self, more: usize) {
        self.wait_until_commits(self.commits() + more);
    }

    /// Waits until there are so many.
    #[track_caller]
    pub(crate) fn wait_until_commits(&self, count: usize) {
        let since = Instant::now();
        while self.commits() < count {
            let waited = since.elapsed();
            assert!(
                waited < SOON,
                "{} commits of {count} after {waited:.1?}",
                self.commits()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// `dustwatch-edge ARGUMENTS`, with the broker's password in the environment, if there is one.
    pub(crate) fn spawn_edge(&self, arguments: &[&str], password: Option<&str>) -> Running {
        let mut command = self.command(&edge_program());
        command
            .args(arguments)
            .envs(password.map(|word| ("DUSTWATCH_BROKER_PASSWORD", word)));
        Running::spawn(command)
    }

    /// `dustwatch ingest`, subscribed.
    #[track_caller]
    pub(crate) fn start_ingest(&self) -> Running {
        let mut ingest = self.spawn_ingest();
        wait_until_ready(&mut ingest);
        ingest
    }

    /// `dustwatch-edge replay` of tables, still running.
    pub(crate) fn spawn_replay(&self, files: &[PathBuf], mapping: &Path, options: &[&str]) -> Running {
        let mut command = self.command(&edge_program());
        command
            .arg("replay")
            .args(files)
            .arg("--mapping")
            .arg(mapping)
            .args(["--broker", &format!("mqtt://127.0.0.1:{}", self.port)])
            .args(options);
        Running::spawn(command)
    }

    fn dustwatch_command(&self) -> Command {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_dustwatch")));
        if let Some(clock) = &self.clock {
            clock.give_to(&mut command);
        }
        command
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env_remove("RUST_LOG")
            .env_remove("DUSTWATCH_FAIL_AT")
            .env_remove("DUSTWATCH_BROKER_PASSWORD");
        command
    }
}

/// With `DUSTWATCH_TEST_KEEP` in the environment, the folder of a test that fails stays, to be looked into.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("DUSTWATCH_TEST_KEEP").is_some() {
            eprintln!("kept: {}", self.folder.path().display());
            self.folder.disable_cleanup(true);
        }
    }
}

/// The observations that a replay says were confirmed: `confirmed 120 observations in …`.
#[track_caller]
pub(crate) fn confirmed(stdout: &str) -> u64 {
    let mut words = stdout.split_whitespace();
    let count = words.find(|word| *word == "confirmed").and_then(|_| words.next());
    count
        .and_then(|count| count.parse().ok())
        .unwrap_or_else(|| panic!("a replay prints how many were confirmed, not {stdout:?}"))
}

/// Waits until an ingester is subscribed; before that, a signal may meet a process that does not listen yet.
#[track_caller]
pub(crate) fn wait_until_ready(ingest: &mut Running) {
    ingest.wait_for_log("ready", says_ready);
}

fn says_ready(line: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(line)
        .is_ok_and(|event| event["message"] == "ready" || event["fields"]["message"] == "ready")
}

/// The agent's binary, which the workspace builds beside the command's.
fn edge_program() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_dustwatch")).with_file_name("dustwatch-edge");
    assert!(
        program.is_file(),
        "{} is missing: run `cargo build --workspace --bins` first (make test does)",
        program.display()
    );
    program
}
