//! A Delta table read from the outside: its log as JSON, its files with the `parquet` crate, nothing of ours.
//!
//! It counts physical rows. What the current version of the table holds twice is found here, also where a view would
//! hide it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, SchemaRef, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

/// What a table's log says.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeltaLog {
    folder: PathBuf,
    /// Files of the newest version with their partition values.
    files: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) partition_columns: Vec<String>,
    /// The schema of the newest metadata, as Delta writes it.
    pub(crate) schema: Value,
    pub(crate) version: u64,
    /// Highest application transaction of each application id.
    pub(crate) transactions: BTreeMap<String, i64>,
    /// Application id of the commit that added a file.
    writers: BTreeMap<String, String>,
}

/// An observation as it lies in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredObservation {
    pub(crate) day: String,
    pub(crate) epoch: Option<String>,
    pub(crate) seq: Option<i64>,
    /// Decimal columns that have a value: digits and places.
    pub(crate) values: BTreeMap<String, (i128, i8)>,
    /// Text columns that have a value, flags among them.
    pub(crate) texts: BTreeMap<String, String>,
}

/// Observations by device and time in microseconds.
pub(crate) type Observations = HashMap<(String, i64), StoredObservation>;

impl DeltaLog {
    /// Follows the log of a table from its first entry to its last.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut log = Self {
            folder: folder.to_path_buf(),
            ..Self::default()
        };
        let mut entries: Vec<PathBuf> = std::fs::read_dir(folder.join("_delta_log"))
            .unwrap_or_else(|e| panic!("{} is no Delta table: {e}", folder.display()))
            .map(|entry| entry.expect("a folder can be listed").path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .filter(|path| version_of(path).is_some())
            .collect();
        entries.sort();
        for (version, path) in entries.iter().enumerate() {
            assert_eq!(
                version_of(path),
                Some(version as u64),
                "a gap in the log of {}",
                folder.display()
            );
            let text = std::fs::read_to_string(path).expect("a log entry can be read");
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let actions: Vec<Value> = lines
                .map(|line| serde_json::from_str(line).expect("a log entry is JSON, line by line"))
                .collect();
            actions.iter().for_each(|action| log.apply(action));
            log.sign(&actions);
            log.version = version as u64;
        }
        log
    }

    fn apply(&mut self, action: &Value) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if let Some(add) = action.get("add") {
            assert!(
                add.get("deletionVector").is_none_or(Value::is_null),
                "no reader here for deletion vectors"
            );
            let partition = add["partitionValues"].as_object().into_iter().flatten();
            let partition = partition
                .filter_map(|(key, value)| Some((key.clone(), text(value)?)))
                .collect();
            let path = percent_decoded(add["path"].as_str().expect("an added file has a path"));
            self.files.insert(path, partition);
        }
        if let Some(remove) = action.get("remove") {
            let path = percent_decoded(remove["path"].as_str().expect("a removed file has a path"));
            self.files.remove(&path);
        }
        if let Some(metadata) = action.get("metaData") {
            let columns = metadata["partitionColumns"].as_array().into_iter().flatten();
            self.partition_columns = columns.filter_map(text).collect();
            let schema = metadata["schemaString"].as_str().expect("metadata has a schema");
            self.schema = serde_json::from_str(schema).expect("a schema is JSON");
        }
        if let Some(txn) = action.get("txn") {
            let id = text(&txn["appId"]).expect("a transaction has an application");
            let version = txn["version"].as_i64().expect("a transaction has a version");
            let before = self.transactions.insert(id.clone(), version);
            assert!(
                before.is_none_or(|before| before < version),
                "{id} went from {before:?} to {version}"
            );
        }
    }

    /// Takes note of whose files a log entry adds.
    fn sign(&mut self, actions: &[Value]) {
        let Some(writer) = actions.iter().find_map(|action| action["txn"]["appId"].as_str()) else {
            return;
        };
        for path in actions.iter().filter_map(|action| action["add"]["path"].as_str()) {
            self.writers.insert(percent_decoded(path), writer.to_owned());
        }
    }

    /// The devices whose rows each application has written, by its id.
    pub(crate) fn devices_by_writer(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for path in self.files.keys() {
            let devices = out.entry(self.writers[path].clone()).or_default();
            for batch in self.batches(path) {
                let column = batch.column_by_name("device").expect("a column device");
                devices.extend(column.as_string::<i32>().iter().flatten().map(str::to_owned));
            }
        }
        out
    }

    /// The columns of a data file as Parquet has them, the partition's not among them.
    pub(crate) fn file_schema(&self) -> SchemaRef {
        let path = self.files.keys().next().expect("the table has a file");
        self.open(path).schema().clone()
    }

    /// Physical rows of the newest version.
    pub(crate) fn count_rows(&self) -> usize {
        self.files
            .keys()
            .map(|path| {
                self.batches(path)
                    .iter()
                    .map(RecordBatch::num_rows)
                    .sum::<usize>()
            })
            .sum()
    }

    /// All observations of the newest version; each device and time must be there once.
    pub(crate) fn observations(&self) -> Observations {
        let mut out = Observations::new();
        for (path, partition) in &self.files {
            for batch in self.batches(path) {
                self.collect(&batch, &partition["day"], &mut out);
            }
        }
        out
    }

    fn collect(&self, batch: &RecordBatch, day: &str, out: &mut Observations) {
        let column = |name: &str| {
            batch
                .column_by_name(name)
                .unwrap_or_else(|| panic!("no column {name}"))
        };
        let devices = column("device").as_string::<i32>();
        let times = column("observed_at").as_primitive::<TimestampMicrosecondType>();
        let epochs = column("epoch").as_string::<i32>();
        let seqs = column("seq").as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let (values, texts) = cells(batch, row);
            let stored = StoredObservation {
                day: day.to_owned(),
                epoch: (!epochs.is_null(row)).then(|| epochs.value(row).to_owned()),
                seq: (!seqs.is_null(row)).then(|| seqs.value(row)),
                values,
                texts,
            };
            let key = (devices.value(row).to_owned(), times.value(row));
            let twice = out.insert(key.clone(), stored.clone());
            assert_eq!(
                twice,
                None,
                "{key:?} is in {} twice: also {stored:?}",
                self.folder.display()
            );
        }
    }

    /// Payloads of the newest version of `rejected`.
    pub(crate) fn payloads(&self) -> Vec<Vec<u8>> {
        let batches = self.files.keys().flat_map(|path| self.batches(path));
        let payloads = batches.flat_map(|batch| {
            let column = batch.column_by_name("payload").expect("a column payload");
            let payloads = column.as_binary::<i32>().iter().flatten();
            payloads.map(<[u8]>::to_vec).collect::<Vec<_>>()
        });
        payloads.collect()
    }

    fn open(&self, path: &str) -> ParquetRecordBatchReaderBuilder<File> {
        let path = self.folder.join(path);
        let file = File::open(&path)
            .unwrap_or_else(|e| panic!("the log names {}, which cannot be opened: {e}", path.display()));
        ParquetRecordBatchReaderBuilder::try_new(file)
            .unwrap_or_else(|e| panic!("{} is no Parquet file: {e}", path.display()))
    }

    fn batches(&self, path: &str) -> Vec<RecordBatch> {
        let reader = self.open(path).build().expect("a Parquet file can be read");
        reader
            .map(|batch| batch.expect("a Parquet file can be read"))
            .collect()
    }
}

/// Decimals and texts of a row, as far as they are there.
fn cells(batch: &RecordBatch, row: usize) -> (BTreeMap<String, (i128, i8)>, BTreeMap<String, String>) {
    let (mut values, mut texts) = (BTreeMap::new(), BTreeMap::new());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if column.is_null(row) {
            continue;
        }
        match field.data_type() {
            DataType::Decimal128(_, places) => {
                let digits = column.as_primitive::<Decimal128Type>().value(row);
                values.insert(field.name().clone(), (digits, *places));
            }
            DataType::Utf8 => {
                texts.insert(
                    field.name().clone(),
                    column.as_string::<i32>().value(row).to_owned(),
                );
            }
            _ => {}
        }
    }
    (values, texts)
}

/// The version of a log entry: `00000000000000000012.json`.
fn version_of(path: &Path) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    (stem.len() == 20).then(|| stem.parse().ok()).flatten()
}

fn percent_decoded(path: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digits: String = bytes.by_ref().take(2).map(char::from).collect();
        out.push(u8::from_str_radix(&digits, 16).expect("two hexadecimal digits follow %"));
    }
    String::from_utf8(out).expect("a path is UTF-8")
}
