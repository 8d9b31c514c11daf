//! Several writers of one table, and a store that fails: every row once, every position right.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::prelude::SessionContext;
use dustwatch_config::Settings;
use dustwatch_lake::{Appender, CompactWhen, Lake, LocalDays, ObservationRows, TableKind};
use dustwatch_observation::{Decimal, Observation, Time};
use support::failing::Failing;

const KIND: TableKind = TableKind::Observations;
const MIDNIGHT: i64 = 1_565_020_800_000_000; // 2019-08-06T00:00+08:00

fn lake_at(uri: &str) -> Lake {
    let settings = Settings::load(None).unwrap();
    Lake::at(uri, settings.parameters, settings.district.timezone).unwrap()
}

/// One observation of a device at a minute of 6 August 2019.
fn row(lake: &Lake, device: &str, minute: u64) -> ObservationRows {
    row_after(lake, device, i64::try_from(minute).unwrap())
}

/// The same so many minutes after its beginning, or before it.
fn row_after(lake: &Lake, device: &str, minute: i64) -> ObservationRows {
    let mut rows = ObservationRows::new(lake.parameters().clone());
    let mut observation = Observation::new(lake.parameters().len());
    observation.device = device.to_owned();
    observation.time = Time::from_micros(MIDNIGHT + minute * 60_000_000);
    let tsp = lake.parameters().find("tsp").unwrap();
    observation.reading_mut(tsp).value = Some(Decimal::parse(b"120.4").unwrap());
    let day = LocalDays::new(lake.timezone()).day_of(observation.time).unwrap();
    rows.append(&observation, observation.time, day);
    rows
}

/// Rows of the table, and different ones among them.
async fn counts(lake: &Lake) -> (i64, i64) {
    let context = SessionContext::new();
    let table = lake.read(KIND, None).await.unwrap();
    context.register_table("t", table.provider).unwrap();
    let sql = "SELECT count(*), count(DISTINCT concat(device, ' ', observed_at)) FROM t";
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let number = |column: usize| batches[0].column(column).as_primitive::<Int64Type>().value(0);
    (number(0), number(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_writers_at_once_lose_nothing_and_write_nothing_twice() {
    const COMMITS: u64 = 40;
    let folder = tempfile::tempdir().unwrap();
    let lake = lake_at(folder.path().to_str().unwrap());
    let writers = ["a", "b", "c"].map(|app_id| {
        let lake = lake.clone();
        tokio::spawn(async move {
            let mut appender = Appender::open(&lake, KIND, app_id).await.unwrap();
            for n in 1..=COMMITS {
                let commit = appender.append_rows(&row(&lake, app_id, n), n).await.unwrap();
                assert_eq!(commit.rows, 1);
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(counts(&lake).await, (120, 120));
    for app_id in ["a", "b", "c"] {
        let appender = Appender::open(&lake, KIND, app_id).await.unwrap();
        assert_eq!(appender.position(), Some(COMMITS), "{app_id}");
    }
}

/// Compactions at the same time, of the day that is written to, and a retention: nobody fails, since each looks again
/// when it was overtaken, and the table says what it would say without them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compaction_and_retention_go_through_beside_busy_writers() {
    const COMMITS: u64 = 60;
    const TODAY: i32 = 18_114; // 6 August 2019
    let folder = tempfile::tempdir().unwrap();
    let lake = lake_at(folder.path().to_str().unwrap());
    let mut old = Appender::open(&lake, KIND, "old").await.unwrap();
    for day in 1..=5i64 {
        let rows = row_after(&lake, "old", -day * 1440);
        old.append_rows(&rows, day.unsigned_abs()).await.unwrap();
    }
    let writers = ["a", "b", "c"].map(|app_id| {
        let lake = lake.clone();
        tokio::spawn(async move {
            let mut appender = Appender::open(&lake, KIND, app_id).await.unwrap();
            for n in 1..=COMMITS {
                appender.append_rows(&row(&lake, app_id, n), n).await.unwrap();
            }
        })
    });
    let keepers = [false, true].map(|removes| {
        let lake = lake.clone();
        let is_written = writers.iter().map(|w| w.abort_handle()).collect::<Vec<_>>();
        tokio::spawn(async move {
            let (mut compacted, mut removed) = (0, 0);
            while !is_written.iter().all(|writer| writer.is_finished()) {
                let when = CompactWhen {
                    today: TODAY + 1,
                    open_day_files: 1,
                };
                compacted += lake.compact(KIND, when).await.unwrap().days;
                if removes {
                    removed += lake.remove_days_before(KIND, TODAY - 2).await.unwrap();
                }
            }
            (compacted, removed)
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    let (mut compacted, mut removed) = (0, 0);
    for keeper in keepers {
        let done = keeper.await.unwrap();
        compacted += done.0;
        removed += done.1;
    }
    assert!(compacted >= 2, "{compacted} compactions");
    assert_eq!(removed, 3, "days before the one before yesterday");
    let rows = i64::try_from(3 * COMMITS).unwrap() + 2;
    assert_eq!(counts(&lake).await, (rows, rows));
    assert_eq!(lake.verify(KIND).await.unwrap().damages, Vec::<String>::new());
}

#[tokio::test]
async fn a_store_that_fails_before_and_after_the_deed_neither_loses_nor_doubles() {
    let mut after_success = 0;
    for seed in 1..=4u64 {
        let store = Arc::new(Failing::default());
        let lake = lake_at("memory:///lake").over(store.clone());
        let mut appender = Appender::open(&lake, KIND, "a").await.unwrap();
        store.fail_by(seed);
        for n in 1..=30 {
            let rows = row(&lake, "A", n);
            let mut attempts = 0;
            while let Err(error) = appender.append_rows(&rows, n).await {
                attempts += 1;
                assert!(attempts < 200, "seed {seed}, position {n}: {error}");
            }
            assert_eq!(appender.position(), Some(n));
        }
        store.recover();
        assert!(store.faults() > 10, "the store failed");
        after_success += store.after_success();
        assert_eq!(counts(&lake).await, (30, 30), "seed {seed}");
        let reopened = Appender::open(&lake, KIND, "a").await.unwrap();
        assert_eq!(reopened.position(), Some(30));
    }
    assert!(after_success > 4, "some puts were done and failed all the same");
}
