//! Small files beside the journal, each replaced as a whole.
//!
//! Invariant: after a power cut a file has its old content or its new one, and once `replace` has returned, its new one.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::EdgeError;

/// A file in a spool's folder.
#[derive(Debug, Clone)]
pub(crate) struct SideFile {
    folder: PathBuf,
    name: &'static str,
}

impl SideFile {
    /// The one of this name.
    pub(crate) fn new(folder: &Path, name: &'static str) -> Self {
        Self {
            folder: folder.to_path_buf(),
            name,
        }
    }

    /// The content; none when there is no such file.
    pub(crate) fn read(&self) -> Result<Option<String>, EdgeError> {
        match std::fs::read_to_string(self.path()) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.error("read", source)),
        }
    }

    /// Gives the file this content, which is on disk when this returns.
    pub(crate) fn replace(&self, content: &[u8]) -> Result<(), EdgeError> {
        let fresh = self.folder.join(format!("{}.new", self.name));
        File::create(&fresh)
            .and_then(|mut new| {
                new.write_all(content)?;
                new.sync_all()
            })
            .and_then(|()| std::fs::rename(&fresh, self.path()))
            .and_then(|()| File::open(&self.folder)?.sync_all())
            .map_err(|source| self.error("write", source))
    }

    /// Takes the file away, if it is there; that is on disk when this returns.
    pub(crate) fn remove(&self) -> Result<(), EdgeError> {
        match std::fs::remove_file(self.path()) {
            Ok(()) => {
                let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
                synced.map_err(|source| self.error("remove", source))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(source) => Err(self.error("remove", source)),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(self.name)
    }

    fn error(&self, action: &'static str, source: std::io::Error) -> EdgeError {
        EdgeError::Io {
            action,
            path: self.path(),
            source,
        }
    }
}
