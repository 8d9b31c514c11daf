//! Maintenance: keeps the tables' files few and their past short while an ingester runs.
//!
//! Place on the way: beside it, on a thread of its own with a runtime of its own, so that sorting a day never holds up
//! a message. Every few minutes days with too many files are compacted; once a day what no recent version reads is
//! deleted, and days beyond their retention are removed.
//!
//! Invariant: nothing here stops the ingester. What fails is logged and tried again at the next turn; of several
//! ingesters on one table those that come second find nothing to do, or fail and try later.

use std::sync::Arc;
use std::time::Duration;

use dustwatch_config::{LakeSettings, Settings};
use dustwatch_lake::{CompactWhen, Lake, LakeError, LocalDays, TableKind};
use dustwatch_observation::Clock;
use tokio::sync::oneshot;

/// Time from one look at the tables to the next.
const TURN: Duration = Duration::from_secs(120);
/// Turns from one deletion to the next: a day.
const TURNS_A_DAY: u64 = 24 * 30;
/// Tables whose days are compacted; the days of `hourly` are one file each already.
const COMPACTED: [TableKind; 2] = [TableKind::Observations, TableKind::Rejected];

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
}

impl Maintenance {
    /// Starts it.
    pub(crate) fn start(lake: Lake, settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let mut keeper = Keeper {
            lake,
            settings: settings.lake.clone(),
            days: LocalDays::new(settings.district.timezone),
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
        let today = self.days.day_of(self.clock.now());
        let retained = i32::try_from(self.settings.retain_days).unwrap_or(i32::MAX);
        if let Some(today) = today.filter(|_| retained > 0) {
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
