//! What has been delivered to whom: the file `deliveries.json` beside the notices.
//!
//! Invariant: a delivery that was noted is not made again; one that a crash kept from being noted is, and the receiver
//! tells by the notice's name that it is the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};

const FILE: &str = "deliveries.json";

/// Seconds until the first retry; each next one waits twice as long, up to an hour.
const FIRST_RETRY: i64 = 5;
const LONGEST_RETRY: i64 = 3600;

/// How a delivery stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Whether the receiver has it.
    pub(crate) delivered: bool,
    /// Local time of the last try, `2019-08-12T09:00:05`.
    pub(crate) at: String,
    /// How often it was tried.
    pub(crate) tries: u32,
    /// Why the last try failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) error: Option<String>,
}

/// Deliveries by notice and way.
pub(crate) struct Deliveries {
    file: PathBuf,
    states: BTreeMap<String, BTreeMap<String, State>>,
}

impl Deliveries {
    /// Those of a folder; none where nothing was sent.
    pub(crate) fn load(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join(FILE);
        let states = match std::fs::read(&file) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).with_context(|| format!("reading {}", file.display()))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("reading {}", file.display())),
        };
        Ok(Self { file, states })
    }

    /// How the deliveries of a notice stand, by way.
    pub(crate) fn of(&self, notice: &str) -> impl Iterator<Item = (&String, &State)> {
        self.states.get(notice).into_iter().flatten()
    }

    /// Whether a notice is to be sent on a way now.
    pub(super) fn is_time(&self, notice: &str, way: &str, now: NaiveDateTime) -> bool {
        let state = self.states.get(notice).and_then(|ways| ways.get(way));
        let Some(state) = state else {
            return true;
        };
        let wait = FIRST_RETRY
            .saturating_mul(1 << state.tries.saturating_sub(1).min(20))
            .min(LONGEST_RETRY);
        // A clock that was put back must not hold a notice up for long.
        let passed = state
            .at
            .parse()
            .map(|at: NaiveDateTime| now.signed_duration_since(at).abs());
        let too_early = passed.is_ok_and(|passed| passed < TimeDelta::seconds(wait));
        !state.delivered && !too_early
    }

    /// Notes a try.
    pub(super) fn note(
        &mut self,
        notice: &str,
        way: &str,
        now: NaiveDateTime,
        sent: Result<(), String>,
    ) -> anyhow::Result<()> {
        let ways = self.states.entry(notice.to_owned()).or_default();
        let tries = ways.get(way).map_or(0, |state| state.tries).saturating_add(1);
        let state = State {
            delivered: sent.is_ok(),
            at: now.format("%Y-%m-%dT%H:%M:%S").to_string(),
            tries,
            error: sent.err(),
        };
        ways.insert(way.to_owned(), state);
        let text = serde_json::to_string_pretty(&self.states)?;
        crate::command::notice::write_whole(&self.file, text.as_bytes())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_delivery_waits_longer_each_time_and_a_made_one_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut deliveries = Deliveries::load(folder.path()).unwrap();
        let start: NaiveDateTime = "2019-08-12T09:00:00".parse().unwrap();
        let after = |seconds| start + TimeDelta::seconds(seconds);
        assert!(deliveries.is_time("weekly-2019-W32", "a", start));
        for (tries, wait) in [(1, 5), (2, 10), (3, 20)] {
            deliveries
                .note("weekly-2019-W32", "a", start, Err("no".to_owned()))
                .unwrap();
            let kept = Deliveries::load(folder.path()).unwrap();
            let (_, state) = kept.of("weekly-2019-W32").next().unwrap();
            assert_eq!((state.tries, state.error.as_deref()), (tries, Some("no")));
            assert!(!kept.is_time("weekly-2019-W32", "a", after(wait - 1)), "{tries}");
            assert!(kept.is_time("weekly-2019-W32", "a", after(wait)), "{tries}");
            assert!(kept.is_time("weekly-2019-W32", "b", start));
        }
        deliveries.note("weekly-2019-W32", "a", start, Ok(())).unwrap();
        assert!(!deliveries.is_time("weekly-2019-W32", "a", after(1_000_000)));
    }
}
