//! The dashboard: pages for people, and the same figures as JSON for programs.
//!
//! Place on the way: last. A request becomes a [`figures::Question`]; its answer is computed by the analytics crate at the
//! newest versions of the tables, kept as long as these are the newest, and written as a page (`page/`) or as JSON
//! (`api.rs`). Pages are whole without a script; a small one fetches a page anew when the tables have changed.
//!
//! Invariants: nothing here computes a figure; nothing changes a table; no file comes from another host; a page and the
//! JSON behind it are the same answer.

mod api;
mod chart;
mod error;
mod figures;
mod guard;
mod lang;
mod live;
mod page;
mod table;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use dustwatch_config::Settings;
use dustwatch_observation::Clock;
use tokio::net::TcpListener;

pub use error::ServeError;
use figures::Figures;

const STYLE: &str = include_str!("../assets/style.css");
const SCRIPT: &str = include_str!("../assets/live.js");

/// A dashboard that listens.
#[derive(Debug)]
pub struct Dashboard {
    listener: TcpListener,
    figures: Arc<Figures>,
}

impl Dashboard {
    /// Listens on `serve.listen`.
    ///
    /// # Errors
    /// [`ServeError::NotLoopback`] when the address is not this machine alone: there is no log-in, so whoever reached it
    /// would read everything. [`ServeError::Address`], [`ServeError::Listen`] when it cannot be used,
    /// [`ServeError::Lake`] when the lake cannot.
    pub async fn open(settings: Settings, listen: &str, clock: Arc<dyn Clock>) -> Result<Self, ServeError> {
        let address: SocketAddr = listen
            .parse()
            .map_err(|_| ServeError::Address(listen.to_owned()))?;
        if !address.ip().is_loopback() {
            return Err(ServeError::NotLoopback(address));
        }
        let listener = TcpListener::bind(address)
            .await
            .map_err(|cause| ServeError::Listen { address, cause })?;
        let figures = Arc::new(Figures::open(settings, clock)?);
        Ok(Self { listener, figures })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// [`ServeError::Failed`] when the system does not say.
    pub fn address(&self) -> Result<SocketAddr, ServeError> {
        self.listener.local_addr().map_err(ServeError::Failed)
    }

    /// Answers until `stop` ends; requests under way are answered, live connections are closed.
    ///
    /// # Errors
    /// [`ServeError::Failed`] when the listener does.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        let closing = self.figures.clone();
        let app = router(self.figures);
        let stop = async move {
            stop.await;
            closing.close();
        };
        axum::serve(self.listener, app)
            .with_graceful_shutdown(stop)
            .await
            .map_err(ServeError::Failed)
    }
}

fn router(figures: Arc<Figures>) -> Router {
    Router::new()
        .merge(page::routes())
        .nest("/api/v1", api::routes())
        .route("/events", get(live::events))
        .route("/style.css", get(async || file("text/css; charset=utf-8", STYLE)))
        .route(
            "/live.js",
            get(async || file("text/javascript; charset=utf-8", SCRIPT)),
        )
        .fallback(page::not_found)
        .layer(axum::middleware::from_fn(guard::guard))
        .with_state(figures)
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, "max-age=300"),
        ],
        text,
    )
}
