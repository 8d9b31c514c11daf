//! How the agent is, for whoever looks after it from afar: the payload of `…/health`.
//!
//! ```json
//! {"version": "0.1.0", "time": "2026-08-01T08:00:00Z", "uptime_s": 86400, "epoch": "6f1c", "spool": {"records": 12, "bytes": 8192},
//!  "sources": [{"kind": "modbus", "last": "2026-08-01T07:59:55Z"}],
//!  "config": {"id": "2026-08-01/3", "refused": null},
//!  "last_trouble": {"time": "2026-08-01T03:00:00Z", "what": "no connection, will try again reason=…"}}
//! ```

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use dustwatch_observation::{Clock, Time};
use serde_json::{Value, json};

use crate::settings::SourceSettings;

/// The last thing that the agent said in warning; whoever writes its log fills it.
#[derive(Debug, Clone, Default)]
pub struct Trouble(Arc<Mutex<Option<(Time, String)>>>);

impl Trouble {
    /// Something was said in warning.
    pub fn note(&self, time: Time, what: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((time, what));
    }

    fn last(&self) -> Option<(Time, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the parts of an agent say of themselves.
#[derive(Debug)]
pub(crate) struct Health {
    clock: Arc<dyn Clock>,
    started: Instant,
    trouble: Trouble,
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    /// What each source is, and when it was heard last.
    sources: Vec<(&'static str, Option<Time>)>,
    records: u64,
    bytes: u64,
    config: Option<String>,
    refused: Option<String>,
    /// Whether something changed that should not wait for its minute.
    is_news: bool,
}

impl Health {
    /// Of an agent that starts with these sources.
    pub(crate) fn new(sources: &[SourceSettings], clock: Arc<dyn Clock>, trouble: Trouble) -> Arc<Self> {
        let sources = sources.iter().map(|source| (source.kind(), None)).collect();
        Arc::new(Self {
            clock,
            started: Instant::now(),
            trouble,
            said: Mutex::new(Said {
                sources,
                ..Said::default()
            }),
        })
    }

    /// A source, counted from 0, has brought something.
    pub(crate) fn heard(&self, source: usize) {
        let now = self.clock.now();
        if let Some((_, last)) = self.said().sources.get_mut(source) {
            *last = Some(now);
        }
    }

    /// So much is in the spool and not confirmed.
    pub(crate) fn spooled(&self, records: u64, bytes: u64) {
        let mut said = self.said();
        (said.records, said.bytes) = (records, bytes);
    }

    /// A change of the settings is in force; with none, they are the file's.
    pub(crate) fn applied(&self, id: Option<String>) {
        let mut said = self.said();
        (said.config, said.refused, said.is_news) = (id, None, true);
    }

    /// A change of the settings is not.
    pub(crate) fn refused(&self, reason: &str) {
        let mut said = self.said();
        (said.refused, said.is_news) = (Some(reason.to_owned()), true);
    }

    /// Whether something is to be told at once; asked once.
    pub(crate) fn take_news(&self) -> bool {
        std::mem::take(&mut self.said().is_news)
    }

    /// The payload.
    pub(crate) fn to_json(&self, epoch: &str) -> Vec<u8> {
        let trouble = self.trouble.last();
        let said = self.said();
        let sources: Vec<Value> = said
            .sources
            .iter()
            .map(|(kind, last)| json!({"kind": kind, "last": last.map(rfc3339)}))
            .collect();
        let health = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "time": rfc3339(self.clock.now()),
            "uptime_s": self.started.elapsed().as_secs(),
            "epoch": epoch,
            "spool": {"records": said.records, "bytes": said.bytes},
            "sources": sources,
            "config": {"id": said.config, "refused": said.refused},
            "last_trouble": trouble.map(|(time, what)| json!({"time": rfc3339(time), "what": what})),
        });
        health.to_string().into_bytes()
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rfc3339(time: Time) -> String {
    time.to_chrono().map_or_else(String::new, |time| {
        time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    })
}
