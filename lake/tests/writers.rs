//! Several writers of one table, and a store that fails: every row once, every position right.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::prelude::SessionContext;
use dustwatch_config::Settings;
use dustwatch_lake::{Appender, Lake, LocalDays, ObservationRows, TableKind};
use dustwatch_observation::{Decimal, Observation, Time};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

const KIND: TableKind = TableKind::Observations;
const MIDNIGHT: i64 = 1_565_020_800_000_000; // 2019-08-06T00:00+08:00

fn lake_at(uri: &str) -> Lake {
    let settings = Settings::load(None).unwrap();
    Lake::at(uri, settings.parameters, settings.district.timezone).unwrap()
}

/// One observation of a device at a minute of 6 August 2019.
fn row(lake: &Lake, device: &str, minute: u64) -> ObservationRows {
    let mut rows = ObservationRows::new(lake.parameters().clone());
    let mut observation = Observation::new(lake.parameters().len());
    observation.device = device.to_owned();
    observation.time = Time::from_micros(MIDNIGHT + i64::try_from(minute).unwrap() * 60_000_000);
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

/// A store in memory whose puts and gets fail by a seed: not done, or done and failed all the same.
#[derive(Debug)]
struct Failing {
    inner: InMemory,
    state: AtomicU64,
    faults: AtomicU64,
    after_success: AtomicU64,
}

impl std::fmt::Display for Failing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a failing store")
    }
}

impl Failing {
    fn new(seed: u64) -> Self {
        Self {
            inner: InMemory::new(),
            state: AtomicU64::new(seed),
            faults: AtomicU64::new(0),
            after_success: AtomicU64::new(0),
        }
    }

    /// 0..16, from the seed; a seed of 0 never fails.
    fn draw(&self) -> u64 {
        let before = self.state.load(Ordering::SeqCst);
        if before == 0 {
            return 15;
        }
        let next = before
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.state.store(next, Ordering::SeqCst);
        next >> 60
    }

    fn fault(&self) -> Error {
        self.faults.fetch_add(1, Ordering::SeqCst);
        Error::Generic {
            store: "failing",
            source: "made to fail".into(),
        }
    }
}

#[async_trait::async_trait]
impl ObjectStore for Failing {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match self.draw() {
            0 | 1 => Err(self.fault()),
            2 | 3 => {
                self.inner.put_opts(at, payload, options).await?;
                self.after_success.fetch_add(1, Ordering::SeqCst);
                Err(self.fault())
            }
            4 => {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                self.inner.put_opts(at, payload, options).await
            }
            _ => self.inner.put_opts(at, payload, options).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        match self.draw() {
            0 => Err(self.fault()),
            _ => self.inner.get_opts(at, options).await,
        }
    }

    fn delete_stream(&self, at: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(at)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[tokio::test]
async fn a_store_that_fails_before_and_after_the_deed_neither_loses_nor_doubles() {
    let mut after_success = 0;
    for seed in 1..=4u64 {
        let store = Arc::new(Failing::new(0));
        let lake = lake_at("memory:///lake").over(store.clone());
        let mut appender = Appender::open(&lake, KIND, "a").await.unwrap();
        store.state.store(seed, Ordering::SeqCst);
        for n in 1..=30 {
            let rows = row(&lake, "A", n);
            let mut attempts = 0;
            while let Err(error) = appender.append_rows(&rows, n).await {
                attempts += 1;
                assert!(attempts < 200, "seed {seed}, position {n}: {error}");
            }
            assert_eq!(appender.position(), Some(n));
        }
        store.state.store(0, Ordering::SeqCst);
        assert!(store.faults.load(Ordering::SeqCst) > 10, "the store failed");
        after_success += store.after_success.load(Ordering::SeqCst);
        assert_eq!(counts(&lake).await, (30, 30), "seed {seed}");
        let reopened = Appender::open(&lake, KIND, "a").await.unwrap();
        assert_eq!(reopened.position(), Some(30));
    }
    assert!(after_success > 4, "some puts were done and failed all the same");
}
