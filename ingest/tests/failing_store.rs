//! An ingester whose lake is in an object store that fails, falls silent, or fails after it has done what it was told:
//! what was confirmed is in the table once, and an end comes in time.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;
#[path = "../../lake/tests/support/failing.rs"]
mod failing;

use std::sync::Arc;
use std::time::Duration;

use common::{client, observation, publish, settings, wait_for_ack};
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::prelude::SessionContext;
use dustwatch_config::{AckAfter, Settings};
use dustwatch_ingest::{EmbeddedBroker, Pipeline};
use dustwatch_lake::{Lake, TableKind};
use dustwatch_observation::SystemClock;
use failing::Failing;

const SOON: Duration = Duration::from_secs(60);

/// Settings, a broker, and a lake in a store.
fn district(folder: &std::path::Path) -> (Settings, Arc<Failing>, Lake) {
    let mut settings = settings(folder);
    settings.lake.shutdown_seconds = 2;
    EmbeddedBroker::start(&settings.broker.url).unwrap();
    let store = Arc::new(Failing::default());
    let lake = Lake::at(
        "memory:///lake",
        settings.parameters.clone(),
        settings.district.timezone,
    );
    (settings, store.clone(), lake.unwrap().over(store))
}

/// Starts an ingester; the one before it may still be letting go of its journal.
async fn start(lake: &Lake, settings: &Settings) -> Pipeline {
    let started = async {
        loop {
            match Pipeline::start_into(lake.clone(), settings, Arc::new(SystemClock)).await {
                Ok(pipeline) => return pipeline,
                Err(error) => eprintln!("{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let pipeline = tokio::time::timeout(SOON, started).await.unwrap();
    pipeline.ready().await;
    pipeline
}

async fn wait_until(what: &str, fits: impl Fn() -> bool) {
    let waiting = async {
        while !fits() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, waiting)
        .await
        .unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

/// Rows of the table, and different ones among them.
async fn counts(lake: &Lake) -> (i64, i64) {
    let context = SessionContext::new();
    let table = lake.read(TableKind::Observations, None).await.unwrap();
    context.register_table("t", table.provider).unwrap();
    let sql = "SELECT count(*), count(DISTINCT concat(device, ' ', observed_at)) FROM t";
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let number = |column: usize| batches[0].column(column).as_primitive::<Int64Type>().value(0);
    (number(0), number(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_before_and_after_the_deed() {
    let mut after_success = 0;
    for seed in 1..=4u64 {
        let folder = tempfile::tempdir().unwrap();
        let (mut settings, store, lake) = district(folder.path());
        settings.lake.shutdown_seconds = 60;
        let pipeline = start(&lake, &settings).await;
        let (client, mut acks) = client(&settings, "agent").await;
        store.fail_by(seed);
        for seq in 1..=400 {
            publish(&client, observation(seq, 1, "120.4")).await;
            if seq % 100 == 0 {
                publish(&client, "not json").await;
                wait_for_ack(&mut acks, seq).await;
                wait_until("a commit", || pipeline.stats().snapshot().committed >= seq).await;
            }
        }
        let summary = pipeline.shutdown().await.unwrap();
        assert_eq!(
            (summary.committed, summary.left_in_journal),
            (400, 0),
            "seed {seed}"
        );
        store.recover();
        after_success += store.after_success();
        assert_eq!(counts(&lake).await, (400, 400), "seed {seed}");
        let again = start(&lake, &settings).await.shutdown().await.unwrap();
        assert_eq!(
            (again.committed, again.duplicates),
            (0, 0),
            "nothing is left to replay"
        );
    }
    assert!(after_success > 0, "no put was done and failed all the same");
}

/// While the store is out, or answers nothing, messages are taken and confirmed, and a shutdown does not wait for it;
/// the next start makes up for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_out_of_reach_holds_up_the_table_and_nothing_else() {
    for silent in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (settings, store, lake) = district(folder.path());
        let pipeline = start(&lake, &settings).await;
        let (client, mut acks) = client(&settings, "agent").await;
        if silent {
            store.fall_silent();
        } else {
            store.go_out();
        }
        for seq in 1..=300 {
            publish(&client, observation(seq, 1, "120.4")).await;
        }
        wait_for_ack(&mut acks, 300).await;
        wait_until("a commit that fails", || store.faults() > 0).await;
        let summary = pipeline.shutdown().await.unwrap();
        assert_eq!((summary.committed, summary.left_in_journal), (0, 300));
        store.recover();
        let summary = start(&lake, &settings).await.shutdown().await.unwrap();
        assert_eq!((summary.committed, summary.left_in_journal), (300, 0));
        assert_eq!(counts(&lake).await, (300, 300));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_to_be_confirmed_after_the_table_waits_for_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let (mut settings, store, lake) = district(folder.path());
    settings.broker.ack_after = AckAfter::Lake;
    let pipeline = start(&lake, &settings).await;
    let (client, mut acks) = client(&settings, "agent").await;
    store.go_out();
    for seq in 1..=20 {
        publish(&client, observation(seq, 1, "120.4")).await;
    }
    let failures = store.faults();
    wait_until("three attempts", || store.faults() > failures + 2).await;
    let now = pipeline.stats().snapshot();
    assert_eq!((now.journaled, now.acknowledged), (20, 0));
    assert!(acks.try_recv().is_err(), "nothing is confirmed");
    store.recover();
    wait_for_ack(&mut acks, 20).await;
    let summary = pipeline.shutdown().await.unwrap();
    assert_eq!((summary.committed, summary.left_in_journal), (20, 0));
    assert_eq!(counts(&lake).await, (20, 20));
}
