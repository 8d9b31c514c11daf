//! The agent's own disk: what was observed and not confirmed yet.
//!
//! A journal. Its id is the epoch, unless the spool once [went back in time](epoch), and a record's position is the
//! observation's number, so both survive restarts and never lie. Where an agent speaks for several devices, each has its own
//! `numbers`, which the records bear (`kept`). The `keeper` writes, syncs by group and truncates; the `feeder` reads what is
//! durable and offers it to the publisher; the `tracker` turns what is confirmed of each device into what may be truncated.
//!
//! Invariant: only what is durable is published, so a number never means two different observations.

mod epoch;
mod feeder;
mod file;
mod keeper;
mod kept;
mod numbers;
mod room;
mod tracker;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dustwatch_journal::{Journal, JournalOptions, OnDamage, Reader};
use dustwatch_observation::{Clock, DeviceId};
use tokio::sync::{mpsc, oneshot, watch};

use crate::EdgeError;
use crate::health::Health;
use crate::pack::Packet;
use crate::service::Pulse;
use epoch::EpochFile;
use feeder::Feeder;
pub(crate) use feeder::Head;
pub(crate) use file::SideFile;
use keeper::Keeper;
use numbers::{Numbers, Opened};
use room::Room;
pub use room::{SpoolLimits, WhenFull};
pub(crate) use tracker::Tracker;

/// A segment's size: small, since an agent's disk may be.
const SEGMENT_BYTES: u64 = 4 << 20;

/// An open spool that does not work yet.
pub struct Spool {
    journal: Journal,
    /// In a spool that several devices share.
    numbers: Option<Numbers>,
    device: String,
    epoch: String,
    epoch_file: EpochFile,
}

/// An observation on its way to the disk.
#[derive(Debug)]
pub(crate) struct Record {
    /// Whose it is.
    pub(crate) device: Arc<str>,
    /// Its JSON, without device, epoch and number.
    pub(crate) bytes: Vec<u8>,
    /// Told once it is on disk, if somebody waits for that.
    pub(crate) synced: Option<oneshot::Sender<()>>,
}

/// The ends of a spool that works.
pub(crate) struct SpoolEnds {
    /// Takes records; closing it means that no more will come.
    pub(crate) records: mpsc::Sender<Record>,
    /// Takes the number up to which everything is confirmed; dropping it ends the keeper.
    pub(crate) confirmed: watch::Sender<u64>,
    /// Tells that, after `records` was closed, everything is durable.
    pub(crate) settled: oneshot::Receiver<()>,
    /// The keeper.
    pub(crate) keeper: tokio::task::JoinHandle<Result<(), EdgeError>>,
}

impl Spool {
    /// Opens the spool in a folder, or begins one there, of this device; from now on others may `share` it. What a broken disk has lost is told in the log and passed over:
    /// an agent that stops measuring would lose more.
    ///
    /// # Errors
    /// [`EdgeError::SpoolOpen`], when it is in use by another agent, for one.
    pub fn open(dir: &Path, device: &DeviceId, shared: bool) -> Result<Self, EdgeError> {
        let options = JournalOptions {
            segment_bytes: SEGMENT_BYTES,
            on_damage: OnDamage::Skip,
            ..JournalOptions::default()
        };
        let (journal, recovery) = Journal::open(dir, options)?;
        if recovery.lost_records > 0 {
            tracing::error!(
                lost = recovery.lost_records,
                "the spool has lost records to a damaged disk"
            );
        }
        claim(dir, device, recovery.records)?;
        let epoch_file = EpochFile::new(dir, journal.id());
        let (epoch, numbers) = match Numbers::open(dir, device.as_str(), shared, &journal)? {
            Some(Opened {
                numbers,
                unknown: true,
            }) => (epoch_file.begin()?, Some(numbers)),
            Some(opened) => (epoch_file.read()?, Some(opened.numbers)),
            None => (epoch_file.read()?, None),
        };
        if let Some(numbers) = &numbers {
            numbers.save()?;
        }
        tracing::info!(
            dir = %dir.display(),
            epoch,
            unconfirmed = recovery.records,
            torn_bytes = recovery.torn_bytes,
            "spool open"
        );
        Ok(Self {
            journal,
            numbers,
            device: device.as_str().to_owned(),
            epoch,
            epoch_file,
        })
    }

    /// The epoch.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Gives the spool new epochs, also while it works.
    pub(crate) fn epoch_file(&self) -> EpochFile {
        self.epoch_file.clone()
    }

    /// How many observations it has taken so far.
    pub fn last(&self) -> u64 {
        self.journal.last().get()
    }

    /// The highest number used so far, by device.
    pub(crate) fn used(&self) -> HashMap<String, u64> {
        match &self.numbers {
            Some(numbers) => numbers.last().clone(),
            None => HashMap::from([(self.device.clone(), self.last())]),
        }
    }

    /// Starts to keep, on a thread of its own; `sync_interval` is the longest time that a record is only in memory.
    /// The feeder starts with [`start_feeding`]. What is too old already is given up.
    ///
    /// # Errors
    /// [`EdgeError::SpoolRead`] and [`EdgeError::SpoolTruncate`], when its disk fails.
    pub(crate) fn start(
        mut self,
        sync_interval: Duration,
        limits: SpoolLimits,
        clock: Arc<dyn Clock>,
        (pulse, health): (Pulse, Arc<Health>),
    ) -> Result<(SpoolEnds, Reader, watch::Receiver<u64>), EdgeError> {
        let mut room = Room::new(limits, clock);
        room.drop_old(&mut self.journal)?;
        let reader = self.journal.reader(self.journal.cut());
        let (records, receiver) = mpsc::channel(64);
        let (confirmed, confirmations) = watch::channel(self.journal.cut().get());
        let (durable, news) = watch::channel(self.journal.last().get());
        let (tell, settled) = oneshot::channel();
        let keeper = Keeper::new(
            (self.journal, self.numbers),
            (room, pulse, health),
            sync_interval,
            (durable, tell),
        );
        let runtime = tokio::runtime::Handle::current();
        let keeper =
            tokio::task::spawn_blocking(move || runtime.block_on(keeper.run(receiver, confirmations)));
        let ends = SpoolEnds {
            records,
            confirmed,
            settled,
            keeper,
        };
        Ok((ends, reader, news))
    }
}

/// Starts to offer what is durable, until the offers are closed.
pub(crate) fn start_feeding(
    head: Head,
    batch: usize,
    (reader, tracker): (Reader, Arc<Mutex<Tracker>>),
    durable: watch::Receiver<u64>,
    offers: mpsc::Sender<Packet>,
) -> tokio::task::JoinHandle<Result<(), EdgeError>> {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        runtime.block_on(Feeder::new(head, batch, reader, tracker).run(durable, offers))
    })
}

/// Sees to it that a spool with records is of this device: they would be published as another's otherwise.
fn claim(dir: &Path, device: &DeviceId, records: u64) -> Result<(), EdgeError> {
    let file = SideFile::new(dir, "device");
    let owner = file.read()?.unwrap_or_default();
    if owner == device.as_str() {
        return Ok(());
    }
    if !owner.is_empty() && records > 0 {
        return Err(EdgeError::Usage(format!(
            "the spool {} holds {records} observations of device {owner}, the configuration says {device}: let the \
             agent deliver them under the old name first, or give the new device a spool of its own",
            dir.display()
        )));
    }
    file.replace(device.as_str().as_bytes())
}
