//! The progress bar, on a terminal only.

use std::future::Future;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use dustwatch_edge::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// Shows how far it is while the work goes on.
pub(super) async fn with_bar<T>(progress: &Arc<Progress>, work: impl Future<Output = T>) -> T {
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let bar = ProgressBar::new(0);
    let plain = "{elapsed_precise} {bar:30} {pos}/{len} confirmed, {per_sec}, {eta} left {msg}";
    if let Ok(style) = ProgressStyle::with_template(plain) {
        bar.set_style(style);
    }
    let shown = bar.clone();
    let counters = Arc::clone(progress);
    let painter = tokio::spawn(async move {
        loop {
            shown.set_length(counters.total().max(counters.sent()));
            shown.set_position(counters.confirmed());
            match (counters.messages_resent(), counters.bad_lines()) {
                (0, 0) => {}
                (resent, bad) => shown.set_message(format!("({resent} resent, {bad} bad lines)")),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let out = work.await;
    painter.abort();
    bar.finish_and_clear();
    out
}
