//! Processes: started, listened to, ended; none outlives the value that stands for it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longest that any command of a test may take.
const LONGEST: Duration = Duration::from_secs(150);
/// How long the outputs of a process that has ended may take to close.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What a process wrote to one of its outputs so far.
type Heard = Arc<Mutex<String>>;

/// A process that runs.
#[derive(Debug)]
pub(crate) struct Running {
    name: String,
    child: Child,
    stdout: Heard,
    stderr: Heard,
    listeners: Vec<JoinHandle<()>>,
    ended: Option<ExitStatus>,
}

/// What a process that has ended left behind.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    name: String,
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// Standard output of a command that must have worked.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        self.expect_code(0);
        self.stdout
    }

    #[track_caller]
    pub(crate) fn expect_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "exit status of {self}");
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            code,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "{name}: exit {code:?}\n--- stdout\n{}\n--- stderr\n{}",
            tail(stdout),
            tail(stderr)
        )
    }
}

impl Running {
    pub(crate) fn spawn(mut command: Command) -> Self {
        let name = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {name}: {e}"));
        let (stdout, stderr) = (Heard::default(), Heard::default());
        let listeners = vec![
            listen(child.stdout.take().expect("stdout is piped"), Arc::clone(&stdout)),
            listen(child.stderr.take().expect("stderr is piped"), Arc::clone(&stderr)),
        ];
        Self {
            name,
            child,
            stdout,
            stderr,
            listeners,
            ended: None,
        }
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Waits until a line of standard error fits.
    #[track_caller]
    pub(crate) fn wait_for_log(&mut self, what: &str, fits: impl Fn(&str) -> bool) {
        let since = Instant::now();
        loop {
            if self.stderr().lines().any(&fits) {
                return;
            }
            let ended = self.has_ended();
            if ended && self.stderr().lines().any(&fits) {
                return;
            }
            let waited = since.elapsed();
            assert!(
                !ended && waited < LONGEST,
                "{} did not say {what:?} ({waited:.1?}, ended: {ended}):\n{}",
                self.name,
                tail(&self.stderr())
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child can be asked");
        }
        self.ended.is_some()
    }

    /// Asks it to end, as an operator does.
    pub(crate) fn terminate(self) -> Output {
        self.signal("TERM");
        self.wait()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id();
        let done = Command::new("sh")
            .args(["-c", &format!("kill -{signal} {pid}")])
            .status();
        assert!(
            done.is_ok_and(|s| s.success()),
            "cannot send SIG{signal} to {}",
            self.name
        );
    }

    /// SIGKILL: it cannot do anything any more.
    pub(crate) fn kill(mut self) -> Output {
        self.child.kill().expect("a child can be killed");
        self.wait()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(self) -> Output {
        self.wait_at_most(LONGEST)
    }

    #[track_caller]
    pub(crate) fn wait_at_most(mut self, limit: Duration) -> Output {
        let since = Instant::now();
        while !self.has_ended() {
            assert!(
                since.elapsed() < limit,
                "{} did not end within {limit:?}:\n{}",
                self.name,
                tail(&self.stderr())
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        // A grandchild may keep the pipes open; what it says then is not waited for.
        let ended = Instant::now();
        while !self.listeners.iter().all(JoinHandle::is_finished) && ended.elapsed() < LAST_WORDS {
            std::thread::sleep(Duration::from_millis(2));
        }
        Output {
            name: self.name.clone(),
            code: self.ended.and_then(|status| status.code()),
            stdout: self.stdout.lock().unwrap().clone(),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!(
                "{} was still running; its log ends with\n{}",
                self.name,
                tail(&self.stderr())
            );
        }
    }
}

fn listen(output: impl Read + Send + 'static, heard: Heard) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            heard.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

/// The last lines of a text.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
