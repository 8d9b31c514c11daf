//! Which type should a parameter's column have: float32, float64, or `decimal(9, d)`?
//!
//! The simulated district, some days of it, is written as Parquet in each type and encoding, with the settings of the
//! lake's writer otherwise. Printed, as Markdown: bytes a reading, whether what was sent comes back, how many published
//! figures come out wrong against exact fractions, and how fast DataFusion averages it. Days: `DUSTWATCH_BENCH_DAYS`
//! (7); timed rounds: `DUSTWATCH_BENCH_ROUNDS` (7); `DUSTWATCH_BENCH_KEEP=DIR` keeps the files for other readers.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, Float32Array, Float64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Decimal128Type, Field, Float32Type, Float64Type, Int64Type, Schema};
use dustwatch_analytics::{Session, round_half_even};
use dustwatch_config::Settings;
use dustwatch_edge::network::Troubles;
use dustwatch_lake::{Appender, Lake, LocalDays, ObservationRows, TableKind};
use dustwatch_observation::{Decimal, Observation, ParameterId, Rescaled};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

#[path = "common/mod.rs"]
mod common;

use common::district::{simulate, sorted};
use common::random::Random;
use common::{env_number, markdown, median};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Type {
    Float32,
    Float64,
    /// `decimal(9, d)`, d the column's places and so many more.
    Decimal {
        more: u8,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Packing {
    Dictionary,
    Plain,
    SplitBytes,
    Deltas,
}

#[derive(Debug, Clone, Copy)]
struct Variant {
    name: &'static str,
    kind: Type,
    packing: Packing,
}

const AS_IS: Type = Type::Decimal { more: 0 };

const VARIANTS: [Variant; 8] = [
    Variant {
        name: "float32, dictionary",
        kind: Type::Float32,
        packing: Packing::Dictionary,
    },
    Variant {
        name: "float32, plain",
        kind: Type::Float32,
        packing: Packing::Plain,
    },
    Variant {
        name: "float32, byte stream split",
        kind: Type::Float32,
        packing: Packing::SplitBytes,
    },
    Variant {
        name: "float64, dictionary",
        kind: Type::Float64,
        packing: Packing::Dictionary,
    },
    Variant {
        name: "float64, plain",
        kind: Type::Float64,
        packing: Packing::Plain,
    },
    Variant {
        name: "float64, byte stream split",
        kind: Type::Float64,
        packing: Packing::SplitBytes,
    },
    Variant {
        name: "decimal(9,d), dictionary",
        kind: AS_IS,
        packing: Packing::Dictionary,
    },
    Variant {
        name: "decimal(9,d), deltas (as built)",
        kind: AS_IS,
        packing: Packing::Deltas,
    },
];

/// A column of values: its name, its places, the places of a published mean, and the values in units of the last place.
#[derive(Debug, Clone)]
struct Column {
    name: String,
    places: u8,
    published: u8,
    values: Vec<Option<i64>>,
}

/// Rows, sorted by day, device and time.
#[derive(Debug, Clone, Default)]
struct Rows {
    device: Vec<Arc<str>>,
    time: Vec<i64>,
    day: Vec<i32>,
    columns: Vec<Column>,
}

impl Rows {
    /// The rows of each day.
    fn days(&self) -> Vec<std::ops::Range<usize>> {
        let mut out = Vec::new();
        let mut start = 0;
        for row in 1..=self.day.len() {
            if row == self.day.len() || self.day[row] != self.day[start] {
                out.push(start..row);
                start = row;
            }
        }
        out
    }

    fn readings(&self) -> usize {
        self.columns
            .iter()
            .map(|c| c.values.iter().flatten().count())
            .sum()
    }

    fn array(&self, column: &Column, kind: Type, rows: std::ops::Range<usize>) -> ArrayRef {
        let values = column.values[rows].iter();
        let decimal = |v: &Option<i64>| v.map(|v| Decimal::new(v, column.places));
        match kind {
            // A payload's digits become the nearest float, as a JSON parser reads them.
            Type::Float32 => Arc::new(Float32Array::from_iter(
                values.map(|v| decimal(v).map(|d| d.to_string().parse::<f32>().unwrap())),
            )),
            Type::Float64 => Arc::new(Float64Array::from_iter(
                values.map(|v| decimal(v).map(|d| d.to_string().parse::<f64>().unwrap())),
            )),
            Type::Decimal { more } => Arc::new(
                Decimal128Array::from_iter(
                    values.map(|v| v.map(|v| i128::from(v) * 10i128.pow(more.into()))),
                )
                .with_precision_and_scale(9, (column.places + more) as i8)
                .unwrap(),
            ),
        }
    }

    fn batch(&self, kind: Type, rows: std::ops::Range<usize>) -> RecordBatch {
        let time = TimestampMicrosecondArray::from(self.time[rows.clone()].to_vec()).with_timezone("UTC");
        let mut arrays: Vec<(String, ArrayRef)> = vec![
            (
                "device".into(),
                Arc::new(StringArray::from_iter_values(&self.device[rows.clone()])),
            ),
            ("observed_at".into(), Arc::new(time)),
            (
                "day".into(),
                Arc::new(Date32Array::from(self.day[rows.clone()].to_vec())),
            ),
        ];
        for column in &self.columns {
            arrays.push((column.name.clone(), self.array(column, kind, rows.clone())));
        }
        let fields: Vec<Field> = arrays
            .iter()
            .map(|(name, array)| Field::new(name, array.data_type().clone(), true))
            .collect();
        RecordBatch::try_new(
            Arc::new(Schema::new(fields)),
            arrays.into_iter().map(|(_, array)| array).collect(),
        )
        .unwrap()
    }

    /// Writes a file a day; gives the bytes of the value columns and of the files.
    fn write(&self, folder: &Path, kind: Type, packing: Packing) -> Written {
        std::fs::create_dir_all(folder).unwrap();
        let mut written = Written::default();
        for rows in self.days() {
            let path = folder.join(format!("{}.parquet", self.day[rows.start]));
            let batch = self.batch(kind, rows);
            let properties = properties(&batch.schema(), packing);
            let mut writer =
                ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
            writer.write(&batch).unwrap();
            let metadata = writer.close().unwrap();
            for group in metadata.row_groups() {
                for column in group.columns() {
                    let name = column.column_path().string();
                    if let Some(at) = self.columns.iter().position(|c| c.name == name) {
                        written.columns.resize(self.columns.len(), 0);
                        written.columns[at] += column.compressed_size();
                    }
                }
            }
            written.files += path.metadata().unwrap().len();
        }
        written
    }
}

#[derive(Debug, Default, Clone)]
struct Written {
    /// Bytes of each value column.
    columns: Vec<i64>,
    files: u64,
}

impl Written {
    fn a_reading(&self, rows: &Rows) -> f64 {
        self.columns.iter().sum::<i64>() as f64 / rows.readings() as f64
    }

    fn a_value_of(&self, rows: &Rows, column: usize) -> f64 {
        self.columns[column] as f64 / rows.columns[column].values.iter().flatten().count() as f64
    }
}

/// The lake's settings of the writer, but for the packing of the values.
fn properties(schema: &Schema, packing: Packing) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap()))
        .set_max_row_group_row_count(Some(128 * 1024))
        .set_statistics_enabled(EnabledStatistics::Page);
    for field in schema.fields() {
        let column = ColumnPath::from(field.name().as_str());
        let encoding = match (field.data_type(), packing) {
            (DataType::Utf8, _) | (_, Packing::Dictionary) if !field.data_type().is_temporal() => continue,
            (kind, _) if kind.is_temporal() => Encoding::DELTA_BINARY_PACKED,
            (_, Packing::Plain) => Encoding::PLAIN,
            (_, Packing::SplitBytes) => Encoding::BYTE_STREAM_SPLIT,
            (_, Packing::Deltas | Packing::Dictionary) => Encoding::DELTA_BINARY_PACKED,
        };
        builder = builder
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, encoding);
    }
    builder.build()
}

/// Observations as rows of whole numbers.
fn rows_of(settings: &Settings, all: &[Observation]) -> Rows {
    let mut local = LocalDays::new(settings.district.timezone);
    let mut rows = Rows::default();
    let ids: Vec<ParameterId> = settings.parameters.iter().map(|(id, _)| id).collect();
    for (_, parameter) in settings.parameters.iter() {
        rows.columns.push(Column {
            name: parameter.key.clone(),
            places: parameter.decimals,
            published: parameter.published_decimals,
            values: Vec::with_capacity(all.len()),
        });
    }
    let mut name: Arc<str> = "".into();
    for observation in all {
        if *name != *observation.device {
            name = observation.device.as_str().into();
        }
        rows.device.push(name.clone());
        rows.time.push(observation.time.as_micros());
        rows.day.push(local.day_of(observation.time).unwrap());
        for (column, id) in rows.columns.iter_mut().zip(&ids) {
            column.values.push(
                observation
                    .reading(*id)
                    .value
                    .map(|v| match v.rescale(column.places) {
                        Rescaled::Exact(v) => v,
                        other => panic!("{other:?}"),
                    }),
            );
        }
    }
    rows
}

/// Hours whose means lie on a tie, or just beside one, of values with one place: `x.5` exactly, a hair less, a hair more.
fn ties(groups: usize, a_group: usize, seed: u64) -> Rows {
    let mut random = Random::new(seed);
    let mut rows = Rows::default();
    let mut values = Vec::new();
    for group in 0..groups {
        let n = a_group as i64;
        // Ten times the sum: n × (k + 1/2) × 10, and every third beside it by one unit.
        let level = 10 + random.below(400) as i64;
        let target = n * (level * 10 + 5) + [0, -1, 1][group % 3];
        let mut sum = 0;
        for _ in 0..a_group - 1 {
            let value = (level * 10 + 5 + random.below(201) as i64 - 100).max(0);
            values.push(Some(value));
            sum += value;
        }
        values.push(Some(target - sum));
        for minute in 0..a_group {
            let at = group as i64 * 86_400_000_000 + minute as i64 * 50_000_000;
            rows.device.push("tie".into());
            rows.time.push(at);
            rows.day.push(group as i32);
        }
    }
    rows.columns.push(Column {
        name: "value".into(),
        places: 1,
        published: 0,
        values,
    });
    rows
}

/// Sum and count of a group's column.
#[derive(Debug, Clone, Copy, Default)]
struct Exact {
    sum: i128,
    n: i128,
}

impl Exact {
    /// The mean, rounded half to even, in units of the last published place.
    fn published(self, places: u8, published: u8) -> i128 {
        half_even(
            self.sum * 10i128.pow(published.into()),
            self.n * 10i128.pow(places.into()),
        )
    }

    fn is_tie(self, places: u8, published: u8) -> bool {
        let (num, den) = (
            self.sum * 10i128.pow(published.into()),
            self.n * 10i128.pow(places.into()),
        );
        num.rem_euclid(den) * 2 == den
    }
}

fn half_even(num: i128, den: i128) -> i128 {
    let (floor, rest) = (num.div_euclid(den), num.rem_euclid(den));
    match (rest * 2).cmp(&den) {
        std::cmp::Ordering::Less => floor,
        std::cmp::Ordering::Greater => floor + 1,
        std::cmp::Ordering::Equal => floor + floor.rem_euclid(2),
    }
}

const HOUR: &str = "date_trunc('hour', observed_at)";

/// The exact sums of each (device, hour) or (device, day), in order, a vector a column.
fn exact(rows: &Rows, by_day: bool) -> Vec<Vec<Exact>> {
    let key = |row: usize| {
        let at = if by_day {
            i64::from(rows.day[row])
        } else {
            rows.time[row].div_euclid(3_600_000_000)
        };
        (rows.device[row].clone(), at)
    };
    let mut groups = std::collections::BTreeMap::new();
    for row in 0..rows.time.len() {
        let sums = groups
            .entry(key(row))
            .or_insert_with(|| vec![Exact::default(); rows.columns.len()]);
        for (sum, column) in sums.iter_mut().zip(&rows.columns) {
            if let Some(value) = column.values[row] {
                sum.sum += i128::from(value);
                sum.n += 1;
            }
        }
    }
    (0..rows.columns.len())
        .map(|column| groups.values().map(|sums| sums[column]).collect())
        .collect()
}

/// What came out wrong.
#[derive(Debug, Default, Clone, Copy)]
struct Wrong {
    figures: u64,
    ties: u64,
    /// `avg`, rounded half to even as it stands.
    plain: u64,
    /// The quotient of sum and count, through [`round_half_even`], which takes what lies within 10⁻⁹ of a tie for one.
    snapped: u64,
}

impl std::ops::AddAssign for Wrong {
    fn add_assign(&mut self, other: Self) {
        self.figures += other.figures;
        self.ties += other.ties;
        self.plain += other.plain;
        self.snapped += other.snapped;
    }
}

async fn ask(session: &Session, sql: &str) -> RecordBatch {
    let frame = session.context().sql(sql).await.unwrap();
    let batches = frame.collect().await.unwrap();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// Compares every published mean of a table with exact arithmetic.
async fn wrong_figures(session: &Session, table: &str, rows: &Rows, by_day: bool) -> Wrong {
    let group = if by_day { "day" } else { HOUR };
    let figures = |(i, c): (usize, &Column)| {
        let name = &c.name;
        format!("avg(\"{name}\") AS a{i}, CAST(sum(\"{name}\") AS DOUBLE) AS s{i}, count(\"{name}\") AS n{i}")
    };
    let columns: Vec<String> = rows.columns.iter().enumerate().map(figures).collect();
    let sql = format!(
        "SELECT {} FROM {table} GROUP BY device, {group} ORDER BY device, {group}",
        columns.join(", ")
    );
    let answer = ask(session, &sql).await;
    let mut wrong = Wrong::default();
    for (i, (column, sums)) in rows.columns.iter().zip(exact(rows, by_day)).enumerate() {
        let average = answer.column_by_name(&format!("a{i}")).unwrap();
        let sum = answer
            .column_by_name(&format!("s{i}"))
            .unwrap()
            .as_primitive::<Float64Type>();
        let count = answer
            .column_by_name(&format!("n{i}"))
            .unwrap()
            .as_primitive::<Int64Type>();
        assert_eq!(average.len(), sums.len());
        let unit = 10f64.powi(column.published.into());
        for (row, exact) in sums.iter().enumerate() {
            assert_eq!(i128::from(count.value(row)), exact.n);
            if exact.n == 0 {
                continue;
            }
            let want = exact.published(column.places, column.published);
            let plain = match average.data_type() {
                DataType::Decimal128(_, scale) => {
                    let value = average.as_primitive::<Decimal128Type>().value(row);
                    half_even(
                        value * 10i128.pow(column.published.into()),
                        10i128.pow((*scale).try_into().unwrap()),
                    )
                }
                _ => (average.as_primitive::<Float64Type>().value(row) * unit).round_ties_even() as i128,
            };
            let mean = sum.value(row) / count.value(row) as f64;
            let snapped = (round_half_even(mean, column.published) * unit).round() as i128;
            wrong.figures += 1;
            wrong.ties += u64::from(exact.is_tie(column.places, column.published));
            wrong.plain += u64::from(plain != want);
            wrong.snapped += u64::from(snapped != want);
        }
    }
    wrong
}

/// How many readings do not print as they were sent, in the column's own type and widened to float64.
fn misprinted(folder: &Path, rows: &Rows) -> (u64, u64) {
    let (mut own, mut widened) = (0, 0);
    for range in rows.days() {
        let path = folder.join(format!("{}.parquet", rows.day[range.start]));
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap())
            .unwrap()
            .build()
            .unwrap();
        let mut start = range.start;
        for batch in reader {
            let batch = batch.unwrap();
            for column in &rows.columns {
                let array = batch.column_by_name(&column.name).unwrap();
                for row in 0..batch.num_rows() {
                    let Some(sent) = column.values[start + row] else {
                        assert!(array.is_null(row));
                        continue;
                    };
                    let sent = Decimal::new(sent, column.places);
                    let (printed, wide) = printed(array, row);
                    own += u64::from(Decimal::parse(printed.as_bytes()) != Ok(sent));
                    widened += u64::from(Decimal::parse(wide.as_bytes()) != Ok(sent));
                }
            }
            start += batch.num_rows();
        }
        assert_eq!(start, range.end);
    }
    (own, widened)
}

fn printed(array: &ArrayRef, row: usize) -> (String, String) {
    match array.data_type() {
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            (value.to_string(), f64::from(value).to_string())
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            (value.to_string(), value.to_string())
        }
        DataType::Decimal128(_, scale) => {
            let value = array.as_primitive::<Decimal128Type>().value(row) as i64;
            let value = Decimal::new(value, *scale as u8);
            (value.to_string(), value.to_f64().to_string())
        }
        other => panic!("{other}"),
    }
}

/// How many hourly means depend, in their last bits, on the order in which the readings are added.
fn order_dependent(rows: &Rows, kind: Type) -> (u64, u64) {
    if matches!(kind, Type::Decimal { .. }) {
        return (0, 1);
    }
    let mut groups = std::collections::BTreeMap::<_, Vec<usize>>::new();
    for row in 0..rows.time.len() {
        groups
            .entry((rows.device[row].clone(), rows.time[row].div_euclid(3_600_000_000)))
            .or_default()
            .push(row);
    }
    let (mut differ, mut all) = (0, 0);
    for column in &rows.columns {
        let array = cast(&rows.array(column, kind, 0..rows.time.len()), &DataType::Float64).unwrap();
        let array = array.as_primitive::<Float64Type>();
        for group in groups.values() {
            let sum = |rows: &mut dyn Iterator<Item = &usize>| {
                rows.filter(|row| array.is_valid(**row))
                    .map(|row| array.value(*row))
                    .sum::<f64>()
            };
            all += 1;
            differ += u64::from(sum(&mut group.iter()) != sum(&mut group.iter().rev()));
        }
    }
    (differ, all)
}

/// A table as the lake itself writes it, a commit a day; gives its bytes.
async fn write_lake(uri: &Path, settings: &Settings, observations: &[Observation]) -> u64 {
    let lake = Lake::at(
        uri.to_str().unwrap(),
        settings.parameters.clone(),
        settings.district.timezone,
    )
    .unwrap();
    let mut appender = Appender::open(&lake, TableKind::Observations, "bench")
        .await
        .unwrap();
    let mut builder = ObservationRows::new(settings.parameters.clone());
    let mut local = LocalDays::new(settings.district.timezone);
    let (mut bytes, mut position) = (0, 0);
    for day in observations.chunk_by(|a, b| local.day_of(a.time) == local.day_of(b.time)) {
        let mut local = LocalDays::new(settings.district.timezone);
        for observation in day {
            builder.append(
                observation,
                observation.time.plus_micros(350_000),
                local.day_of(observation.time).unwrap(),
            );
        }
        position += 1;
        bytes += appender
            .append_rows(&builder.take(), position)
            .await
            .unwrap()
            .bytes;
    }
    bytes
}

const QUESTIONS: [(&str, &str); 2] = [
    (
        "nine parameters",
        "tsp,pm10,pm25,noise,temperature,humidity,pressure,wind_speed,wind_direction",
    ),
    ("one parameter", "pm25"),
];

fn question(columns: &str, table: &str) -> String {
    let columns: Vec<String> = columns
        .split(',')
        .map(|c| format!("avg({c}), sum({c})"))
        .collect();
    format!(
        "SELECT device, {HOUR}, {} FROM {table} GROUP BY device, {HOUR}",
        columns.join(", ")
    )
}

async fn register(session: &Session, table: &str, folder: &Path) {
    let address = format!("{}/", folder.display());
    session
        .context()
        .register_parquet(table, &address, Default::default())
        .await
        .unwrap();
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let days = env_number("DUSTWATCH_BENCH_DAYS", 7);
    let rounds = env_number("DUSTWATCH_BENCH_ROUNDS", 7) as usize;
    let temporary = tempfile::tempdir().unwrap();
    let keep = std::env::var_os("DUSTWATCH_BENCH_KEEP").map(PathBuf::from);
    let folder = keep.as_deref().unwrap_or(temporary.path());
    let settings = Settings::load(None).unwrap();
    let empty = temporary.path().join("empty");
    let lake = Lake::at(
        empty.to_str().unwrap(),
        settings.parameters.clone(),
        settings.district.timezone,
    )
    .unwrap();
    let session = Session::open(&lake, &settings).await.unwrap();

    let observations = sorted(&settings, simulate(&settings, days, Troubles::Usual));
    let rows = rows_of(&settings, &observations);
    println!(
        "{} stations, {days} days, {} observations, {} readings; zstd 3, row groups of 131072 rows, a file a day\n",
        settings.registry.stations().len(),
        rows.time.len(),
        rows.readings()
    );

    let mut sizes = Vec::new();
    for (index, variant) in VARIANTS.iter().enumerate() {
        let path = folder.join(format!("v{index}"));
        sizes.push(rows.write(&path, variant.kind, variant.packing));
        register(&session, &format!("v{index}"), &path).await;
    }

    // Rounds over all variants, so that what disturbs disturbs all.
    let mut times = vec![vec![Vec::new(); QUESTIONS.len()]; VARIANTS.len()];
    for round in 0..=rounds {
        for (variant, times) in times.iter_mut().enumerate() {
            for (at, (_, columns)) in QUESTIONS.iter().enumerate() {
                let sql = question(columns, &format!("v{variant}"));
                let started = Instant::now();
                let answer = ask(&session, &sql).await;
                assert!(answer.num_rows() > 0);
                if round > 0 {
                    times[at].push(started.elapsed().as_secs_f64() * 1e3);
                }
            }
        }
    }
    let mut table = vec![header(&[
        "column",
        "bytes a reading",
        "bytes of the files an observation",
        "avg + sum by device and hour, 9 parameters, ms",
        "1 parameter, ms",
        "readings printed otherwise than sent",
        "the same, widened to float64",
    ])];
    for (index, variant) in VARIANTS.iter().enumerate() {
        let (own, widened) = misprinted(&folder.join(format!("v{index}")), &rows);
        table.push(vec![
            variant.name.to_owned(),
            format!("{:.3}", sizes[index].a_reading(&rows)),
            format!("{:.2}", sizes[index].files as f64 / rows.time.len() as f64),
            format!("{:.0}", median(&mut times[index][0])),
            format!("{:.0}", median(&mut times[index][1])),
            own.to_string(),
            widened.to_string(),
        ]);
    }
    println!("{}", markdown(&table));

    let lake_bytes = write_lake(&folder.join("lake"), &settings, &observations).await;
    println!(
        "The lake's own table (all columns, a commit a day): {:.2} bytes an observation, {:.3} a reading\n",
        lake_bytes as f64 / rows.time.len() as f64,
        lake_bytes as f64 / rows.readings() as f64
    );

    by_parameter(&rows, &sizes);
    places(&rows, temporary.path());
    figures(&session, &rows, temporary.path()).await;
    finer(temporary.path(), &session).await;
}

fn by_parameter(rows: &Rows, sizes: &[Written]) {
    println!("Bytes a reading, by parameter\n");
    let mut table = vec![header(&[
        "parameter",
        VARIANTS[0].name,
        VARIANTS[2].name,
        VARIANTS[3].name,
        VARIANTS[5].name,
        VARIANTS[6].name,
        VARIANTS[7].name,
    ])];
    for (at, column) in rows.columns.iter().enumerate() {
        let mut line = vec![column.name.clone()];
        line.extend([0, 2, 3, 5, 6, 7].map(|v: usize| format!("{:.3}", sizes[v].a_value_of(rows, at))));
        table.push(line);
    }
    println!("{}", markdown(&table));
}

/// What more places than the data have cost.
fn places(rows: &Rows, folder: &Path) {
    println!("Values with a resolution of 0.1 in a column of more places\n");
    let mut rows = rows.clone();
    rows.columns.retain(|c| c.places == 1);
    let mut table = vec![header(&[
        "column",
        "deltas, bytes a reading",
        "dictionary, bytes a reading",
    ])];
    for more in 0..3 {
        let kind = Type::Decimal { more };
        let sizes = [Packing::Deltas, Packing::Dictionary]
            .map(|packing| rows.write(&folder.join("places"), kind, packing).a_reading(&rows));
        table.push(vec![
            format!("decimal(9,{})", 1 + more),
            format!("{:.3}", sizes[0]),
            format!("{:.3}", sizes[1]),
        ]);
    }
    println!("{}", markdown(&table));
}

/// How many published means come out wrong.
async fn figures(session: &Session, rows: &Rows, folder: &Path) {
    println!(
        "Published means that are wrong against exact fractions (rounded half to even at the published places)\n"
    );
    let mut table = vec![header(&[
        "means",
        "type",
        "figures",
        "ties among them",
        "wrong: avg, rounded",
        "wrong: sum / n, round_half_even",
    ])];
    let kinds = [
        ("float32", Type::Float32),
        ("float64", Type::Float64),
        ("decimal(9,d)", AS_IS),
    ];
    let mut made: Vec<(String, Rows, bool)> = vec![
        ("hourly, simulated".to_owned(), rows.clone(), false),
        ("daily, simulated".to_owned(), rows.clone(), true),
    ];
    for n in [45, 60, 1440, 10_080] {
        let groups = if n > 100 { 300 } else { 3000 };
        made.push((format!("made ties, mean of {n}"), ties(groups, n, n as u64), true));
    }
    for (at, (name, rows, by_day)) in made.iter().enumerate() {
        for (kind_name, kind) in kinds {
            let table_name = format!("f{at}_{}", kind_name.split('(').next().unwrap());
            let path = folder.join(&table_name);
            rows_in_one_file(rows, &path, kind);
            register(session, &table_name, &path).await;
            let wrong = wrong_figures(session, &table_name, rows, *by_day).await;
            table.push(vec![
                name.clone(),
                kind_name.to_owned(),
                wrong.figures.to_string(),
                wrong.ties.to_string(),
                wrong.plain.to_string(),
                wrong.snapped.to_string(),
            ]);
        }
    }
    println!("{}", markdown(&table));
    for (name, kind) in kinds {
        let (differ, all) = order_dependent(rows, kind);
        println!(
            "{name}: {:.1} % of the hourly sums change in their last bits when the readings are added in reverse",
            100.0 * differ as f64 / all as f64
        );
    }
    println!();
}

fn rows_in_one_file(rows: &Rows, folder: &Path, kind: Type) {
    let packing = if matches!(kind, Type::Decimal { .. }) {
        Packing::Deltas
    } else {
        Packing::Dictionary
    };
    std::fs::create_dir_all(folder).unwrap();
    let batch = rows.batch(kind, 0..rows.time.len());
    let properties = properties(&batch.schema(), packing);
    let file = File::create(folder.join("all.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Values finer than their column: what the column `original` is for, and what rounding them first does to means.
async fn finer(folder: &Path, session: &Session) {
    println!("Values with three places: hourly means of 60, published as whole numbers and with one place\n");
    let mut random = Random::new(3);
    let mut sent = Rows::default();
    let mut values = Vec::new();
    for hour in 0..5000i64 {
        let level = 5_000 + random.below(200_000) as i64;
        for minute in 0..60 {
            sent.device.push("fine".into());
            sent.time.push(hour * 3_600_000_000 + minute * 60_000_000);
            sent.day.push(0);
            values.push(Some(level + random.below(4_001) as i64 - 2_000));
        }
    }
    let mut table = vec![header(&[
        "column",
        "values stored otherwise than sent",
        "published places",
        "figures",
        "wrong",
    ])];
    for published in [0, 1] {
        sent.columns = vec![Column {
            name: "value".into(),
            places: 3,
            published,
            values: values.clone(),
        }];
        let want = &exact(&sent, false)[0];
        for stored in [1u8, 2, 3] {
            let mut rows = sent.clone();
            rows.columns[0].places = stored;
            let mut changed = 0;
            for value in rows.columns[0].values.iter_mut().flatten() {
                *value = match Decimal::new(*value, 3).rescale(stored) {
                    Rescaled::Exact(v) => v,
                    Rescaled::Rounded(v) => {
                        changed += 1;
                        v
                    }
                    Rescaled::Overflow => panic!("it fits"),
                };
            }
            let got = &exact(&rows, false)[0];
            let wrong = want
                .iter()
                .zip(got)
                .filter(|(w, g)| w.published(3, published) != g.published(stored, published))
                .count();
            table.push(vec![
                format!("decimal(9,{stored})"),
                changed.to_string(),
                published.to_string(),
                want.len().to_string(),
                wrong.to_string(),
            ]);
        }
        for (name, kind) in [("float32", Type::Float32), ("float64", Type::Float64)] {
            let table_name = format!("fine_{name}_{published}");
            let path = folder.join(&table_name);
            sent.write(&path, kind, Packing::Dictionary);
            register(session, &table_name, &path).await;
            let wrong = wrong_figures(session, &table_name, &sent, false).await;
            table.push(vec![
                name.to_owned(),
                misprinted(&path, &sent).0.to_string(),
                published.to_string(),
                wrong.figures.to_string(),
                format!("{} (avg), {} (snapped)", wrong.plain, wrong.snapped),
            ]);
        }
    }
    println!("{}", markdown(&table));
}

fn header(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}
