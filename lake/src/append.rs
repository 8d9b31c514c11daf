//! Appending exactly once.
//!
//! Every commit carries an application transaction: the journal position that it reaches. A commit whose position the
//! table has already is not made again, and an error whose outcome is unknown is resolved by reading the table's
//! position back. One appender a table and application id: the journal's lock sees to that. Several application ids may
//! append to a table at the same time: rows that were admitted against what others have written meanwhile are not
//! appended, but given back to be admitted again.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::object_store::{ObjectStoreExt, path::Path};
use delta_kernel::expressions::Scalar;
use deltalake::arrow::array::{RecordBatch, new_null_array};
use deltalake::arrow::datatypes::{Schema, SchemaRef};
use deltalake::arrow::error::ArrowError;
use deltalake::kernel::engine::arrow_conversion::TryIntoArrow;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake::kernel::{Action, Add, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::writer::{DeltaWriter, RecordBatchWriter, WriteMode};
use deltalake::{DeltaTable, DeltaTableError};
use indexmap::IndexMap;

use crate::{Lake, LakeError, ObservationRows, TableKind, TouchedDays, durable, writer};

/// Commits after which the table is read afresh, so that memory does not grow with the log.
const REOPEN_AFTER: u32 = 500;

/// Rows that are Arrow at a time on their way to a file.
const SLICE_ROWS: usize = 32 * 1024;

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

/// What to do when another writer commits at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    /// Append behind it.
    Join,
    /// Append nothing.
    Yield,
}

/// Whether a commit was not made because another one has its version.
fn lost_the_race(error: &LakeError) -> bool {
    let LakeError::Store { cause, .. } = error else {
        return false;
    };
    matches!(
        **cause,
        DeltaTableError::Transaction {
            source: TransactionError::MaxCommitAttempts(_) | TransactionError::VersionAlreadyExists(_),
        } | DeltaTableError::VersionAlreadyExists(_)
    )
}

/// Appends to one table under one application id.
#[derive(Debug)]
pub struct Appender {
    lake: Lake,
    kind: TableKind,
    app_id: String,
    table: DeltaTable,
    position: Option<u64>,
    commits: u32,
    /// Log entries from this version on may not be on disk yet.
    unsynced: Option<u64>,
    /// Version after our last commit: what lies between it and the table's is others' work.
    own: u64,
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
            table,
            position,
            commits: 0,
            // A predecessor may have been killed between its commit and the sync.
            unsynced: Some(version),
            own: version,
        })
    }

    /// The journal position that the table has reached under this application id.
    pub fn position(&self) -> Option<u64> {
        self.position
    }

    /// The table's version that this appender knows.
    pub fn version(&self) -> u64 {
        self.table.version().unwrap_or(0)
    }

    /// Files that the table's version that this appender knows reads.
    pub fn files(&self) -> usize {
        self.table
            .snapshot()
            .map_or(0, |state| state.log_data().iter().count())
    }

    /// Takes note of what other writers have committed; the days that they touched.
    pub(crate) async fn foreign_days(&mut self) -> Result<TouchedDays, LakeError> {
        self.table
            .update_state()
            .await
            .map_err(LakeError::store(self.kind.name()))?;
        let now = self.version();
        let touched = if now == self.own {
            TouchedDays::Days(BTreeSet::new())
        } else {
            self.lake.touched_days(self.own, now).await?
        };
        self.own = now;
        Ok(touched)
    }

    /// The table, for reading what it held before the next commit.
    pub(crate) fn table(&self) -> &DeltaTable {
        &self.table
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
    /// now: only if the table is still the one that they were admitted to.
    ///
    /// # Errors
    /// As [`Appender::append`]; [`LakeError::Overtaken`] when another writer committed since, and nothing is appended.
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
        let mut commit = Commit {
            version: self.version(),
            rows: 0,
            bytes: 0,
        };
        if self.position.is_some_and(|reached| reached >= position) {
            return Ok(commit);
        }
        let overtaken = || LakeError::Overtaken {
            table: self.kind.name(),
        };
        if others == Others::Yield && self.version() != self.own {
            return Err(overtaken());
        }
        commit.rows = source.rows();
        let adds = self.write(source).await?;
        commit.bytes = adds.iter().map(|add| add.size.unsigned_abs()).sum();
        let base = self.version();
        let written: Vec<String> = adds.iter().map(|add| add.path.clone()).collect();
        if let Err(error) = self.commit(adds, position, others).await {
            // The commit may have landed all the same: ask the table.
            self.reopen().await?;
            if self.position.is_none_or(|reached| reached < position) {
                if others == Others::Yield && lost_the_race(&error) {
                    self.remove(&written).await;
                    return Err(LakeError::Overtaken {
                        table: self.kind.name(),
                    });
                }
                return Err(error);
            }
            tracing::warn!(table = self.kind.name(), position, %error, "commit landed in spite of its error");
        }
        self.position = Some(position);
        self.unsynced = Some(base + 1);
        if self.version() == base + 1 && self.own == base {
            self.own = base + 1;
        }
        self.sync_log()?;
        self.commits += 1;
        if self.commits.is_multiple_of(REOPEN_AFTER) {
            self.reopen().await?;
        }
        commit.version = self.version();
        Ok(commit)
    }

    /// Sees to it that every log entry that may be ours is on disk.
    fn sync_log(&mut self) -> Result<(), LakeError> {
        let (Some(from), Some(folder)) = (self.unsynced, self.lake.table_folder(self.kind)) else {
            return Ok(());
        };
        (from..=self.version()).try_for_each(|version| durable::sync_log_entry(&folder, version))?;
        self.unsynced = None;
        Ok(())
    }

    async fn write(&self, source: Source<'_>) -> Result<Vec<Add>, LakeError> {
        let adds = match source {
            Source::Batches(batches) => write_files(&self.table, self.kind, batches).await?,
            Source::Rows(rows) => write_rows(&self.table, rows).await?,
        };
        if let Some(folder) = self.lake.table_folder(self.kind) {
            durable::sync_files(&folder, &adds)?;
        }
        Ok(adds)
    }

    /// Takes away files that no commit names. What cannot be removed costs disk, not data.
    async fn remove(&self, files: &[String]) {
        let store = self.table.log_store().object_store(None);
        for file in files {
            // A log entry writes paths as they stand in an address.
            let Ok(path) = Path::from_url_path(file) else {
                continue;
            };
            if let Err(error) = store.delete(&path).await {
                tracing::warn!(file, %error, "a file that was not committed stays");
            }
        }
    }

    async fn commit(&mut self, adds: Vec<Add>, position: u64, others: Others) -> Result<(), LakeError> {
        let version = i64::try_from(position).unwrap_or(i64::MAX);
        let properties = CommitProperties::default()
            .with_application_transaction(Transaction::new(&self.app_id, version))
            .with_cleanup_expired_logs(Some(false));
        let properties = match others {
            Others::Join => properties,
            // The library's compare-and-swap.
            Others::Yield => properties.with_max_retries(0),
        };
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(vec![self.kind.partition().to_owned()]),
            predicate: None,
        };
        let name = self.kind.name();
        let state = self.table.snapshot().map_err(LakeError::store(name))?;
        let finalized = CommitBuilder::from(properties)
            .with_actions(adds.into_iter().map(Action::Add).collect())
            .build(Some(state), self.table.log_store(), operation)
            .await
            .map_err(LakeError::store(name))?;
        self.table.state = Some(finalized.snapshot());
        Ok(())
    }

    async fn reopen(&mut self) -> Result<(), LakeError> {
        self.table = self.lake.open_or_create(self.kind).await?;
        self.position = read_position(&self.table, self.kind, &self.app_id).await?;
        Ok(())
    }
}

/// Writes batches as sorted Parquet files, one a partition; nothing is committed yet.
pub(crate) async fn write_files(
    table: &DeltaTable,
    kind: TableKind,
    batches: &[RecordBatch],
) -> Result<Vec<Add>, LakeError> {
    let Some(first) = batches.iter().find(|b| b.num_rows() > 0) else {
        return Ok(Vec::new());
    };
    let all = deltalake::arrow::compute::concat_batches(&first.schema(), batches)
        .map_err(LakeError::arrow(kind.name()))?;
    let order: Vec<&str> = std::iter::once(kind.partition())
        .chain(kind.order().iter().copied())
        .collect();
    let all = writer::sorted(&all, &order).map_err(LakeError::arrow(kind.name()))?;
    let all = as_wide_as(table, &all).map_err(LakeError::arrow(kind.name()))?;
    let mut files = RecordBatchWriter::for_table(table)
        .map_err(LakeError::store(kind.name()))?
        .with_writer_properties(writer::properties(&all.schema()));
    files.write(all).await.map_err(LakeError::store(kind.name()))?;
    files.flush().await.map_err(LakeError::store(kind.name()))
}

/// Writes rows as sorted Parquet files, one a local day, a slice at a time; nothing is committed yet.
async fn write_rows(table: &DeltaTable, rows: &ObservationRows) -> Result<Vec<Add>, LakeError> {
    let kind = TableKind::Observations;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut files = RecordBatchWriter::for_table(table)
        .map_err(LakeError::store(kind.name()))?
        .with_writer_properties(writer::properties(rows.schema()));
    let order = rows.sorted();
    for day in order.chunk_by(|a, b| rows.day[*a as usize] == rows.day[*b as usize]) {
        let partition = IndexMap::from([(
            kind.partition().to_owned(),
            Scalar::Date(rows.day[day[0] as usize]),
        )]);
        for slice in day.chunks(SLICE_ROWS) {
            let batch = rows.batch(slice).map_err(LakeError::arrow(kind.name()))?;
            let batch = as_wide_as(table, &batch).map_err(LakeError::arrow(kind.name()))?;
            files
                .write_partition(batch, &partition, WriteMode::Default)
                .await
                .map_err(LakeError::store(kind.name()))?;
        }
    }
    files.flush().await.map_err(LakeError::store(kind.name()))
}

/// The batch with null columns where the table has parameters that this configuration does not.
fn as_wide_as(table: &DeltaTable, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = schema_of(table)?;
    let columns = schema
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            Some(column) => column.clone(),
            None => new_null_array(field.data_type(), batch.num_rows()),
        });
    RecordBatch::try_new(schema.clone(), columns.collect())
}

/// The columns that the table has.
pub(crate) fn schema_of(table: &DeltaTable) -> Result<SchemaRef, ArrowError> {
    let state = table
        .snapshot()
        .map_err(|e| ArrowError::ExternalError(Box::new(e)))?;
    let schema: Schema = state.schema().as_ref().try_into_arrow()?;
    Ok(Arc::new(schema))
}

pub(crate) async fn read_position(
    table: &DeltaTable,
    kind: TableKind,
    app_id: &str,
) -> Result<Option<u64>, LakeError> {
    let state = table.snapshot().map_err(LakeError::store(kind.name()))?;
    let version = state
        .transaction_version(table.log_store().as_ref(), app_id)
        .await
        .map_err(LakeError::store(kind.name()))?;
    Ok(version.and_then(|v| u64::try_from(v).ok()))
}
