//! Processes that are measured: what they cost, how large they grew; none outlives the value that stands for it.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Ticks a second in `/proc/PID/stat`: 100 on every Linux that matters.
const TICKS: f64 = 100.0;
const LONGEST: Duration = Duration::from_secs(600);

/// A program that is not there, or a process that did not do what it should.
pub(crate) type Fallible<T> = Result<T, String>;

/// A process that runs, and what it wrote so far.
#[derive(Debug)]
pub(crate) struct Running {
    name: String,
    child: Child,
    heard: Arc<Mutex<String>>,
    peak_kib: u64,
}

/// What a process cost in its life.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cost {
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_mib: f64,
    pub(crate) said: String,
}

impl Running {
    pub(crate) fn start(program: &Path, arguments: &[&str]) -> Fallible<Self> {
        let name = program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut child = Command::new(program)
            .args(arguments)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let heard = Arc::new(Mutex::new(String::new()));
        listen(child.stdout.take().unwrap(), heard.clone());
        listen(child.stderr.take().unwrap(), heard.clone());
        Ok(Self {
            name,
            child,
            heard,
            peak_kib: 0,
        })
    }

    pub(crate) fn said(&self) -> String {
        self.heard.lock().unwrap().clone()
    }

    /// Waits until its outputs contain a text.
    pub(crate) fn wait_for(&mut self, text: &str) -> Fallible<()> {
        let since = Instant::now();
        while !self.said().contains(text) {
            if self.has_ended() || since.elapsed() > LONGEST {
                return Err(format!("{} did not say {text:?}:\n{}", self.name, self.said()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// CPU seconds so far, of all its threads; also of a process that has ended and was not waited for.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let fields = self.stat();
        // Fields 14 and 15 of the line, utime and stime; the state is field 3.
        [11, 12]
            .iter()
            .filter_map(|at| fields.get(*at)?.parse::<f64>().ok())
            .sum::<f64>()
            / TICKS
    }

    fn stat(&self) -> Vec<String> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields = text.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default();
        fields.split_whitespace().map(str::to_owned).collect()
    }

    /// Whether it has ended; it stays readable in `/proc` until it is waited for.
    pub(crate) fn has_ended(&mut self) -> bool {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
        self.peak_kib = self.peak_kib.max(peak.unwrap_or(0));
        self.stat().first().is_none_or(|state| state == "Z")
    }

    /// Waits for its end; it must have worked.
    pub(crate) fn finish(mut self) -> Fallible<Cost> {
        let since = Instant::now();
        while !self.has_ended() {
            if since.elapsed() > LONGEST {
                return Err(format!("{} did not end:\n{}", self.name, self.said()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let cpu_seconds = self.cpu_seconds();
        let status = self.child.wait().map_err(|e| e.to_string())?;
        // The listeners end with the outputs.
        std::thread::sleep(Duration::from_millis(20));
        if !status.success() {
            return Err(format!("{} failed, {status}:\n{}", self.name, self.said()));
        }
        Ok(Cost {
            cpu_seconds,
            peak_mib: self.peak_kib as f64 / 1024.0,
            said: self.said(),
        })
    }

    /// Asks it to end, as an operator does, and waits.
    pub(crate) fn terminate(self) -> Fallible<Cost> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        if !sent.is_ok_and(|status| status.success()) {
            return Err(format!("cannot end {}:\n{}", self.name, self.said()));
        }
        self.finish()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(output: impl Read + Send + 'static, heard: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let mut heard = heard.lock().unwrap();
            heard.push_str(&line);
            heard.push('\n');
        }
    });
}

/// The command `dustwatch`.
pub(crate) fn dustwatch() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_dustwatch"))
}

/// The agent's program, which the workspace builds beside the command.
pub(crate) fn dustwatch_edge() -> Fallible<PathBuf> {
    let program = dustwatch().with_file_name("dustwatch-edge");
    if program.is_file() {
        Ok(program)
    } else {
        Err(format!(
            "{} is missing: run `cargo build --workspace --bins` first",
            program.display()
        ))
    }
}

/// A port of 127.0.0.1 that nobody listens at.
pub(crate) fn free_port() -> Fallible<u16> {
    let address = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(|e| e.to_string())
}

/// Writes the settings of an ingester whose journal and lake lie in the folder; gives the path of the file.
pub(crate) fn settings_file(folder: &Path, port: u16, embedded: bool) -> Fallible<String> {
    let file = folder.join("dustwatch.toml");
    let text = format!(
        "[broker]\nurl = \"mqtt://127.0.0.1:{port}\"\nembedded = {embedded}\n\
         [journal]\ndir = \"journal\"\n[lake]\nuri = \"lake\"\n"
    );
    std::fs::write(&file, text).map_err(|e| e.to_string())?;
    Ok(file.display().to_string())
}

/// A Mosquitto at a free port of 127.0.0.1, without limits on what it holds for a subscriber.
pub(crate) fn mosquitto(folder: &Path) -> Fallible<(Running, u16)> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"].map(PathBuf::from);
    let program = std::env::split_paths(&path)
        .chain(more)
        .map(|folder| folder.join("mosquitto"))
        .find(|program| program.is_file())
        .ok_or("mosquitto is not installed: run scripts/install-test-programs")?;
    let port = free_port()?;
    let settings = folder.join("mosquitto.conf");
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\npersistence false\n"
    );
    std::fs::write(&settings, text).map_err(|e| e.to_string())?;

    let mut broker = Running::start(&program, &["-c", &settings.display().to_string()])?;
    let since = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if broker.has_ended() || since.elapsed() > Duration::from_secs(20) {
            return Err(format!(
                "mosquitto does not answer at port {port}:\n{}",
                broker.said()
            ));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok((broker, port))
}

/// Bytes of all files in a folder.
pub(crate) fn bytes_of(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let size = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => bytes_of(&entry.path()),
        _ => entry.metadata().map_or(0, |m| m.len()),
    };
    entries.flatten().map(size).sum()
}

/// How busy the machine is, and with how many cores, to print beside figures.
pub(crate) fn machine() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores, load before the run {}", load.join(" "))
}
