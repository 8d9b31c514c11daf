//! Verification: what the log says of the files, against the files.

use deltalake::arrow::array::RecordBatch;
use deltalake::arrow::compute::{LexicographicalComparator, SortColumn, SortOptions, concat_batches};
use deltalake::arrow::error::ArrowError;
use deltalake::kernel::LogicalFileView;
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use deltalake::parquet::file::metadata::{ParquetMetaData, SortingColumn};
use deltalake::{DeltaTable, Path};
use object_store::ObjectStoreExt;

use crate::{Lake, LakeError, TableKind};

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Files that the newest version reads.
    pub files: u64,
    /// Their rows, as the log says.
    pub rows: u64,
    /// Their bytes, as the log says.
    pub bytes: u64,
    /// What is wrong, a file each, named.
    pub damages: Vec<String>,
}

impl Lake {
    /// Reads every file that the newest version of a table reads: whether it is there, as large as the log says, good
    /// Parquet to its end, with as many rows, and in the order that it says it is in, as a compacted file does.
    ///
    /// # Errors
    /// [`LakeError::Store`] when the table itself cannot be opened; damaged files are in the report.
    pub async fn verify(&self, kind: TableKind) -> Result<Verified, LakeError> {
        let mut report = Verified::default();
        let Some(table) = self.existing(kind).await? else {
            return Ok(report);
        };
        let state = table.snapshot().map_err(LakeError::store(kind.name()))?;
        for file in state.log_data().iter() {
            report.files += 1;
            report.rows += file.num_records().unwrap_or(0) as u64;
            report.bytes += file.size().unsigned_abs();
            if let Err(damage) = look(&table, &file).await {
                report.damages.push(format!("{}: {damage}", file.path()));
            }
        }
        Ok(report)
    }
}

async fn look(table: &DeltaTable, file: &LogicalFileView) -> Result<(), String> {
    let path = Path::parse(file.path()).map_err(|e| e.to_string())?;
    let object = table.object_store().get(&path).await.map_err(|e| e.to_string())?;
    let bytes = object.bytes().await.map_err(|e| e.to_string())?;
    let said = file.size().unsigned_abs();
    if bytes.len() as u64 != said {
        return Err(format!("{} bytes, the log says {said}", bytes.len()));
    }
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| e.to_string())?;
    let mut order = Order::said_by(reader.metadata());
    let reader = reader.build().map_err(|e| e.to_string())?;
    let mut rows = 0;
    for batch in reader {
        let batch = batch.map_err(|e| e.to_string())?;
        if let Some(at) = order.first_out_of_order(&batch).map_err(|e| e.to_string())? {
            return Err(format!(
                "row {} is out of the order that the file says it has",
                rows + at
            ));
        }
        rows += batch.num_rows();
    }
    match file.num_records() {
        Some(said) if said != rows => Err(format!("{rows} rows, the log says {said}")),
        _ => Ok(()),
    }
}

/// The order that a file says its rows are in, followed from batch to batch.
struct Order {
    by: Vec<SortingColumn>,
    /// The last row seen, of the columns of the order.
    last: Option<RecordBatch>,
}

impl Order {
    /// A file that says nothing has no order to keep.
    fn said_by(file: &ParquetMetaData) -> Self {
        let said = file
            .row_groups()
            .first()
            .and_then(|group| group.sorting_columns());
        Self {
            by: said.cloned().unwrap_or_default(),
            last: None,
        }
    }

    /// The first row of a batch that should stand before its predecessor, if there is one.
    fn first_out_of_order(&mut self, batch: &RecordBatch) -> Result<Option<usize>, ArrowError> {
        if self.by.is_empty() || batch.num_rows() == 0 {
            return Ok(None);
        }
        let columns: Vec<usize> = self
            .by
            .iter()
            .filter_map(|by| usize::try_from(by.column_idx).ok())
            .collect();
        let rows = batch.project(&columns)?;
        let before = self.last.replace(rows.slice(rows.num_rows() - 1, 1));
        // A row number counts from the batch's first, which the row before it is compared with as well.
        let offset = usize::from(before.is_some());
        let rows = concat_batches(&rows.schema(), before.iter().chain([&rows]))?;
        let sorted: Vec<SortColumn> = rows
            .columns()
            .iter()
            .zip(&self.by)
            .map(|(values, by)| SortColumn {
                values: values.clone(),
                options: Some(SortOptions::new(by.descending, by.nulls_first)),
            })
            .collect();
        let comparator = LexicographicalComparator::try_new(&sorted)?;
        let out = (1..rows.num_rows()).find(|row| comparator.compare(row - 1, *row).is_gt());
        Ok(out.map(|row| row - offset))
    }
}
