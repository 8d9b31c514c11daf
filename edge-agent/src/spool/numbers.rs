//! The numbers of a spool that several devices share: each device's run from 1 without gaps.
//!
//! What is in the journal says which numbers it bears. What was cut off the journal is said by the file `numbers`, which is
//! written before each cut. Without that file (it was lost, or could not be written to a full disk, or the spool was one
//! device's until now) nobody knows what was given out, and the spool needs a new epoch.
//!
//! Invariant: in one epoch no number of a device is given out twice.

use std::collections::HashMap;
use std::path::Path;

use dustwatch_journal::Journal;

use super::SideFile;
use super::kept::Kept;
use crate::EdgeError;

/// The highest number that each device's observations have reached.
pub(super) struct Numbers {
    file: SideFile,
    last: HashMap<String, u64>,
}

/// The numbers of a spool that was opened.
pub(super) struct Opened {
    pub(super) numbers: Numbers,
    /// Whether nobody knows which numbers this epoch has given out.
    pub(super) unknown: bool,
}

impl Numbers {
    /// The numbers of a spool in this folder, if it is one that several devices share, or is to be `shared` from now on.
    /// `own` is the agent's own device.
    pub(super) fn open(
        folder: &Path,
        own: &str,
        shared: bool,
        journal: &Journal,
    ) -> Result<Option<Opened>, EdgeError> {
        let file = SideFile::new(folder, "numbers");
        let kept = file.read()?;
        if kept.is_none() && !shared {
            return Ok(None);
        }
        let known = kept.and_then(|kept| serde_json::from_str(&kept).ok());
        let unknown = known.is_none() && journal.last().get() > 0;
        let mut numbers = Numbers {
            file,
            last: known.unwrap_or_default(),
        };
        if unknown {
            // As long as the spool was the agent's own, positions were its device's numbers.
            numbers.last.insert(own.to_owned(), journal.last().get());
        }
        let mut reader = journal.reader(journal.cut());
        while let Some(record) = reader.next()? {
            let kept = Kept::of(&record.bytes, record.position.get());
            numbers.note(kept.device.unwrap_or(own), kept.seq);
        }
        Ok(Some(Opened { numbers, unknown }))
    }

    /// The number of a device's next observation.
    pub(super) fn next(&self, device: &str) -> u64 {
        self.last.get(device).map_or(1, |last| last + 1)
    }

    /// A number has been given out.
    pub(super) fn note(&mut self, device: &str, seq: u64) {
        match self.last.get_mut(device) {
            Some(last) => *last = seq.max(*last),
            None => {
                self.last.insert(device.to_owned(), seq);
            }
        }
    }

    /// The numbers given out, by device.
    pub(super) fn last(&self) -> &HashMap<String, u64> {
        &self.last
    }

    /// Writes the numbers down; all of them have to be durable in the journal.
    pub(super) fn save(&self) -> Result<(), EdgeError> {
        let text =
            serde_json::Value::from_iter(self.last.iter().map(|(device, last)| (device.as_str(), *last)));
        self.file.replace(text.to_string().as_bytes())
    }

    /// Takes away what was written down, so that the next start begins a new epoch.
    pub(super) fn forget(&self) -> Result<(), EdgeError> {
        self.file.remove()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use dustwatch_journal::{JournalOptions, Position};

    use super::super::kept::with_number;
    use super::*;

    fn open(folder: &Path, shared: bool) -> (Journal, Option<Opened>) {
        let (journal, _) = Journal::open(folder, JournalOptions::default()).unwrap();
        let opened = Numbers::open(folder, "own", shared, &journal).unwrap();
        (journal, opened)
    }

    #[test]
    fn numbers_go_on_after_what_was_cut_and_what_is_left() {
        let folder = tempfile::tempdir().unwrap();
        {
            let (mut journal, opened) = open(folder.path(), true);
            let Opened { mut numbers, unknown } = opened.unwrap();
            assert!(!unknown, "a new spool has given out nothing");
            for device in ["a", "b", "a", "own", "a"] {
                let seq = numbers.next(device);
                journal.append(&with_number(device, seq, b"{}")).unwrap();
                numbers.note(device, seq);
            }
            journal.sync().unwrap();
            numbers.save().unwrap();
            journal.truncate(Position::new(4)).unwrap();
            journal.append(&with_number("b", 2, b"{}")).unwrap();
            journal.sync().unwrap();
        }
        let (_journal, opened) = open(folder.path(), false);
        let Opened { numbers, unknown } = opened.unwrap();
        assert!(!unknown);
        let next = ["a", "b", "own", "c"].map(|device| numbers.next(device));
        assert_eq!(next, [4, 3, 2, 1]);
    }

    #[test]
    fn a_spool_that_was_one_devices_or_has_lost_its_numbers_is_told_from_one_that_knows() {
        let folder = tempfile::tempdir().unwrap();
        {
            let (mut journal, opened) = open(folder.path(), false);
            assert!(
                opened.is_none(),
                "one device needs no numbers beside the positions"
            );
            for _ in 0..3 {
                journal.append(b"{\"time\":1}").unwrap();
            }
            journal.sync().unwrap();
        }
        let (_journal, opened) = open(folder.path(), true);
        let Opened { numbers, unknown } = opened.unwrap();
        assert!(unknown);
        assert_eq!((numbers.next("own"), numbers.next("a")), (4, 1));
        numbers.save().unwrap();
        numbers.forget().unwrap();
        numbers.forget().unwrap();
    }
}
