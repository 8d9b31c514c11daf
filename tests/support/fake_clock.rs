//! A clock that somebody sets: libfaketime between a process and the machine's.
//!
//! The time of day alone is set. What counts how much time passes goes on undisturbed, as it does when an operator or
//! NTP sets a machine's clock.

use std::path::{Path, PathBuf};
use std::process::Command;

const LIBRARY: &str = "libfaketimeMT.so.1";

/// The clock of every process that is started under it.
#[derive(Debug)]
pub(crate) struct FakeClock {
    file: PathBuf,
    library: PathBuf,
}

impl FakeClock {
    /// A clock that shows the machine's time; a file says how it is set.
    pub(crate) fn right(file: PathBuf) -> Self {
        let clock = Self {
            file,
            library: library(),
        };
        clock.set(0);
        clock
    }

    /// Sets it to so many seconds before or after the machine's time.
    pub(crate) fn set(&self, seconds: i64) {
        // In one step, so that nobody reads half of it.
        let fresh = self.file.with_extension("new");
        std::fs::write(&fresh, format!("{seconds:+}")).expect("a file can be written");
        std::fs::rename(&fresh, &self.file).expect("a file can be renamed");
    }

    /// Has a command live by it.
    pub(crate) fn give_to(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("FAKETIME_DISABLE_SHM", "1")
            .env("NO_FAKE_STAT", "1");
    }
}

fn library() -> PathBuf {
    let below = |folder: &str| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let architectures = below("/usr/lib").chain(below("/usr/lib64"));
    architectures
        .map(|entry| entry.path())
        .chain(["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from))
        .map(|folder| folder.join("faketime").join(LIBRARY))
        .find(|file| Path::is_file(file))
        .expect("libfaketime is not installed; `make test` installs it")
}
