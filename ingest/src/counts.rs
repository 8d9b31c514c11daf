//! Counts: what the limit of rejections did not keep in the running hour, kept beside the journal.
//!
//! Place on the way: with the commit. A row for each device and hour is written once the hour is over; until then the
//! counts would live in memory alone, and the messages that they stand for are cut from the journal with every commit. So
//! the counts of each batch are written, with the position that it reaches, before it is committed, and those of the
//! batch before stay beside them: whichever of the two positions the table has after a crash, the counts of that
//! position are there, and what follows it is counted again as the journal is replayed.
//!
//! Invariant: every message is counted once, whenever the process dies.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use dustwatch_journal::Position;
use serde::{Deserialize, Serialize};

/// What was not kept of each device in an hour.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Hour of UTC, since 1970.
    pub(crate) hour: i64,
    pub(crate) devices: BTreeMap<String, Unkept>,
}

impl Counts {
    /// Nothing yet, of an hour.
    pub(crate) fn of_hour(hour: i64) -> Self {
        Self {
            hour,
            devices: BTreeMap::new(),
        }
    }
}

/// Messages of a device that were counted only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unkept {
    /// When the last of them came, microseconds since 1970.
    pub(crate) received_at: i64,
    /// Local day of that, as days since 1970.
    pub(crate) day: i32,
    /// The beginning of the first one's topic.
    pub(crate) topic: String,
    /// Bytes of their payloads.
    pub(crate) bytes: u64,
    /// How many, by the code of the reason.
    pub(crate) reasons: BTreeMap<String, u64>,
}

/// Counts with the journal position that they reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    position: u64,
    counts: Counts,
}

/// What stands in the file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    journal: String,
    /// Of the last two batches, the older one first.
    batches: Vec<Kept>,
}

/// The file with the counts.
#[derive(Debug)]
pub(crate) struct CountsFile {
    file: PathBuf,
    content: Content,
    /// Whether there is nothing in the file that a later start could take for counts.
    is_blank: bool,
}

impl CountsFile {
    /// Reads the file of a journal, and what had been counted up to the position that the tables have reached.
    pub(crate) fn open(folder: &Path, journal: &str, reached: Position) -> (Self, Counts) {
        let file = folder.join("rejects.json");
        let read = std::fs::read(&file).map_err(|error| error.to_string());
        let content =
            read.and_then(|text| serde_json::from_slice::<Content>(&text).map_err(|error| error.to_string()));
        let content = match content {
            Ok(content) => content,
            Err(error) if file.exists() => {
                tracing::warn!(file = %file.display(), error, "counts of rejected messages not read, they begin anew");
                Content::default()
            }
            Err(_) => Content::default(),
        };
        // A journal begun anew counts its positions anew; what was counted before stays counted.
        let is_ours = content.journal == journal;
        let kept = content
            .batches
            .iter()
            .rev()
            .find(|kept| !is_ours || kept.position <= reached.get());
        let counts = kept.map(|kept| kept.counts.clone()).unwrap_or_default();
        let content = Content {
            journal: journal.to_owned(),
            batches: vec![Kept {
                position: reached.get(),
                counts: counts.clone(),
            }],
        };
        let file = Self {
            is_blank: !file.exists(),
            file,
            content,
        };
        (file, counts)
    }

    /// Writes the counts that go with a batch, before it is committed. Nothing is written as long as there are none.
    pub(crate) fn keep(&mut self, up_to: Position, counts: Counts) {
        let batches = &mut self.content.batches;
        batches.push(Kept {
            position: up_to.get(),
            counts,
        });
        let oldest = batches.len().saturating_sub(2);
        batches.drain(..oldest);
        let is_empty = batches.iter().all(|kept| kept.counts.devices.is_empty());
        if is_empty && self.is_blank {
            return;
        }
        match self.write() {
            Ok(()) => self.is_blank = is_empty,
            // A full disk costs the counts of an hour if the process is killed as well, and holds up nothing.
            Err(error) => {
                tracing::warn!(file = %self.file.display(), %error, "counts of rejected messages not written");
            }
        }
    }

    fn write(&self) -> std::io::Result<()> {
        let fresh = self.file.with_extension("new");
        let mut new = File::create(&fresh)?;
        new.write_all(&serde_json::to_vec(&self.content)?)?;
        new.sync_all()?;
        std::fs::rename(&fresh, &self.file)?;
        match self.file.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn counts(of: u64) -> Counts {
        let unkept = Unkept {
            received_at: 1,
            day: 0,
            topic: "t".to_owned(),
            bytes: 7,
            reasons: BTreeMap::from([("not_json".to_owned(), of)]),
        };
        Counts {
            hour: 5,
            devices: BTreeMap::from([("d".to_owned(), unkept)]),
        }
    }

    fn at(folder: &Path, journal: &str, reached: u64) -> Counts {
        CountsFile::open(folder, journal, Position::new(reached)).1
    }

    #[test]
    fn the_counts_of_the_position_that_the_table_has_are_there_whichever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (mut file, before) = CountsFile::open(folder.path(), "j", Position::ZERO);
        assert_eq!(before, Counts::default());
        file.keep(Position::new(10), Counts::of_hour(5));
        assert!(!folder.path().join("rejects.json").exists(), "nothing to keep");
        file.keep(Position::new(20), counts(3));
        file.keep(Position::new(30), counts(8));
        for (reached, expected) in [(20, counts(3)), (29, counts(3)), (30, counts(8)), (35, counts(8))] {
            assert_eq!(at(folder.path(), "j", reached), expected, "{reached}");
        }
        assert_eq!(at(folder.path(), "another", 1), counts(8), "a journal begun anew");
        let (mut file, _) = CountsFile::open(folder.path(), "j", Position::new(20));
        file.keep(Position::new(30), Counts::of_hour(6));
        assert_eq!(at(folder.path(), "j", 30), Counts::of_hour(6), "the hour is over");
        assert_eq!(at(folder.path(), "j", 20), counts(3));
        std::fs::write(folder.path().join("rejects.json"), "torn").unwrap();
        assert_eq!(at(folder.path(), "j", 30), Counts::default());
    }
}
