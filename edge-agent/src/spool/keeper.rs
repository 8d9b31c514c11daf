//! Writes records, syncs them by group, and gives up what is confirmed.
//!
//! A full disk, or a spool at its limit, slows the sources down and loses nothing that was taken: the record in hand is tried again,
//! while confirmations go on making room. By setting, the oldest records or the newest are given up instead ([`Room`]).

use std::sync::Arc;
use std::time::Duration;

use dustwatch_journal::{AppendError, Journal, Position, SyncError, TruncateError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::Record;
use super::kept::with_number;
use super::numbers::Numbers;
use super::room::{Room, WhenFull};
use crate::EdgeError;
use crate::health::Health;
use crate::service::{BEAT, Pulse};

/// How long to wait for space on a full disk.
const FULL_PAUSE: Duration = Duration::from_secs(1);
/// Records that are confirmed before a spool of several devices gives them up: writing its numbers down costs a sync.
const CUT_EVERY: u64 = 4096;

pub(super) struct Keeper {
    journal: Journal,
    /// In a spool that several devices share.
    numbers: Option<Numbers>,
    room: Room,
    pulse: Pulse,
    health: Arc<Health>,
    sync_interval: Duration,
    durable: watch::Sender<u64>,
    settled: Option<oneshot::Sender<()>>,
    /// Bytes of records since the last sync, about.
    unsynced: usize,
    /// When what is in memory has to be on the disk.
    sync_at: Option<Instant>,
    /// A record that the disk had no room for.
    in_hand: Option<Record>,
    /// Who waits for what was written since the last sync.
    waiting: Vec<oneshot::Sender<()>>,
    disk_full: bool,
}

impl Keeper {
    pub(super) fn new(
        (journal, numbers): (Journal, Option<Numbers>),
        (room, pulse, health): (Room, Pulse, Arc<Health>),
        sync_interval: Duration,
        (durable, settled): (watch::Sender<u64>, oneshot::Sender<()>),
    ) -> Self {
        let settled = Some(settled);
        Self {
            journal,
            numbers,
            room,
            pulse,
            health,
            sync_interval,
            durable,
            settled,
            unsynced: 0,
            sync_at: None,
            in_hand: None,
            waiting: Vec::new(),
            disk_full: false,
        }
    }

    /// Runs until nobody can confirm any more. Blocks on the disk: give it a thread.
    pub(super) async fn run(
        mut self,
        mut records: mpsc::Receiver<Record>,
        mut confirmed: watch::Receiver<u64>,
    ) -> Result<(), EdgeError> {
        let mut open = true;
        loop {
            self.pulse.beat();
            let sync_at = self.sync_at;
            tokio::select! {
                biased;
                () = until(sync_at) => self.sync()?,
                news = confirmed.changed() => {
                    let up_to = *confirmed.borrow_and_update();
                    let ended = news.is_err();
                    if ended || self.numbers.is_none() || up_to >= self.journal.cut().get() + CUT_EVERY {
                        self.give_up(up_to)?;
                    }
                    if ended {
                        break;
                    }
                }
                () = tokio::time::sleep(FULL_PAUSE), if self.in_hand.is_some() => self.retry()?,
                record = records.recv(), if open && self.in_hand.is_none() => match record {
                    Some(record) => self.append(record)?,
                    None => open = false,
                },
                () = tokio::time::sleep(BEAT) => {}
            }
            if !open && self.in_hand.is_none() {
                self.settle()?;
            }
        }
        self.sync()
    }

    fn append(&mut self, record: Record) -> Result<(), EdgeError> {
        self.room.drop_old(&mut self.journal)?;
        while self.room.lacks(&self.journal, self.unsynced + on_disk(&record)) {
            if self.room.when_full() == WhenFull::DropOldest && self.room.drop_oldest(&mut self.journal)? {
                continue;
            }
            return self.leave(record, "the spool is at its limit");
        }
        let appended = match &mut self.numbers {
            None => self.journal.append(&record.bytes),
            Some(numbers) => {
                let seq = numbers.next(&record.device);
                let appended = self
                    .journal
                    .append(&with_number(&record.device, seq, &record.bytes));
                if appended.is_ok() {
                    numbers.note(&record.device, seq);
                }
                appended
            }
        };
        match appended {
            Ok(_) => {
                self.unsynced += on_disk(&record);
                self.waiting.extend(record.synced);
                self.sync_at
                    .get_or_insert_with(|| Instant::now() + self.sync_interval);
                Ok(())
            }
            Err(AppendError::Full(failure)) => {
                let makes_room = self.room.when_full() == WhenFull::DropOldest;
                if makes_room && self.room.drop_oldest(&mut self.journal)? {
                    self.in_hand = Some(record);
                    return Ok(());
                }
                self.leave(record, &failure.to_string())
            }
            Err(AppendError::TooLarge { len, max }) => {
                tracing::error!(len, max, "an observation is too large for the spool and is lost");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// There is no room for a record: it waits, or goes.
    fn leave(&mut self, record: Record, why: &str) -> Result<(), EdgeError> {
        if self.room.when_full() == WhenFull::DropNewest {
            self.room.refuse_newest();
            return Ok(());
        }
        self.note_full(why);
        self.in_hand = Some(record);
        Ok(())
    }

    fn retry(&mut self) -> Result<(), EdgeError> {
        self.in_hand.take().map_or(Ok(()), |record| self.append(record))
    }

    fn sync(&mut self) -> Result<(), EdgeError> {
        match self.journal.sync() {
            Ok(position) => {
                (self.sync_at, self.unsynced) = (None, 0);
                if std::mem::take(&mut self.disk_full) {
                    tracing::info!("the spool has room again");
                }
                self.durable.send_replace(position.get());
                self.tell_health();
                for told in self.waiting.drain(..) {
                    // Who does not wait any more does not need to know.
                    let _ = told.send(());
                }
                Ok(())
            }
            Err(SyncError::Full(failure)) => {
                self.note_full(&failure.to_string());
                self.sync_at = Some(Instant::now() + FULL_PAUSE);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn tell_health(&self) {
        let records = self.journal.last().get() - self.journal.cut().get();
        self.health.spooled(records, self.journal.bytes());
    }

    fn note_full(&mut self, failure: &str) {
        if !std::mem::replace(&mut self.disk_full, true) {
            tracing::error!(failure, "the spool has no room; the sources have to wait");
        }
    }

    /// Everything up to a number is confirmed. That this is so need not be synced at once: a crash before costs a
    /// repetition only.
    fn give_up(&mut self, up_to: u64) -> Result<(), EdgeError> {
        if up_to > self.journal.cut().get() {
            self.write_numbers()?;
            match self.journal.truncate(Position::new(up_to)) {
                Ok(outcome) => {
                    tracing::debug!(
                        up_to,
                        segments = outcome.segments_removed,
                        "confirmed and given up"
                    );
                }
                // The records are given up; the file goes with the next cut.
                Err(TruncateError::Remove(failure)) => {
                    tracing::warn!(up_to, %failure, "a segment of the spool could not be removed");
                }
                Err(error) => return Err(error.into()),
            }
            self.tell_health();
            self.sync_at
                .get_or_insert_with(|| Instant::now() + self.sync_interval);
        }
        Ok(())
    }

    /// Before records go, the numbers that they bear are written down, if the journal alone would not tell them.
    fn write_numbers(&mut self) -> Result<(), EdgeError> {
        if self.numbers.is_none() {
            return Ok(());
        }
        self.sync()?;
        let Some(numbers) = self.numbers.as_ref().filter(|_| self.unsynced == 0) else {
            return self.forget_numbers();
        };
        match numbers.save() {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::error!(%error, "the numbers of the spool cannot be written down: after a restart they begin a new epoch");
                self.forget_numbers()
            }
        }
    }

    /// Numbers that are not known to be durable must not be believed after a restart.
    fn forget_numbers(&self) -> Result<(), EdgeError> {
        self.numbers.as_ref().map_or(Ok(()), Numbers::forget)
    }

    /// No record will come any more: everything becomes durable, and who waits for that learns of it.
    fn settle(&mut self) -> Result<(), EdgeError> {
        if self.settled.is_some() {
            self.sync()?;
            if self.sync_at.is_none() {
                self.settled.take().map(|tell| tell.send(()));
            }
        }
        Ok(())
    }
}

/// Bytes that a record takes on disk, with what the journal puts around it.
fn on_disk(record: &Record) -> usize {
    record.bytes.len() + 32
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
