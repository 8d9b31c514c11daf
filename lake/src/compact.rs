//! Compaction: the many small files of a day become one sorted file.
//!
//! Place on the way: beside it. An ingester writes a file every few seconds, which is what it takes to lose nothing; a
//! day that is over is rewritten once, and the day that runs whenever its files have become many. So the table has
//! hundreds of files, not millions, and neighbouring rows of a device lie together.
//!
//! Invariants: the rows stay what they are, all of them, corrections and what they corrected; the commit says that no
//! data changed, so neither rollups nor identity look at the day again; appends at the same time go through; memory is
//! bounded, and what does not fit is sorted on disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::execution::context::{SessionConfig, SessionContext};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{col, lit};
use delta_kernel::expressions::Scalar;
use deltalake::DeltaTable;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Add, LogicalFileView};
use deltalake::protocol::DeltaOperation;
use deltalake::writer::{DeltaWriter, RecordBatchWriter, WriteMode};
use futures::StreamExt;
use indexmap::IndexMap;

use crate::history::day_of;
use crate::{Lake, LakeError, TableKind, durable, writer};

/// Bytes of a file that is large enough.
const TARGET_BYTES: u64 = 128 << 20;
/// Memory for sorting; more goes to disk.
const SORT_BYTES: usize = 96 << 20;

/// Which days are worth rewriting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactWhen {
    /// Days before this one (days since 1970) are over.
    pub today: i32,
    /// Files that a day may have while it runs.
    pub open_day_files: usize,
}

/// What a compaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Days rewritten.
    pub days: u64,
    /// Files that were replaced.
    pub files_before: u64,
    /// Files in their place.
    pub files_after: u64,
    /// Bytes of the replaced files.
    pub bytes_before: u64,
    /// Bytes of the new files.
    pub bytes_after: u64,
}

/// The files of one day.
#[derive(Debug, Default)]
struct DayFiles {
    files: usize,
    bytes: u64,
}

impl CompactWhen {
    fn is_worth_it(self, day: i32, of: &DayFiles) -> bool {
        let large = (of.bytes / TARGET_BYTES) as usize;
        let allowed = if day < self.today { 1 } else { self.open_day_files };
        of.files > allowed + large
    }
}

impl Lake {
    /// Rewrites days of `observations` or `rejected` whose files are too many, one commit a day, oldest first.
    ///
    /// # Errors
    /// [`LakeError::Store`], [`LakeError::Disk`]: the day at hand is as it was, those before it are done. Another
    /// compaction at the same time makes one of the two fail so.
    pub async fn compact(&self, kind: TableKind, when: CompactWhen) -> Result<Compacted, LakeError> {
        let mut done = Compacted::default();
        let Some(mut table) = self.existing(kind).await? else {
            return Ok(done);
        };
        let mut days: BTreeMap<i32, DayFiles> = BTreeMap::new();
        for file in files(&table, kind)? {
            if let Some(day) = day_of(&file) {
                let of = days.entry(day).or_default();
                of.files += 1;
                of.bytes += file.size().unsigned_abs();
            }
        }
        for (day, _) in days.into_iter().filter(|(day, of)| when.is_worth_it(*day, of)) {
            self.compact_day(kind, &mut table, day, &mut done).await?;
        }
        Ok(done)
    }

    async fn compact_day(
        &self,
        kind: TableKind,
        table: &mut DeltaTable,
        day: i32,
        done: &mut Compacted,
    ) -> Result<(), LakeError> {
        let fail = LakeError::store(kind.name());
        table.update_state().await.map_err(fail)?;
        let old: Vec<LogicalFileView> = files(table, kind)?
            .into_iter()
            .filter(|file| day_of(file) == Some(day))
            .collect();
        let rows_before: usize = old.iter().filter_map(LogicalFileView::num_records).sum();
        let (adds, rows) = rewrite(table, kind, day).await?;
        if rows != rows_before {
            return Err(LakeError::Layout {
                table: kind.name(),
                message: format!("the files of day {day} have {rows} rows, their log says {rows_before}"),
            });
        }
        if let Some(folder) = self.table_folder(kind) {
            durable::sync_files(&folder, &adds)?;
        }
        done.days += 1;
        done.files_before += old.len() as u64;
        done.files_after += adds.len() as u64;
        done.bytes_before += old.iter().map(|file| file.size().unsigned_abs()).sum::<u64>();
        done.bytes_after += adds.iter().map(|add| add.size.unsigned_abs()).sum::<u64>();
        let actions = old
            .iter()
            .map(|file| Action::Remove(file.remove_action(false)))
            .chain(adds.into_iter().map(|add| {
                Action::Add(Add {
                    data_change: false,
                    ..add
                })
            }))
            .collect();
        let version = commit(table, kind, actions).await?;
        if let Some(folder) = self.table_folder(kind) {
            durable::sync_log_entry(&folder, version)?;
        }
        Ok(())
    }
}

fn files(table: &DeltaTable, kind: TableKind) -> Result<Vec<LogicalFileView>, LakeError> {
    let state = table.snapshot().map_err(LakeError::store(kind.name()))?;
    Ok(state.log_data().iter().collect())
}

/// Writes the rows of a day into new files, sorted; how many rows they are.
async fn rewrite(table: &DeltaTable, kind: TableKind, day: i32) -> Result<(Vec<Add>, usize), LakeError> {
    let (scan, store) = (LakeError::scan(kind.name()), LakeError::store(kind.name()));
    let provider = table.table_provider().await.map_err(scan)?;
    let order = kind.order().iter().map(|name| col(*name).sort(true, true));
    let frame = sorting_context()
        .and_then(|context| context.read_table(provider))
        .and_then(|frame| frame.filter(col("day").eq(lit(ScalarValue::Date32(Some(day))))))
        .and_then(|frame| frame.sort(order.collect()))
        .map_err(LakeError::scan(kind.name()))?;
    let mut stream = frame
        .execute_stream()
        .await
        .map_err(LakeError::scan(kind.name()))?;
    let schema = crate::files::schema_of(table).map_err(LakeError::arrow(kind.name()))?;
    let mut files = RecordBatchWriter::for_table(table)
        .map_err(store)?
        .with_writer_properties(writer::sorted_properties(&schema, kind))
        .with_target_file_size(TARGET_BYTES);
    let partition = IndexMap::from([("day".to_owned(), Scalar::Date(day))]);
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(LakeError::scan(kind.name()))?;
        let batch = writer::canonical(&batch, &schema).map_err(LakeError::arrow(kind.name()))?;
        rows += batch.num_rows();
        files
            .write_partition(batch, &partition, WriteMode::Default)
            .await
            .map_err(LakeError::store(kind.name()))?;
    }
    let adds = files.flush().await.map_err(LakeError::store(kind.name()))?;
    Ok((adds, rows))
}

/// Sorts within a bound of memory, one stream at a time.
fn sorting_context() -> Result<SessionContext, datafusion::error::DataFusionError> {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(SORT_BYTES)))
        .build()?;
    let config = SessionConfig::new()
        .with_target_partitions(1)
        .with_sort_spill_reservation_bytes(8 << 20);
    Ok(SessionContext::new_with_config_rt(config, Arc::new(runtime)))
}

async fn commit(table: &mut DeltaTable, kind: TableKind, actions: Vec<Action>) -> Result<u64, LakeError> {
    let properties = CommitProperties::default().with_cleanup_expired_logs(Some(false));
    let operation = DeltaOperation::Optimize {
        predicate: None,
        target_size: TARGET_BYTES as i64,
    };
    let state = table.snapshot().map_err(LakeError::store(kind.name()))?;
    let finalized = CommitBuilder::from(properties)
        .with_actions(actions)
        .build(Some(state), table.log_store(), operation)
        .await
        .map_err(LakeError::store(kind.name()))?;
    table.state = Some(finalized.snapshot());
    Ok(finalized.version())
}
