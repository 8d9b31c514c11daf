//! The operators' door: `/metrics`, `/live` and `/ready` over HTTP.
//!
//! Place on the way: beside it; it reads and changes nothing. Live: every stage runs. Ready: the journal has been
//! replayed, the broker has confirmed the subscription, the connection stands, and no shutdown is under way. A lake out
//! of reach or a full disk shows in the metrics and does not make an ingester unready: it takes messages as long as the
//! journal has room, and there is nobody who would take them better.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};

use crate::metrics::Metrics;
use crate::shutdown::Workers;
use crate::stats::Stats;

/// What can be seen of a running ingester from outside.
#[derive(Debug, Clone)]
pub struct Observatory {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) subscribed: watch::Receiver<bool>,
    /// Stages by name.
    pub(crate) stages: Vec<(&'static str, AbortHandle)>,
    pub(crate) stopping: Arc<AtomicBool>,
}

impl Observatory {
    pub(crate) fn new(
        metrics: Arc<Metrics>,
        stats: Arc<Stats>,
        subscribed: watch::Receiver<bool>,
        receiver: &JoinHandle<()>,
        workers: &Workers,
    ) -> Self {
        let mut stages = vec![("receive", receiver.abort_handle())];
        stages.extend(workers.handles());
        Self {
            metrics,
            stats,
            subscribed,
            stages,
            stopping: Arc::default(),
        }
    }

    /// The metrics in Prometheus' text format.
    pub fn metrics(&self) -> String {
        self.metrics.render()
    }

    /// Whether every stage runs, or which does not.
    ///
    /// # Errors
    /// The stage that has ended.
    pub fn live(&self) -> Result<(), String> {
        if self.stopping.load(Ordering::Relaxed) {
            // Stages end one after the other then, and a probe must not interrupt the last commit.
            return Ok(());
        }
        match self.stages.iter().find(|(_, stage)| stage.is_finished()) {
            Some((name, _)) => Err(format!("stage {name} has ended")),
            None => Ok(()),
        }
    }

    /// Whether messages are taken, or why not.
    ///
    /// # Errors
    /// What is waited for.
    pub fn ready(&self) -> Result<(), String> {
        self.live()?;
        let now = self.stats.snapshot();
        let reason = if self.stopping.load(Ordering::Relaxed) {
            "shutting down"
        } else if !now.replayed {
            "the journal is being replayed"
        } else if !now.connected {
            "the broker is not connected"
        } else if !*self.subscribed.borrow() {
            "the broker has not confirmed the subscription"
        } else {
            return Ok(());
        };
        Err(reason.to_owned())
    }
}

/// Listens at an address; where that is, with the port that was given out for port 0.
///
/// # Errors
/// When the address is taken or not this machine's.
pub async fn open_door(address: &str, observatory: Observatory) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let local = listener.local_addr()?;
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/live", get(live))
        .route("/ready", get(ready))
        .with_state(observatory);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::warn!(%error, "the operators' door has closed");
        }
    });
    Ok(local)
}

async fn metrics(State(observatory): State<Observatory>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, observatory.metrics()).into_response()
}

async fn live(State(observatory): State<Observatory>) -> Response {
    answer(observatory.live())
}

async fn ready(State(observatory): State<Observatory>) -> Response {
    answer(observatory.ready())
}

fn answer(state: Result<(), String>) -> Response {
    match state {
        Ok(()) => (StatusCode::OK, "ok\n").into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}
