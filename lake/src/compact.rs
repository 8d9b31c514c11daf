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
use deltalake::kernel::{Action, Add, LogicalFileView};
use deltalake::protocol::DeltaOperation;
use deltalake::writer::{DeltaWriter, RecordBatchWriter, WriteMode};
use dustwatch_failpoint::{self as failpoint, Point};
use futures::StreamExt;
use indexmap::IndexMap;

use crate::exchange::{ATTEMPTS, wait_if_overtaken};
use crate::files::remove_files;
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

impl Compacted {
    fn add(&mut self, more: Self) {
        self.days += more.days;
        self.files_before += more.files_before;
        self.files_after += more.files_after;
        self.bytes_before += more.bytes_before;
        self.bytes_after += more.bytes_after;
    }
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
    /// [`LakeError::Store`], [`LakeError::Disk`]: the day at hand is as it was, those before it are done. Of two
    /// compactions at the same time one rewrites a day, and the other finds it rewritten.
    pub async fn compact(&self, kind: TableKind, when: CompactWhen) -> Result<Compacted, LakeError> {
        let mut done = Compacted::default();
        let Some(mut table) = self.existing(kind).await? else {
            return Ok(done);
        };
        for day in days_worth_it(&table, kind, when)? {
            for attempt in 0..ATTEMPTS {
                let fail = LakeError::store(kind.name());
                table.update_state().await.map_err(fail)?;
                if !days_worth_it(&table, kind, when)?.contains(&day) {
                    break;
                }
                match self.compact_day(kind, &table, day, &mut done).await {
                    Ok(()) => break,
                    Err(error) => wait_if_overtaken(attempt, error).await?,
                }
            }
        }
        Ok(done)
    }

    async fn compact_day(
        &self,
        kind: TableKind,
        table: &DeltaTable,
        day: i32,
        done: &mut Compacted,
    ) -> Result<(), LakeError> {
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
        failpoint::pass(Point::DayRewritten);
        let this = Compacted {
            days: 1,
            files_before: old.len() as u64,
            files_after: adds.len() as u64,
            bytes_before: old.iter().map(|file| file.size().unsigned_abs()).sum(),
            bytes_after: adds.iter().map(|add| add.size.unsigned_abs()).sum(),
        };
        let paths: Vec<String> = adds.iter().map(|add| add.path.clone()).collect();
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
        let operation = DeltaOperation::Optimize {
            predicate: None,
            target_size: TARGET_BYTES as i64,
        };
        let exchanged = self.exchange(table, kind, actions, operation).await;
        if let Err(LakeError::Overtaken { .. }) = exchanged {
            remove_files(table, &paths).await;
        }
        exchanged?;
        done.add(this);
        Ok(())
    }
}

/// The days that have more files than they should, oldest first.
fn days_worth_it(table: &DeltaTable, kind: TableKind, when: CompactWhen) -> Result<Vec<i32>, LakeError> {
    let mut days: BTreeMap<i32, DayFiles> = BTreeMap::new();
    for file in files(table, kind)? {
        if let Some(day) = day_of(&file) {
            let of = days.entry(day).or_default();
            of.files += 1;
            of.bytes += file.size().unsigned_abs();
        }
    }
    days.retain(|day, of| when.is_worth_it(*day, of));
    Ok(days.into_keys().collect())
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
