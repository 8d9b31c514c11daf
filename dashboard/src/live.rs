//! Server-sent events: a page hears that tables have changed, and fetches itself anew.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::stream::{Stream, unfold};

use crate::figures::Figures;

/// Between two looks at the tables while somebody listens.
const LOOK: Duration = Duration::from_secs(5);

/// An event `changed` each time that tables have changed; ends with the dashboard.
pub(crate) async fn events(
    State(figures): State<Arc<Figures>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut changes = figures.changes();
    changes.mark_unchanged();
    let stream = unfold((figures, changes), async |(figures, mut changes)| {
        loop {
            tokio::select! {
                changed = changes.changed() => {
                    let count = *changes.borrow_and_update();
                    if changed.is_err() || count == u64::MAX {
                        return None;
                    }
                    let event = Event::default().event("changed").data(count.to_string());
                    return Some((Ok(event), (figures, changes)));
                }
                () = tokio::time::sleep(LOOK) => figures.look().await,
            }
        }
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}
