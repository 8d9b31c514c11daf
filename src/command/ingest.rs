//! `ingest`: from a broker into the lake, until stopped.

use std::sync::Arc;

use anyhow::Context;
use dustwatch_config::Settings;
use dustwatch_edge::Shutdown;
use dustwatch_ingest::{Pipeline, open_door};
use dustwatch_observation::SystemClock;

use super::origin::Origin;
use super::reload;
use crate::notify;

/// Runs the ingester until a signal or a failure.
pub(crate) async fn run(origin: Origin) -> anyhow::Result<()> {
    let settings = origin.load()?;
    let mut shutdown = Shutdown::on_signals();
    let mut pipeline = Pipeline::start(&settings, Arc::new(SystemClock)).await?;
    open_operators_door(&settings, &pipeline).await?;
    reload::keep_registry(origin, settings, &pipeline);
    watch(&mut pipeline, &mut shutdown).await?;
    pipeline.shutdown().await?;
    Ok(())
}

/// Opens `/metrics`, `/live` and `/ready`. The default address may be taken, by another ingester for one; one that was
/// asked for may not.
pub(crate) async fn open_operators_door(settings: &Settings, pipeline: &Pipeline) -> anyhow::Result<()> {
    let address = &settings.metrics_listen;
    if address.is_empty() {
        return Ok(());
    }
    match open_door(address, pipeline.observatory()).await {
        Ok(listen) => tracing::info!(%listen, "metrics, live and ready are told here"),
        Err(error) if settings.metrics_listen_is_set => {
            return Err(error).with_context(|| format!("serve.metrics_listen: {address}"));
        }
        Err(error) => {
            tracing::warn!(address, %error, "no metrics; serve.metrics_listen names another address");
        }
    }
    Ok(())
}

/// Says `ready` once the broker has confirmed the subscription, and returns when stopping is asked for.
pub(crate) async fn watch(pipeline: &mut Pipeline, shutdown: &mut Shutdown) -> anyhow::Result<()> {
    let subscribed = pipeline.subscribed();
    let announced = tokio::spawn(async move {
        subscribed.await;
        tracing::info!("ready");
        notify::tell(notify::READY);
    });
    let ended = tokio::select! {
        failure = pipeline.failure() => Err(failure.into()),
        () = shutdown.requested() => Ok(()),
    };
    announced.abort();
    notify::tell(notify::STOPPING);
    ended
}
