//! Compaction, deletion and verification: the table gets smaller and says the same.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::SessionContext;
use deltalake::arrow::array::UInt32Array;
use deltalake::arrow::compute::take_record_batch;
use deltalake::parquet::arrow::ArrowWriter;
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use deltalake::parquet::file::properties::WriterProperties;
use dustwatch_config::Settings;
use dustwatch_lake::{Appender, CompactWhen, Lake, LocalDays, ObservationRows, TableKind, TouchedDays};
use dustwatch_observation::{Decimal, Flag, Observation, Time};

const MINUTE: i64 = 60_000_000;
const KIND: TableKind = TableKind::Observations;

fn lake(folder: &Path) -> Lake {
    let settings = Settings::load(None).unwrap();
    Lake::at(
        folder.to_str().unwrap(),
        settings.parameters,
        settings.district.timezone,
    )
    .unwrap()
}

/// An observation of a device at a minute since 1970-01-01 16:00 UTC, which is midnight in Beijing.
fn observation(lake: &Lake, device: &str, minute: i64, tsp: i64) -> Observation {
    let mut out = Observation::new(lake.parameters().len());
    device.clone_into(&mut out.device);
    out.time = Time::from_micros(16 * 60 * MINUTE + minute * MINUTE);
    out.seq = Some(minute.unsigned_abs());
    let id = lake.parameters().find("tsp").unwrap();
    let reading = out.reading_mut(id);
    reading.value = Some(Decimal::new(tsp, 1));
    if tsp % 7 == 0 {
        reading.flag = Flag::Maintenance;
    }
    out
}

async fn append(lake: &Lake, appender: &mut Appender, position: u64, observations: &[Observation]) {
    let mut rows = ObservationRows::new(lake.parameters().clone());
    let mut days = LocalDays::new(lake.timezone());
    for o in observations {
        let received = o.time.plus_micros(i64::try_from(position).unwrap());
        rows.append(o, received, days.day_of(o.time).unwrap());
    }
    appender.append_rows(&rows, position).await.unwrap();
}

/// Two days in many commits, the newest device first, and a correction whose earlier row stays.
async fn fill(lake: &Lake, commits: u64) -> Appender {
    let mut appender = Appender::open(lake, KIND, "filler").await.unwrap();
    for commit in 1..=commits {
        let minute = i64::try_from(commit).unwrap();
        let mut observations = Vec::new();
        for device in ["C", "A", "B"] {
            observations.push(observation(lake, device, minute, minute * 10));
            observations.push(observation(lake, device, 1440 + minute, minute * 3));
        }
        observations.push(observation(lake, "A", 1, 5000 + minute));
        append(lake, &mut appender, commit, &observations).await;
    }
    appender
}

/// Every row of a version with every column, sorted, as text: the rows themselves, not the view that takes the latest.
async fn rows(lake: &Lake, version: Option<u64>) -> Vec<String> {
    let table = lake.read(KIND, version).await.unwrap();
    let context = SessionContext::new();
    context.register_table("t", table.provider).unwrap();
    let batches = context
        .sql("SELECT * FROM t")
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn when(today: i32) -> CompactWhen {
    CompactWhen {
        today,
        open_day_files: 10,
    }
}

fn data_files(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("observations"))
        .unwrap()
        .map(|day| day.unwrap())
        .filter(|day| day.file_name().to_str().unwrap().starts_with("day="))
        .flat_map(|day| std::fs::read_dir(day.path()).into_iter().flatten())
        .filter(|file| {
            let path = file.as_ref().unwrap().path();
            path.extension().is_some_and(|extension| extension == "parquet")
        })
        .count()
}

#[tokio::test]
async fn a_compacted_day_is_one_sorted_file_with_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    fill(&lake, 12).await;
    let (before, version) = (
        rows(&lake, None).await,
        lake.version(KIND).await.unwrap().unwrap(),
    );
    let done = lake.compact(KIND, when(100)).await.unwrap();
    assert_eq!((done.days, done.files_before, done.files_after), (2, 24, 2));
    assert!(done.bytes_after < done.bytes_before);
    assert_eq!(rows(&lake, None).await, before);
    assert_eq!(
        rows(&lake, Some(version)).await,
        before,
        "the version before stays readable"
    );
    assert_eq!(
        lake.compact(KIND, when(100)).await.unwrap().days,
        0,
        "there is nothing left to do"
    );

    let after = lake.version(KIND).await.unwrap().unwrap();
    assert_eq!(
        lake.touched_days(version, after).await.unwrap(),
        TouchedDays::Days(BTreeSet::new()),
        "rollups and identity have nothing to look at again"
    );
    let report = lake.verify(KIND).await.unwrap();
    assert_eq!((report.files, report.rows, report.damages.len()), (2, 12 * 7, 0));
    let table = lake.read(KIND, None).await.unwrap();
    let context = SessionContext::new();
    context.register_table("t", table.provider).unwrap();
    let one_day = "SELECT device, observed_at FROM t WHERE day = DATE '1970-01-02'";
    let batches = context.sql(one_day).await.unwrap().collect().await.unwrap();
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("1970")).collect();
    assert!(lines.len() > 30 && lines.is_sorted(), "{text}");
}

#[tokio::test]
async fn the_running_day_is_left_alone_until_its_files_are_many() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let mut appender = fill(&lake, 10).await;
    // Day 1 is over, day 2 runs with its ten files.
    assert_eq!(lake.compact(KIND, when(2)).await.unwrap().days, 1);
    append(&lake, &mut appender, 11, &[observation(&lake, "A", 1500, 1)]).await;
    assert_eq!(lake.compact(KIND, when(2)).await.unwrap().files_before, 11);
}

#[tokio::test]
async fn appends_go_on_while_days_are_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let mut appender = fill(&lake, 20).await;
    let appending = async {
        for commit in 21..=60u64 {
            let one = observation(&lake, "D", i64::try_from(commit).unwrap(), 1);
            append(&lake, &mut appender, commit, &[one]).await;
        }
    };
    let compacting = async {
        let mut days = 0;
        for _ in 0..6 {
            days += lake.compact(KIND, when(100)).await.map_or(0, |done| done.days);
        }
        days
    };
    let ((), days) = tokio::join!(appending, compacting);
    assert!(days >= 2, "{days}");
    let table = lake.verify(KIND).await.unwrap();
    assert_eq!((table.rows, table.damages.len()), (20 * 7 + 40, 0));
    assert_eq!(
        Appender::open(&lake, KIND, "filler").await.unwrap().position(),
        Some(60)
    );
}

#[tokio::test]
async fn what_no_version_reads_is_deleted_and_old_days_go() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    let mut appender = fill(&lake, 6).await;
    lake.compact(KIND, when(100)).await.unwrap();
    assert_eq!(
        data_files(folder.path()),
        14,
        "the replaced files are still there"
    );
    assert_eq!(
        lake.vacuum(KIND, 3).await.unwrap().files,
        0,
        "they are younger than three days"
    );
    assert_eq!(lake.vacuum(KIND, 0).await.unwrap().files, 12);
    assert_eq!(data_files(folder.path()), 2);
    assert_eq!(lake.remove_days_before(KIND, 2).await.unwrap(), 1);
    assert_eq!(lake.verify(KIND).await.unwrap().rows, 6 * 3);
    // The appender, which opened the table long before, goes on.
    append(&lake, &mut appender, 7, &[observation(&lake, "A", 1600, 1)]).await;
    assert_eq!(lake.verify(KIND).await.unwrap().rows, 6 * 3 + 1);
}

#[tokio::test]
async fn with_no_days_to_keep_a_commit_that_is_under_way_keeps_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    fill(&lake, 3).await;
    lake.compact(KIND, when(100)).await.unwrap();
    let under_way = folder
        .path()
        .join("observations/day=1970-01-02/part-under-way.parquet");
    std::fs::write(&under_way, "written, and not committed yet").unwrap();
    assert_eq!(lake.vacuum(KIND, 0).await.unwrap().files, 6);
    assert!(under_way.exists());
}

/// Rows of a compacted file the other way round, in a file that says it is sorted, as large as the log says.
#[tokio::test]
async fn a_compacted_file_that_is_not_in_its_order_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    fill(&lake, 5).await;
    lake.compact(KIND, when(100)).await.unwrap();
    assert!(lake.verify(KIND).await.unwrap().damages.is_empty());

    let day = folder.path().join("observations/day=1970-01-02");
    let log = folder.path().join("observations/_delta_log");
    let newest = std::fs::read_dir(&log)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .max();
    let newest = newest.unwrap();
    let entry = std::fs::read_to_string(&newest).unwrap();
    let added = |line: &str| -> Option<(String, i64)> {
        let action: serde_json::Value = serde_json::from_str(line).ok()?;
        let add = action.get("add")?;
        Some((add["path"].as_str()?.to_owned(), add["size"].as_i64()?))
    };
    let (path, size) = entry.lines().find_map(added).unwrap();
    let file = folder.path().join("observations").join(&path);
    assert!(file.starts_with(folder.path()) && day.exists());
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&file).unwrap()).unwrap();
    let said = reader.metadata().row_group(0).sorting_columns().unwrap().clone();
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    let rows = u32::try_from(batch.num_rows()).unwrap();
    let backwards = UInt32Array::from_iter_values((0..rows).rev());
    let batch = take_record_batch(&batch, &backwards).unwrap();
    let properties = WriterProperties::builder()
        .set_sorting_columns(Some(said))
        .build();
    let out = std::fs::File::create(&file).unwrap();
    let mut writer = ArrowWriter::try_new(out, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let fresh = std::fs::metadata(&file).unwrap().len();
    let entry = entry.replace(&format!("\"size\":{size}"), &format!("\"size\":{fresh}"));
    std::fs::write(&newest, entry).unwrap();

    let damages = lake.verify(KIND).await.unwrap().damages;
    assert_eq!(damages.len(), 1, "{damages:?}");
    assert!(damages[0].contains("row 1 is out of the order"), "{damages:?}");
}

#[tokio::test]
async fn damage_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path());
    fill(&lake, 3).await;
    let day = folder.path().join("observations").join("day=1970-01-02");
    let mut files: Vec<_> = std::fs::read_dir(&day)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    std::fs::remove_file(&files[0]).unwrap();
    let bytes = std::fs::read(&files[1]).unwrap();
    std::fs::write(&files[1], &bytes[..bytes.len() - 9]).unwrap();
    let mut bytes = std::fs::read(&files[2]).unwrap();
    let middle = bytes.len() - 200;
    bytes[middle..].fill(0xff);
    std::fs::write(&files[2], bytes).unwrap();
    let damages = lake.verify(KIND).await.unwrap().damages;
    assert_eq!(damages.len(), 3, "{damages:?}");
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(damages.iter().any(|damage| damage.contains(name)), "{name}");
    }
}
