//! A real broker on a free port.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::process::Running;

/// What the broker still knows after it was stopped and started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    /// Sessions, queued and retained messages.
    OnDisk,
    /// Nothing.
    None,
}

/// A Mosquitto process.
#[derive(Debug)]
pub(crate) struct Mosquitto {
    port: u16,
    folder: TempDir,
    running: Option<Running>,
}

impl Mosquitto {
    /// Starts it with the settings that are shipped for TLS, the listener for certificates at one port, the one for
    /// passwords at the other, everything that they name in a folder; `more` is added to the access list.
    pub(crate) fn start_secured(ports: [u16; 2], files: &Path, more: &str) -> Self {
        let shipped = |name: &str| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("config/deploy")
                .join(name);
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        };
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let list = files.join("mosquitto.acl");
        std::fs::write(list, shipped("mosquitto.acl") + more).expect("a file can be written");
        let mut settings = shipped("mosquitto-tls.conf");
        for (theirs, ours) in [
            ("/etc/mosquitto/dustwatch", files.display().to_string()),
            ("/var/lib/mosquitto", folder.path().display().to_string()),
            ("listener 8883", format!("listener {} 127.0.0.1", ports[0])),
            ("listener 8884", format!("listener {} 127.0.0.1", ports[1])),
        ] {
            assert!(
                settings.contains(theirs),
                "the shipped settings do not say {theirs}"
            );
            settings = settings.replace(theirs, &ours);
        }
        Self::start_in(folder, ports[0], &format!("{settings}\nuser root\n"))
    }

    /// Starts it at a port of 127.0.0.1 and returns when it answers.
    pub(crate) fn start(port: u16, memory: Memory) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let persistence = match memory {
            Memory::OnDisk => {
                let location = folder.path().display();
                format!(
                    "persistence true\npersistence_location {location}/\nautosave_interval 1\nautosave_on_changes true\n"
                )
            }
            Memory::None => "persistence false\n".to_owned(),
        };
        let settings = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\nmax_inflight_messages 0\nmax_queued_messages 0\n{persistence}"
        );
        Self::start_in(folder, port, &settings)
    }

    fn start_in(folder: TempDir, port: u16, settings: &str) -> Self {
        std::fs::write(folder.path().join("mosquitto.conf"), settings).expect("a file can be written");
        let mut broker = Self {
            port,
            folder,
            running: None,
        };
        broker.restart();
        broker
    }

    /// Writes a file of passwords, of one user.
    pub(crate) fn write_password(file: &Path, user: &str, password: &str) {
        let mut command = Command::new(program().with_file_name("mosquitto_passwd"));
        if !Path::new(command.get_program()).is_file() {
            command = Command::new("mosquitto_passwd");
        }
        command.args(["-c", "-b"]).arg(file).args([user, password]);
        Running::spawn(command).wait().expect_code(0);
    }

    /// Ends it at once, as a power cut does.
    pub(crate) fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.kill();
        }
    }

    /// Starts it again with the same settings.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let mut command = Command::new(program());
        command.arg("-c").arg(self.folder.path().join("mosquitto.conf"));
        let mut running = Running::spawn(command);
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                !running.has_ended() && since.elapsed() < Duration::from_secs(20),
                "mosquitto does not answer at port {}:\n{}",
                self.port,
                running.stderr()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        self.running = Some(running);
    }
}

/// A port that nobody listens at.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("a listener has an address").port()
}

fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(more)
        .map(|folder| folder.join("mosquitto"))
        .find(|program| program.is_file())
        .expect("the broker mosquitto is not installed; `make test` installs it")
}
