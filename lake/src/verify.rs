//! Verification: what the log says of the files, against the files.

use deltalake::kernel::LogicalFileView;
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
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
    /// Parquet to its end, and with as many rows.
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
    let rows = ParquetRecordBatchReaderBuilder::try_new(bytes)
        .and_then(|reader| reader.build())
        .map_err(|e| e.to_string())?
        .try_fold(0, |rows, batch| batch.map(|batch| rows + batch.num_rows()))
        .map_err(|e| e.to_string())?;
    match file.num_records() {
        Some(said) if said != rows => Err(format!("{rows} rows, the log says {said}")),
        _ => Ok(()),
    }
}
