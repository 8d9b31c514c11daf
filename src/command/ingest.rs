//! `ingest`: from a broker into the lake, until stopped.

use std::sync::Arc;

use dustwatch_config::Settings;
use dustwatch_edge::Shutdown;
use dustwatch_ingest::Pipeline;
use dustwatch_observation::SystemClock;

/// Runs the ingester until a signal or a failure.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let mut shutdown = Shutdown::on_signals();
    let mut pipeline = Pipeline::start(&settings, Arc::new(SystemClock)).await?;
    watch(&mut pipeline, &mut shutdown).await?;
    pipeline.shutdown().await?;
    Ok(())
}

/// Says `ready` once the broker has confirmed the subscription, and returns when stopping is asked for.
pub(crate) async fn watch(pipeline: &mut Pipeline, shutdown: &mut Shutdown) -> anyhow::Result<()> {
    let subscribed = pipeline.subscribed();
    let announced = tokio::spawn(async move {
        subscribed.await;
        tracing::info!("ready");
    });
    let ended = tokio::select! {
        failure = pipeline.failure() => Err(failure.into()),
        () = shutdown.requested() => Ok(()),
    };
    announced.abort();
    ended
}
