//! Appending exactly once.
//!
//! Every commit carries an application transaction: the journal position that it reaches. A commit whose position the
//! table has already is not made again, and an error whose outcome is unknown is resolved by reading the log on. The
//! same entry is always tried first at the version after the last one known, so a put that lands late is found there
//! or finds its place taken. One appender a table and application id: the journal's lock sees to that. Several application
//! ids may append to a table at the same time: rows that were admitted against what others have written to their days
//! meanwhile are not appended, but given back to be admitted again.
//!
//! Between its commits the appender [follows](crate::follow) the log; what was written and is not named by it counts for
//! nothing.

use std::collections::BTreeSet;
use std::time::Instant;

use deltalake::DeltaTable;
use deltalake::arrow::array::RecordBatch;
use deltalake::kernel::{Action, Add, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use dustwatch_failpoint::{self as failpoint, Point};

use crate::entry::{CHECKPOINT_EVERY, Entry, Passed, Written, write_entry};
use crate::files::{remove_files, write_files, write_rows};
use crate::follow::{files_of, read_position};
use crate::history::{day_number, days_of};
use crate::{Lake, LakeError, ObservationRows, TableKind, TouchedDays, durable};

/// Times that rows are written anew when the table's columns change under them.
const REWRITES: u32 = 3;

/// A commit that is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// The table's version that holds the rows.
    pub version: u64,
    /// Rows that were added; 0 when the position had been committed before.
    pub rows: u64,
    /// Bytes of Parquet that were added.
    pub bytes: u64,
}

/// What is to be appended.
#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    Batches(&'a [RecordBatch]),
    Rows(&'a ObservationRows),
}

impl Source<'_> {
    fn rows(self) -> u64 {
        match self {
            Self::Batches(batches) => batches.iter().map(|b| b.num_rows() as u64).sum(),
            Self::Rows(rows) => rows.len() as u64,
        }
    }
}

/// What to do when another writer commits rows of the same days at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    /// Append behind it.
    Join,
    /// Append nothing.
    Yield,
}

/// Appends to one table under one application id.
#[derive(Debug)]
pub struct Appender {
    pub(crate) lake: Lake,
    pub(crate) kind: TableKind,
    pub(crate) app_id: String,
    /// The table as it was when it was read last: its columns hold, its files may be behind `version`.
    pub(crate) table: DeltaTable,
    pub(crate) updates: u32,
    /// The newest version known, and when it was seen to be the newest.
    pub(crate) version: u64,
    pub(crate) seen: Instant,
    pub(crate) position: Option<u64>,
    /// A commit ended in an error and may have landed.
    pub(crate) uncertain: bool,
    /// Columns or properties changed since the table was read.
    pub(crate) changed: bool,
    /// Log entries from this version on may not be on disk yet.
    pub(crate) unsynced: Option<u64>,
    /// Days that others touched since they were asked for last.
    pub(crate) foreign: TouchedDays,
    /// Every local day that may have rows.
    pub(crate) days: BTreeSet<i32>,
    /// Files that the version reads.
    pub(crate) files: usize,
    pub(crate) checkpoint: Option<tokio::task::JoinHandle<()>>,
}

impl Appender {
    /// Opens the table, made when it is not there, and reads how far this application id has come.
    ///
    /// # Errors
    /// As the lake's; see [`LakeError`].
    pub async fn open(lake: &Lake, kind: TableKind, app_id: &str) -> Result<Self, LakeError> {
        let table = lake.open_or_create(kind).await?;
        let position = read_position(&table, kind, app_id).await?;
        let version = table.version().unwrap_or(0);
        Ok(Self {
            lake: lake.clone(),
            kind,
            app_id: app_id.to_owned(),
            days: days_of(&table)?,
            files: files_of(&table),
            table,
            updates: 0,
            version,
            seen: Instant::now(),
            position,
            uncertain: false,
            changed: false,
            // A predecessor may have been killed between its commit and the sync.
            unsynced: Some(version),
            foreign: TouchedDays::none(),
            checkpoint: None,
        })
    }

    /// The journal position that the table has reached under this application id.
    pub fn position(&self) -> Option<u64> {
        self.position
    }

    /// The table's version that this appender knows.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Files that the table's version that this appender knows reads.
    pub fn files(&self) -> usize {
        self.files
    }

    /// The table, for reading what it held when it was last brought up to date.
    pub(crate) fn table(&self) -> &DeltaTable {
        &self.table
    }

    /// Every local day that may have rows.
    pub(crate) fn days(&self) -> &BTreeSet<i32> {
        &self.days
    }

    /// Makes rows part of the table, together with the journal position that they reach. When this returns `Ok`, the
    /// rows and the position are on disk, once. An empty list of batches moves the position only.
    ///
    /// # Errors
    /// [`LakeError::Store`], [`LakeError::Disk`]: the same call may be made again; should the first one have landed,
    /// the second only sees to it that it is on disk.
    pub async fn append(&mut self, batches: &[RecordBatch], position: u64) -> Result<Commit, LakeError> {
        self.append_from(Source::Batches(batches), position, Others::Join)
            .await
    }

    /// As [`Appender::append`], for rows of `observations`.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub async fn append_rows(&mut self, rows: &ObservationRows, position: u64) -> Result<Commit, LakeError> {
        self.append_from(Source::Rows(rows), position, Others::Join).await
    }

    /// As [`Appender::append_rows`], for rows that were admitted by [`Identity::admit`](crate::Identity::admit) just
    /// now: only if their days are still as they were when the rows were admitted.
    ///
    /// # Errors
    /// As [`Appender::append`]; [`LakeError::Overtaken`] when another writer changed one of them since, and nothing is
    /// appended.
    pub async fn append_admitted(
        &mut self,
        rows: &ObservationRows,
        position: u64,
    ) -> Result<Commit, LakeError> {
        self.append_from(Source::Rows(rows), position, Others::Yield)
            .await
    }

    async fn append_from(
        &mut self,
        source: Source<'_>,
        position: u64,
        others: Others,
    ) -> Result<Commit, LakeError> {
        self.sync_log()?;
        if self.uncertain {
            self.catch_up().await?;
        }
        let mut commit = Commit {
            version: self.version,
            rows: 0,
            bytes: 0,
        };
        if self.is_reached(position) {
            return Ok(commit);
        }
        self.find_newest().await?;
        commit.rows = source.rows();
        for _ in 0..REWRITES {
            if self.changed {
                self.reopen().await?;
            }
            let adds = self.write(source).await?;
            commit.bytes = adds.iter().map(|add| add.size.unsigned_abs()).sum();
            self.commit(adds, position, others).await?;
            if self.is_reached(position) {
                self.sync_log()?;
                commit.version = self.version;
                return Ok(commit);
            }
        }
        Err(LakeError::Layout {
            table: self.kind.name(),
            message: format!("its columns changed {REWRITES} times during one append"),
        })
    }

    fn is_reached(&self, position: u64) -> bool {
        self.position.is_some_and(|reached| reached >= position)
    }

    /// Sees to it that every log entry that may be ours is on disk.
    fn sync_log(&mut self) -> Result<(), LakeError> {
        let (Some(from), Some(folder)) = (self.unsynced, self.lake.table_folder(self.kind)) else {
            return Ok(());
        };
        (from..=self.version).try_for_each(|version| durable::sync_log_entry(&folder, version))?;
        self.unsynced = None;
        Ok(())
    }

    async fn write(&self, source: Source<'_>) -> Result<Vec<Add>, LakeError> {
        let adds = match source {
            Source::Batches(batches) => write_files(&self.table, self.kind, batches).await?,
            Source::Rows(rows) => write_rows(&self.table, rows).await?,
        };
        failpoint::pass(Point::FilesWritten);
        if let Some(folder) = self.lake.table_folder(self.kind) {
            durable::sync_files(&folder, &adds)?;
        }
        Ok(adds)
    }

    /// Commits files, unless the table's columns changed meanwhile: then the position is not reached.
    async fn commit(&mut self, adds: Vec<Add>, position: u64, others: Others) -> Result<(), LakeError> {
        let days: BTreeSet<i32> = adds.iter().filter_map(day_of_add).collect();
        let paths: Vec<String> = adds.iter().map(|add| add.path.clone()).collect();
        let is_overtaken = |foreign: &TouchedDays| others == Others::Yield && foreign.touches(&days);
        if is_overtaken(&self.foreign) {
            remove_files(&self.table, &paths).await;
            return Err(self.overtaken());
        }
        let app_id = self.app_id.clone();
        let mut passed = Vec::new();
        let pass = |entry: Entry| {
            let is_ours = entry.position(&app_id).is_some_and(|reached| reached >= position);
            let stop = is_ours || entry.changes_table() || is_overtaken(&entry.touched());
            passed.push(entry);
            if stop { Passed::Stop } else { Passed::Go }
        };
        let transaction = Transaction::new(&self.app_id, i64::try_from(position).unwrap_or(i64::MAX));
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: self.kind.partition().map(|column| vec![column.to_owned()]),
            predicate: None,
        };
        let actions = adds.into_iter().map(Action::Add).collect();
        let written = write_entry(
            &self.table,
            self.version,
            actions,
            operation,
            Some(transaction),
            pass,
        )
        .await;
        passed.iter().for_each(|entry| self.pass(entry));
        match written {
            Ok(Written::At(version)) => {
                failpoint::pass(Point::EntryWritten);
                self.landed(version, position, days, paths.len());
            }
            Ok(Written::Stopped) if !self.is_reached(position) => {
                remove_files(&self.table, &paths).await;
                if is_overtaken(&self.foreign) {
                    return Err(self.overtaken());
                }
            }
            Ok(Written::Stopped) => {}
            Err(error) => {
                self.uncertain = true;
                self.catch_up().await?;
                if !self.is_reached(position) {
                    return Err(LakeError::store(self.kind.name())(error));
                }
                tracing::warn!(table = self.kind.name(), position, %error, "commit landed in spite of its error");
            }
        }
        self.seen = Instant::now();
        Ok(())
    }

    fn landed(&mut self, version: u64, position: u64, days: BTreeSet<i32>, files: usize) {
        self.version = version;
        self.files += files;
        self.unsynced.get_or_insert(version);
        self.position = Some(position);
        self.days.extend(days);
        self.checkpoint_if_due(version);
    }

    fn overtaken(&self) -> LakeError {
        LakeError::Overtaken {
            table: self.kind.name(),
        }
    }

    /// Whoever commits a version that a checkpoint is due at makes it, beside the commits.
    fn checkpoint_if_due(&mut self, version: u64) {
        let is_running = self.checkpoint.as_ref().is_some_and(|task| !task.is_finished());
        if !version.is_multiple_of(CHECKPOINT_EVERY) || is_running {
            return;
        }
        let (lake, kind) = (self.lake.clone(), self.kind);
        self.checkpoint = Some(tokio::spawn(async move {
            if let Err(error) = lake.checkpoint(kind).await {
                tracing::warn!(table = kind.name(), %error, "no checkpoint was made; the next is tried later");
            }
        }));
    }
}

fn day_of_add(add: &Add) -> Option<i32> {
    let day = add.partition_values.get("day")?.as_deref()?;
    day_number(day)
}
