//! A disk that is really full: a file system of a few megabytes in memory, mounted for a test.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system; it goes with this value, whoever still uses it.
#[derive(Debug)]
pub(crate) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one of so many megabytes at a folder, which is made.
    pub(crate) fn mount(folder: &Path, megabytes: u64) -> Self {
        std::fs::create_dir_all(folder).expect("a folder can be made");
        let size = format!("size={megabytes}m,mode=777");
        let done = as_root("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder)
            .output()
            .expect("mount can be started");
        assert!(
            done.status.success(),
            "this test needs a small disk of its own and must be root, or sudo without a password, to mount one; \
             in a container also the capability SYS_ADMIN: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Self {
            folder: folder.to_path_buf(),
        }
    }

    /// Leaves no byte free.
    pub(crate) fn fill(&self) {
        let mut file = File::create(self.filler()).expect("a file can be made");
        for piece in [64 * 1024, 4096, 1] {
            while file.write_all(&vec![1; piece]).is_ok() {}
        }
    }

    /// Gives the space back.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.filler()).expect("a file can be removed");
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = as_root("umount").arg("-l").arg(&self.folder).output();
    }
}

fn as_root(program: &str) -> Command {
    let user = Command::new("id").arg("-u").output().expect("id can be started");
    if user.stdout.trim_ascii() == b"0" {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}
