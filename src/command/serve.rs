//! `serve`: the dashboard, and notices that are due, over a lake that others write.

use std::sync::Arc;

use dustwatch_config::Settings;
use dustwatch_dashboard::Dashboard;
use dustwatch_edge::Shutdown;
use dustwatch_observation::SystemClock;

use super::noticing::keep_noticing;
use crate::cli::ServeArgs;

/// Serves until a signal.
pub(crate) async fn run(settings: &Settings, args: ServeArgs) -> anyhow::Result<()> {
    let listen = args.listen.unwrap_or_else(|| settings.serve_listen.clone());
    let dashboard = Dashboard::open(settings.clone(), &listen, Arc::new(SystemClock)).await?;
    eprintln!("the dashboard is at http://{}/", dashboard.address()?);
    let mut shutdown = Shutdown::on_signals();
    let (_, registry) = tokio::sync::watch::channel(settings.registry.clone());
    let notices = tokio::spawn(keep_noticing(settings.clone(), registry, shutdown.clone()));
    dashboard.serve(async move { shutdown.requested().await }).await?;
    // A notice under way is a matter of seconds, and is written whole or not at all.
    notices.await?;
    Ok(())
}

/// Serves beside the other parts of a process, until it shuts down. An address that is taken is said, and nothing more:
/// observations matter more than pages.
pub(crate) async fn beside(settings: Settings, mut shutdown: Shutdown) {
    let listen = settings.serve_listen.clone();
    let served = async {
        let dashboard = Dashboard::open(settings, &listen, Arc::new(SystemClock)).await?;
        let address = dashboard.address()?;
        tracing::info!(%address, "the dashboard is at http://{address}/");
        dashboard.serve(async move { shutdown.requested().await }).await
    };
    if let Err(error) = served.await {
        tracing::warn!(%error, "there is no dashboard");
    }
}
