//! The ingester against the embedded broker: what is published is in the table once, what is wrong is rejected with
//! its reason, and devices are told what is durable.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{client, observation, publish, settings, wait_for_ack};
use dustwatch_config::Settings;
use dustwatch_ingest::{EmbeddedBroker, Pipeline};
use dustwatch_lake::{Lake, TableKind};
use dustwatch_observation::{Reason, SystemClock};

async fn rows(settings: &Settings, kind: TableKind) -> u64 {
    let history = Lake::new(settings).unwrap().history(kind, 1000).await.unwrap();
    history.iter().map(|entry| entry.rows_added).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_is_in_the_table_once_and_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    EmbeddedBroker::start(&settings.broker.url).unwrap();
    let pipeline = Pipeline::start(&settings, Arc::new(SystemClock)).await.unwrap();
    pipeline.ready().await;
    let (client, mut acks) = client(&settings, "agent").await;
    for seq in 1..=500 {
        publish(&client, observation(seq, 1, "120.4")).await;
        if seq % 7 == 0 {
            publish(&client, observation(seq, 1, "120.4")).await;
        }
    }
    publish(&client, "not json").await;
    publish(&client, vec![b' '; 5 << 20]).await;
    publish(&client, observation(501, 1, "\"high\"")).await;
    publish(&client, observation(502, 1, "1.23")).await;
    wait_for_ack(&mut acks, 502).await;
    let summary = pipeline.shutdown().await.unwrap();
    assert_eq!(summary.committed, 501);
    assert_eq!(summary.duplicates, 71);
    let reasons: Vec<(Reason, u64)> = summary.rejected.into_iter().collect();
    assert_eq!(
        reasons,
        [
            (Reason::TooLarge, 1),
            (Reason::NotJson, 1),
            (Reason::WrongType, 1)
        ]
    );
    assert_eq!(rows(&settings, TableKind::Observations).await, 501);
    assert_eq!(rows(&settings, TableKind::Rejected).await, 3);

    // A restart has nothing to replay and knows what it has; a correction is appended.
    let pipeline = Pipeline::start(&settings, Arc::new(SystemClock)).await.unwrap();
    pipeline.ready().await;
    publish(&client, observation(500, 500, "120.4")).await;
    publish(&client, observation(503, 500, "99.9")).await;
    publish(&client, "{\"time\":1565020860000,\"tsp\":7}").await;
    tokio::time::timeout(Duration::from_secs(20), async {
        while pipeline.stats().snapshot().observations < 3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("three observations arrive in time");
    let summary = pipeline.shutdown().await.unwrap();
    assert_eq!(
        (summary.committed, summary.duplicates, summary.corrections),
        (2, 1, 1)
    );
    assert_eq!(rows(&settings, TableKind::Observations).await, 503);
}
