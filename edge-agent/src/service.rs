//! What the service manager is told: that the agent works, that it still does (a watchdog), and that it ends.
//!
//! The watchdog hears of the agent while both of its loops turn, the spool's and the publisher's. When a disk or a bug holds one of
//! them, it hears nothing and the manager starts the agent anew; what was synced is in the spool.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Longest time between two beats of a loop that turns.
pub(crate) const BEAT: Duration = Duration::from_secs(1);

/// A loop's sign of life. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// The loop turns.
    pub(crate) fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn beats(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Tells the manager that the agent works, and then, while all of these turn, that it still does; for ever.
pub(crate) async fn watch(pulses: &[Pulse]) {
    tell("READY=1");
    let Some(limit) = watchdog() else {
        return std::future::pending().await;
    };
    let mut before: Vec<u64> = pulses.iter().map(Pulse::beats).collect();
    loop {
        // At half of what the manager waits (sd_watchdog_enabled(3)), and no oftener than a loop beats.
        tokio::time::sleep((limit / 2).max(BEAT * 2)).await;
        let now: Vec<u64> = pulses.iter().map(Pulse::beats).collect();
        if now.iter().zip(&before).all(|(now, before)| now > before) {
            tell("WATCHDOG=1");
        } else {
            tracing::error!(
                "a part of the agent does not answer; the service manager is left to start it anew"
            );
        }
        before = now;
    }
}

/// Tells the manager that the agent ends.
pub(crate) fn stopping() {
    tell("STOPPING=1");
}

#[cfg(target_os = "linux")]
fn tell(word: &str) {
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Custom(word)]) {
        tracing::warn!(word, %error, "the service manager was not told");
    }
}

#[cfg(target_os = "linux")]
fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

#[cfg(not(target_os = "linux"))]
fn tell(_word: &str) {}

#[cfg(not(target_os = "linux"))]
fn watchdog() -> Option<Duration> {
    None
}
