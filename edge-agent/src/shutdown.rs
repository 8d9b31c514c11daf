//! The word to stop, from signals or from another part of the program, to everything that runs.
//!
//! Invariant: once requested, a shutdown stays requested.

use tokio::sync::watch;

/// Asks everything that holds the [`Shutdown`] beside it to stop.
#[derive(Debug, Clone)]
pub struct ShutdownTrigger(watch::Sender<bool>);

/// Knows whether stopping was asked for. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl ShutdownTrigger {
    /// Asks to stop; more than once is the same as once.
    pub fn request(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// A shutdown and the trigger that requests it. Dropping the trigger does not.
    pub fn new() -> (ShutdownTrigger, Shutdown) {
        let (sender, receiver) = watch::channel(false);
        (ShutdownTrigger(sender), Shutdown(receiver))
    }

    /// A shutdown that nobody ever requests.
    pub fn never() -> Shutdown {
        Shutdown::new().1
    }

    /// A shutdown that SIGINT (Ctrl-C) and SIGTERM request; the second signal ends the process at once.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled.
    pub fn on_signals() -> Shutdown {
        let (trigger, shutdown) = Shutdown::new();
        tokio::spawn(async move {
            signal().await;
            tracing::info!("stopping; the same signal again ends at once");
            trigger.request();
            // A shell, a wrapper and a terminal may each pass one key press on.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            signal().await;
            std::process::exit(1);
        });
        shutdown
    }

    /// Whether stopping was asked for.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until stopping is asked for; for ever when nobody can any more.
    pub async fn requested(&mut self) {
        if self.0.wait_for(|requested| *requested).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

#[cfg(not(unix))]
async fn signal() {
    drop(tokio::signal::ctrl_c().await);
}
