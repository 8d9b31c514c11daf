//! Replay of what was rejected: through the same decoder and judge, with the registry and settings of now.
//!
//! An operator mends the cause, a missing line of `stations.csv` for one, and has the kept payloads tried again. The
//! same identity as for messages: of a message of which parts were taken, only the rest is added, and a second replay
//! adds nothing. Observations keep the time at which they were received first, which is the truth about them: a
//! correction that came later still wins.
//!
//! Invariants: nothing is deleted from `rejected`; a row is noted as taken once its observations are committed, and
//! only when nothing of it is left out any more. It may run while ingesters do.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use dustwatch_config::Settings;
use dustwatch_journal::Position;
use dustwatch_lake::{
    Appender, Identity, IdentityCounts, Lake, ObservationRows, RejectedRow, ReplayedRow, Replays, TableKind,
};
use dustwatch_observation::{Clock, Reason, Topic};

use crate::IngestError;
use crate::commit::Waits;
use crate::confirm::Retained;
use crate::decode::MessageDecoder;
use crate::delivery::Journaled;
use crate::stats::Stats;

/// Attempts at a commit before the replay gives up; it may be started again.
const ATTEMPTS: u64 = 8;

/// Which rejections are tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRequest {
    /// Only those of this reason.
    pub reason: Option<Reason>,
    /// Only those whose topic names this device.
    pub device: Option<String>,
    /// Only those received on these local days (days since 1970).
    pub days: Option<RangeInclusive<i32>>,
    /// Only says what would become of them.
    pub dry_run: bool,
}

/// What became of the rejections of one reason. Those that an earlier replay has taken are not among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplayCounts {
    /// Messages of which nothing is left out any more.
    pub taken: u64,
    /// Messages of which something is still rejected.
    pub still_rejected: u64,
    /// Messages that are not kept whole, and lines of imported tables.
    pub not_replayable: u64,
}

/// What a replay did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayReport {
    /// The messages, by the reason that they were rejected for.
    pub messages: BTreeMap<Reason, ReplayCounts>,
    /// Observations added, corrections included.
    pub added: u64,
    /// Observations that the table had already.
    pub duplicates: u64,
}

/// Tries rejections again.
///
/// # Errors
/// [`IngestError::Lake`] when the lake fails. What was committed before stays, and a second try does the rest.
pub async fn replay_rejected(
    settings: &Settings,
    request: &ReplayRequest,
    clock: &dyn Clock,
) -> Result<ReplayReport, IngestError> {
    let lake = Lake::new(settings)?;
    let mut rejected = lake.rejected(request.days.clone()).await?;
    if rejected.version().is_none() {
        return Ok(ReplayReport::default());
    }
    let earlier = Replays::read(&lake, request.days.clone()).await?;
    let mut replay = Replay::open(settings, &lake, clock, request.dry_run).await?;
    while let Some(rows) = rejected.next().await? {
        for row in rows.iter().filter(|row| request.wants(row)) {
            let name = ReplayedRow::from(row);
            if !earlier.contains(&name) {
                replay.take(row, name);
            }
        }
        if replay.rows.len() >= settings.lake.commit_rows as usize {
            replay.commit().await?;
        }
    }
    replay.commit().await?;
    Ok(replay.report)
}

impl ReplayRequest {
    fn wants(&self, row: &RejectedRow) -> bool {
        self.reason.is_none_or(|reason| reason == row.reason)
            && self
                .device
                .as_ref()
                .is_none_or(|device| Topic::parse(&row.topic).is_ok_and(|t| t.device.as_str() == device))
    }
}

struct Replay<'a> {
    lake: &'a Lake,
    clock: &'a dyn Clock,
    decoder: MessageDecoder,
    identity: Identity,
    observations: Appender,
    app_id: String,
    dry_run: bool,
    rows: ObservationRows,
    /// Rows that are to be noted as taken once their observations are committed.
    done: Vec<ReplayedRow>,
    /// Position of the next commit under this replay's application id.
    next: u64,
    report: ReplayReport,
}

impl<'a> Replay<'a> {
    async fn open(
        settings: &Settings,
        lake: &'a Lake,
        clock: &'a dyn Clock,
        dry_run: bool,
    ) -> Result<Self, IngestError> {
        // An application of its own, as an import is: identity, not the position, keeps a second one from counting.
        let app_id = format!("replay-{}-{}", clock.now().as_micros(), std::process::id());
        Ok(Self {
            lake,
            clock,
            decoder: MessageDecoder::new(settings, Retained::default(), Arc::new(Stats::default())),
            identity: Identity::new(lake),
            observations: Appender::open(lake, TableKind::Observations, &app_id).await?,
            app_id,
            dry_run,
            rows: ObservationRows::new(settings.parameters.clone()),
            done: Vec::new(),
            next: 1,
            report: ReplayReport::default(),
        })
    }

    /// Decodes a rejected message once more.
    fn take(&mut self, row: &RejectedRow, name: ReplayedRow) {
        let counts = self.report.messages.entry(row.reason).or_default();
        if !row.reason.is_replayable() || row.topic.starts_with("file:") {
            counts.not_replayable += 1;
            return;
        }
        let message = Journaled {
            position: Position::new(1),
            received_at: row.received_at,
            topic: row.topic.clone(),
            sent_bytes: u32::try_from(row.payload.len()).unwrap_or(u32::MAX),
            payload: row.payload.clone().into(),
            receipt: None,
            ours: true,
        };
        match self.decoder.decode(&message, &mut self.rows).rejected {
            None => {
                counts.taken += 1;
                self.done.push(name);
            }
            Some(again) => {
                counts.still_rejected += 1;
                tracing::debug!(
                    topic = row.topic,
                    reason = again.reason.code(),
                    detail = again.detail,
                    "still rejected"
                );
            }
        }
    }

    /// Appends what the table lacks, then notes what has been taken.
    async fn commit(&mut self) -> Result<(), IngestError> {
        let done = std::mem::take(&mut self.done);
        let mut rows = self.rows.take();
        let counts = self.admit(&mut rows).await?;
        self.report.added += counts.admitted;
        self.report.duplicates += counts.duplicates;
        if self.dry_run {
            return Ok(());
        }
        let mut waits = Waits::at_most(ATTEMPTS);
        while !rows.is_empty() {
            match self.observations.append_rows(&rows, self.next).await {
                Ok(_) => break,
                Err(error) => waits.wait("observations", error).await?,
            }
        }
        let mut waits = Waits::at_most(ATTEMPTS);
        loop {
            match Replays::note(self.lake, &done, self.clock.now(), &self.app_id, self.next).await {
                Ok(()) => break,
                Err(error) => waits.wait("rejected_replays", error).await?,
            }
        }
        self.next += 1;
        Ok(())
    }

    async fn admit(&mut self, rows: &mut ObservationRows) -> Result<IdentityCounts, IngestError> {
        let mut waits = Waits::at_most(ATTEMPTS);
        loop {
            match self.identity.admit(&mut self.observations, rows).await {
                Ok(counts) => return Ok(counts),
                Err(error) => waits.wait("observations", error).await?,
            }
        }
    }
}
