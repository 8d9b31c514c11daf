//! The name of a spool's numbering.
//!
//! It is the journal's id, until a confirmation proves that the spool went back in time: that a copy of its folder was
//! restored, or a damaged disk took its newest records. Then numbers would be given out twice, and what was confirmed
//! of the first would be believed of the second. So a new name is given, which the file `epoch` keeps; the numbers go
//! on, since an agent says with every message from which one on it still holds them.
//!
//! Invariant: a name is on disk before anything is sent under it, and is never given twice.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use super::SideFile;
use crate::EdgeError;

/// Keeps the epoch of a spool.
#[derive(Debug, Clone)]
pub(crate) struct EpochFile {
    file: SideFile,
    journal: String,
}

impl EpochFile {
    /// The one in a spool's folder whose journal has this id.
    pub(super) fn new(folder: &Path, journal: &str) -> Self {
        Self {
            file: SideFile::new(folder, "epoch"),
            journal: journal.to_owned(),
        }
    }

    /// The epoch in force.
    pub(super) fn read(&self) -> Result<String, EdgeError> {
        let kept = self.file.read()?;
        // One of another journal was left behind when the segments were taken away.
        let ours = kept.filter(|epoch| epoch.starts_with(&format!("{}-", self.journal)));
        Ok(ours.unwrap_or_else(|| self.journal.clone()))
    }

    /// Gives the spool a new epoch, which is on disk when this returns.
    pub(crate) fn begin(&self) -> Result<String, EdgeError> {
        let random = RandomState::new().hash_one(std::process::id()) as u32;
        let epoch = format!("{}-{random:08x}", self.journal);
        self.file.replace(epoch.as_bytes())?;
        Ok(epoch)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_new_epoch_stays_and_is_of_its_journal_alone() {
        let folder = tempfile::tempdir().unwrap();
        let epoch = EpochFile::new(folder.path(), "6f1c");
        assert_eq!(epoch.read().unwrap(), "6f1c");
        let first = epoch.begin().unwrap();
        assert!(first.starts_with("6f1c-"));
        assert_eq!(epoch.read().unwrap(), first);
        assert_ne!(epoch.begin().unwrap(), first);
        assert_eq!(
            EpochFile::new(folder.path(), "77aa").read().unwrap(),
            "77aa",
            "a journal begun anew has a name of its own"
        );
    }
}
