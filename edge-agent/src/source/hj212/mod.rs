//! HJ 212 over TCP: data loggers connect and report.
//!
//! A logger's frame is answered with 9014 only once its values are on the agent's disk, so a logger that keeps what was not
//! answered loses nothing to a power cut. What a logger sends again because an answer was lost is answered again and not kept
//! again. Parts of one message are gathered, kept as one observation, and answered together.
//!
//! Invariant: no frame vanishes: it is kept, or passed over with a word in the log that names the logger and why.

mod history;
mod loggers;
mod serve;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dustwatch_observation::DeviceId;
use dustwatch_observation::hj212::{Command, CrcMode, Unit};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::Intake;
use crate::Shutdown;
use loggers::Loggers;
use serve::Source;

/// Wait before an address that is taken is tried again.
const LISTEN_PAUSE: Duration = Duration::from_secs(5);
/// Loggers at the same time: a thousand, and as many old connections of theirs that nobody has closed.
const MAX_LOGGERS: usize = 2000;
/// Files that are left for the spool, the broker and the rest of the agent.
const OTHER_FILES: usize = 64;
/// Wait when the system has no connection to give.
const EXHAUSTED_PAUSE: Duration = Duration::from_secs(1);

/// A source of this kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hj212Settings {
    /// Where loggers connect.
    pub listen: SocketAddr,
    /// The logger's `MN`, if others are to be passed over.
    pub mn: Option<String>,
    /// The loggers that are listened to, by `MN`, each a device; without a list all that is heard is of the agent's device.
    pub loggers: Option<BTreeMap<String, LoggerSettings>>,
    /// Which checksums are believed.
    pub crc: CrcMode,
    /// Which data are kept: real-time values, or the means of minutes, hours or days. One kind, since the others say the same of
    /// the same times in another way; they are answered.
    pub command: Command,
    /// Units that the logger sends factors in, by factor.
    pub units: BTreeMap<String, Unit>,
    /// Whether loggers are asked for what they have not said.
    pub backfill: Option<Backfill>,
}

/// What a logger is asked for that reported with gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backfill {
    /// Between the beginnings of two means of minutes.
    pub interval: Duration,
    /// How far back it is asked.
    pub reach: Duration,
}

impl Hj212Settings {
    /// Whether what is heard may be of this device, the agent's own.
    pub(crate) fn is_of(&self, own: &DeviceId) -> bool {
        let listed = |loggers: &BTreeMap<String, LoggerSettings>| loggers.values().any(|l| l.device == *own);
        self.loggers.as_ref().is_none_or(listed)
    }
}

/// A logger of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggerSettings {
    /// Whose values it reports.
    pub device: DeviceId,
    /// Which of its data are kept.
    pub command: Command,
    /// Units that it sends factors in, by factor.
    pub units: BTreeMap<String, Unit>,
}

/// Listens until stopped.
pub(super) async fn run(settings: &Hj212Settings, intake: &Intake, mut shutdown: Shutdown) {
    let source = Arc::new(Source {
        loggers: Loggers::new(settings, intake),
        settings: settings.clone(),
        intake: intake.clone(),
    });
    loop {
        let listened = tokio::select! {
            ended = listen(&source) => ended,
            () = shutdown.requested() => return,
        };
        tracing::error!(listen = %settings.listen, error = %listened, "loggers cannot connect, trying again");
        tokio::select! {
            () = tokio::time::sleep(LISTEN_PAUSE) => {}
            () = shutdown.requested() => return,
        }
    }
}

/// Takes connections; returns why it cannot any more.
async fn listen(source: &Arc<Source>) -> std::io::Error {
    let listener = match TcpListener::bind(source.settings.listen).await {
        Ok(listener) => listener,
        Err(error) => return error,
    };
    tracing::info!(listen = ?listener.local_addr().ok(), "loggers may connect (HJ 212)");
    let most = most_loggers();
    // Dropped with this function: no connection outlives the source.
    let mut loggers = JoinSet::new();
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // Those that are connected stay: they are not to blame.
            Err(error) if is_exhausted(&error) => {
                tracing::error!(%error, loggers = loggers.len(), "a logger cannot connect; allow more open files (LimitNOFILE)");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
                continue;
            }
            Err(error) => return error,
        };
        while loggers.try_join_next().is_some() {}
        if loggers.len() >= most {
            tracing::warn!(%peer, most, "too many loggers at once: one is turned away; more open files (LimitNOFILE) allow more");
            continue;
        }
        let source = Arc::clone(source);
        loggers.spawn(async move {
            match source.serve(stream, peer).await {
                Ok(()) => tracing::debug!(%peer, "a logger has gone"),
                Err(error) => tracing::warn!(%peer, %error, "the connection of a logger failed"),
            }
        });
    }
}

/// How many loggers there is room for: without files to open, the spool could not work.
fn most_loggers() -> usize {
    // `Max open files            1024                 524288               files`
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let allowed = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    let room = |allowed: usize| allowed.saturating_sub(OTHER_FILES).clamp(1, MAX_LOGGERS);
    allowed.map_or(MAX_LOGGERS, room)
}

/// Whether a connection failed because the process or the system has too many files open (ENFILE, EMFILE).
fn is_exhausted(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}
