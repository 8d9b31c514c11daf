//! Maintenance: keeps the tables' files few and their past short while an ingester runs.
//!
//! Place on the way: beside it, on a thread of its own with a runtime of its own, so that sorting a day never holds up
//! a message. Every few minutes days with too many files are compacted; once a day what no recent version reads is
//! deleted, and days beyond their retention are removed.
//!
//! Invariants: nothing here stops the ingester. What fails is logged and tried again at the next turn; of several
//! ingesters on one table those that come second find nothing to do. A clock that jumped deletes nothing: neither files
//! nor days are old because somebody set the date.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dustwatch_config::{LakeSettings, Settings};
use dustwatch_lake::{CompactWhen, Lake, LakeError, LocalDays, TableKind};
use dustwatch_observation::{Clock, Time};
use tokio::sync::oneshot;

/// Time from one look at the tables to the next.
const TURN: Duration = Duration::from_secs(120);
/// Turns from one deletion to the next: a day.
const TURNS_A_DAY: u64 = 24 * 30;
/// Tables whose days are compacted; the days of `hourly` are one file each already.
const COMPACTED: [TableKind; 2] = [TableKind::Observations, TableKind::Rejected];

/// How far the clock may have moved against the time that has passed since the start.
const TRUSTED_DRIFT: Duration = Duration::from_secs(3600);

/// Running maintenance; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Maintenance {
    _stop: oneshot::Sender<()>,
}

struct Keeper {
    lake: Lake,
    settings: LakeSettings,
    days: LocalDays,
    clock: Arc<dyn Clock>,
    started: (Time, Instant),
}

impl Maintenance {
    /// Starts it.
    pub(crate) fn start(lake: Lake, settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let mut keeper = Keeper {
            lake,
            settings: settings.lake.clone(),
            days: LocalDays::new(settings.district.timezone),
            started: (clock.now(), Instant::now()),
            clock,
        };
        let body = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(async {
                    tokio::select! {
                        _ = stopped => {}
                        () = keeper.run() => {}
                    }
                }),
                Err(error) => tracing::error!(%error, "tables are not maintained"),
            }
        };
        let thread = std::thread::Builder::new().name("maintenance".to_owned());
        if let Err(error) = thread.spawn(body) {
            tracing::error!(%error, "tables are not maintained");
        }
        Self { _stop: stop }
    }
}

impl Keeper {
    async fn run(&mut self) {
        for turn in 0u64.. {
            // Not at once: after a start the replay has the machine.
            tokio::time::sleep(TURN).await;
            if let Err(error) = self.compact().await {
                tracing::warn!(%error, "tables not compacted, trying again later");
            }
            if turn % TURNS_A_DAY == 0
                && let Err(error) = self.delete().await
            {
                tracing::warn!(%error, "old files not deleted, trying again tomorrow");
            }
        }
    }

    async fn compact(&mut self) -> Result<(), LakeError> {
        let Some(today) = self.days.day_of(self.clock.now()) else {
            return Ok(());
        };
        let when = CompactWhen {
            today,
            open_day_files: self.settings.open_day_files as usize,
        };
        for kind in COMPACTED {
            let done = self.lake.compact(kind, when).await?;
            if done.days > 0 {
                tracing::info!(
                    table = kind.name(),
                    days = done.days,
                    files_before = done.files_before,
                    files_after = done.files_after,
                    bytes_before = done.bytes_before,
                    bytes_after = done.bytes_after,
                    "compacted"
                );
            }
        }
        Ok(())
    }

    async fn delete(&mut self) -> Result<(), LakeError> {
        let drift = drift(self.started.0, self.clock.now(), self.started.1.elapsed());
        if drift > TRUSTED_DRIFT {
            let drift_s = drift.as_secs();
            tracing::warn!(
                drift_s,
                "the clock was set since the start: nothing is deleted before the next one"
            );
            return Ok(());
        }
        let today = self.days.day_of(self.clock.now());
        // Counted back from what there is: a clock that was ahead at the start already must not empty the table.
        let newest = self.lake.newest_day(TableKind::Observations).await?;
        let retained = i32::try_from(self.settings.retain_days).unwrap_or(i32::MAX);
        if let Some(today) = today.min(newest).filter(|_| retained > 0) {
            for kind in COMPACTED {
                let files = self
                    .lake
                    .remove_days_before(kind, today.saturating_sub(retained))
                    .await?;
                tracing::info!(
                    table = kind.name(),
                    files,
                    retained,
                    "days beyond retention removed"
                );
            }
        }
        for kind in TableKind::ALL {
            let done = self.lake.vacuum(kind, self.settings.keep_versions_days).await?;
            tracing::info!(
                table = kind.name(),
                files = done.files,
                log_entries = done.log_entries,
                "old files deleted"
            );
        }
        Ok(())
    }
}

/// How far a clock has moved against the time that has passed.
fn drift(before: Time, now: Time, passed: Duration) -> Duration {
    let passed = i64::try_from(passed.as_micros()).unwrap_or(i64::MAX);
    let shown = now.as_micros().saturating_sub(before.as_micros());
    Duration::from_micros(shown.saturating_sub(passed).unsigned_abs())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use dustwatch_lake::{Appender, ObservationRows};
    use dustwatch_observation::{ManualClock, Observation};

    use super::*;

    const DAY: i64 = 86_400_000_000;

    #[test]
    fn a_clock_that_was_set_has_drifted_by_as_much() {
        let hour = Duration::from_secs(3600);
        let at = |hours: i64| Time::from_micros(hours * 3_600_000_000);
        assert_eq!(drift(at(10), at(12), 2 * hour), Duration::ZERO);
        assert_eq!(drift(at(10), at(36), 2 * hour), 24 * hour);
        assert_eq!(drift(at(10), at(9), 2 * hour), 3 * hour);
    }

    /// An empty lake that keeps ten days, and what looks after it, started at one time and looking at another.
    async fn keeper(folder: &Path, started: Time, now: Time) -> (Lake, Keeper) {
        let mut settings = Settings::load(None).unwrap();
        settings.lake.uri = folder.join("lake").display().to_string();
        settings.lake.retain_days = 10;
        let lake = Lake::new(&settings).unwrap();
        let keeper = Keeper {
            lake: lake.clone(),
            settings: settings.lake.clone(),
            days: LocalDays::new(settings.district.timezone),
            clock: Arc::new(ManualClock::new(now)),
            started: (started, Instant::now()),
        };
        (lake, keeper)
    }

    /// Commits an observation on each of thirty days, so many times.
    async fn fill(lake: &Lake, commits: u64) {
        let mut appender = Appender::open(lake, TableKind::Observations, "test")
            .await
            .unwrap();
        for commit in 1..=commits {
            let mut rows = ObservationRows::new(lake.parameters().clone());
            for day in 0..30 {
                let mut observation = Observation::new(lake.parameters().len());
                observation.device = format!("110109-DY-{commit:04}");
                observation.time = Time::from_micros(i64::from(day) * DAY);
                rows.append(&observation, observation.time, day);
            }
            appender.append_rows(&rows, commit).await.unwrap();
        }
    }

    /// Days that are left after a turn of deletion.
    async fn days_after_deletion(started: Time, now: Time) -> u64 {
        let folder = tempfile::tempdir().unwrap();
        let (lake, mut keeper) = keeper(folder.path(), started, now).await;
        fill(&lake, 1).await;
        keeper.delete().await.unwrap();
        lake.verify(TableKind::Observations).await.unwrap().files
    }

    #[tokio::test]
    async fn days_that_are_over_become_one_file_each() {
        let folder = tempfile::tempdir().unwrap();
        let (lake, mut keeper) = keeper(
            folder.path(),
            Time::from_micros(29 * DAY),
            Time::from_micros(29 * DAY),
        )
        .await;
        fill(&lake, 2).await;
        assert_eq!(lake.verify(TableKind::Observations).await.unwrap().files, 60);
        keeper.compact().await.unwrap();
        let files = lake.verify(TableKind::Observations).await.unwrap().files;
        assert_eq!(files, 29 + 2, "today keeps the few that it has");
    }

    #[tokio::test]
    async fn days_go_by_what_there_is_and_never_by_a_clock_that_was_set() {
        let (today, in_a_year) = (Time::from_micros(29 * DAY), Time::from_micros(394 * DAY));
        assert_eq!(days_after_deletion(today, today).await, 11);
        assert_eq!(
            days_after_deletion(today, in_a_year).await,
            30,
            "set while it ran: nothing goes"
        );
        assert_eq!(
            days_after_deletion(in_a_year, in_a_year).await,
            11,
            "wrong from the start: the last days stay"
        );
    }
}
