//! What can go wrong when a dashboard opens, and when a question is asked of it.

use std::net::SocketAddr;

use axum::http::StatusCode;
use dustwatch_analytics::AnalyticsError;
use dustwatch_lake::LakeError;

/// Why a dashboard does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The setting is no address.
    #[error("serve.listen {0:?} is not an address like 127.0.0.1:8080")]
    Address(String),
    /// Others could reach it.
    #[error(
        "serve.listen {0} can be reached by other machines, and the dashboard has no log-in: listen on 127.0.0.1 and put a \
         proxy in front that asks who is there"
    )]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("listening on {address}: {cause}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
    /// The lake cannot be used.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The listener failed.
    #[error("the dashboard's listener failed: {0}")]
    Failed(std::io::Error),
}

/// Why a question has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum AskError {
    /// Nothing goes by that name.
    #[error("{0}")]
    Unknown(String),
    /// It cannot be asked like that.
    #[error("{0}")]
    Request(String),
    /// It is our fault; the log says more.
    #[error("the answer could not be computed")]
    Failed,
}

impl AskError {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            AskError::Unknown(_) => StatusCode::NOT_FOUND,
            AskError::Request(_) => StatusCode::BAD_REQUEST,
            AskError::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<AnalyticsError> for AskError {
    fn from(error: AnalyticsError) -> Self {
        match error {
            AnalyticsError::Period(_) | AnalyticsError::Request(_) => AskError::Request(error.to_string()),
            other => {
                tracing::error!(error = %other, "a question of the dashboard failed");
                AskError::Failed
            }
        }
    }
}
