//! Fail points: where a test may have the process stop dead.
//!
//! Place on the way: one at every hand-over, right after it. `DUSTWATCH_FAIL_AT=journal_synced:3` ends the process at
//! the third pass of that point. Only programs compiled with debug assertions look at it; a release has none of this.
//!
//! Invariants: a pass does nothing else. The end is an abort: no destructor runs, no buffer is flushed, no other thread
//! gets a word in, and the kernel closes the sockets as after SIGKILL. The points stand in one list, which
//! `tests/failpoints.rs` walks: a new one is tested without being named there.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names a point and a pass: `POINT:N`.
const VARIABLE: &str = "DUSTWATCH_FAIL_AT";

/// What passes a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passer {
    /// An ingester with something to do.
    Ingester,
    /// `dustwatch lake compact`, or the maintenance of an ingester.
    Compaction,
    /// `dustwatch lake vacuum`, or the maintenance of an ingester.
    Vacuum,
}

/// The one list: `Name = "name" by Passer`.
macro_rules! points {
    ($($(#[$doc:meta])+ $point:ident = $name:literal by $passer:ident,)+) => {
        /// A hand-over that has just been made.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Point {
            $($(#[$doc])+ $point,)+
        }

        impl Point {
            /// Every point, down the way.
            pub const ALL: &'static [Point] = &[$(Point::$point,)+];

            /// The name by which a test asks for it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Point::$point => $name,)+
                }
            }

            /// What passes it.
            pub fn passer(self) -> Passer {
                match self {
                    $(Point::$point => Passer::$passer,)+
                }
            }
        }
    };
}

points! {
    /// Deliveries were handed to the journal.
    Received = "received" by Ingester,
    /// A record was written and not synced.
    JournalAppended = "journal_appended" by Ingester,
    /// A group was synced.
    JournalSynced = "journal_synced" by Ingester,
    /// A group of PUBACKs was written to the broker.
    ReceiptsSent = "receipts_sent" by Ingester,
    /// A message became rows.
    Decoded = "decoded" by Ingester,
    /// A batch was handed to the commit.
    Sealed = "sealed" by Ingester,
    /// The rejections of a batch are in their table, its observations are not.
    RejectedCommitted = "rejected_committed" by Ingester,
    /// What is new in a batch is known.
    Admitted = "admitted" by Ingester,
    /// The data files of a commit are written, and not synced.
    FilesWritten = "files_written" by Ingester,
    /// A data file is synced, and the folder that it lies in is not.
    FileSynced = "file_synced" by Ingester,
    /// The data files and their folders are synced; no entry of the log names them.
    FoldersSynced = "folders_synced" by Ingester,
    /// The log entry of a commit is written, and not synced.
    EntryWritten = "entry_written" by Ingester,
    /// The log entry is synced, and the log's folder is not.
    EntrySynced = "entry_synced" by Ingester,
    /// The log's folder is synced: the commit would survive a power loss.
    LogSynced = "log_synced" by Ingester,
    /// A checkpoint is about to be written.
    CheckpointDue = "checkpoint_due" by Vacuum,
    /// A checkpoint is written, and not synced.
    CheckpointWritten = "checkpoint_written" by Vacuum,
    /// A batch is in the table, and nobody knows.
    ObservationsCommitted = "observations_committed" by Ingester,
    /// The journal was told how far the table is.
    PositionAnnounced = "position_announced" by Ingester,
    /// Confirmations were given to their client.
    AcksPublished = "acks_published" by Ingester,
    /// The journal was cut.
    JournalCut = "journal_cut" by Ingester,
    /// The new files of a compacted day are on disk; the log still names the old ones.
    DayRewritten = "day_rewritten" by Compaction,
    /// The log names the new files of a compacted day, and is not synced.
    DayExchanged = "day_exchanged" by Compaction,
    /// The files that no version reads are deleted, the log entries are still there.
    FilesVacuumed = "files_vacuumed" by Vacuum,
    /// The checkpoint that stands for old log entries is made, and they are still there.
    VacuumCheckpointed = "vacuum_checkpointed" by Vacuum,
}

impl Point {
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|point| point.name() == name)
    }
}

/// Where to stop.
#[derive(Debug)]
struct Plan {
    point: Point,
    passes: u64,
    passed: AtomicU64,
}

/// Passes a point, and does not come back if it is the one to stop at.
pub fn pass(point: Point) {
    if !cfg!(debug_assertions) {
        return;
    }
    static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
    let Some(plan) = PLAN.get_or_init(from_environment) else {
        return;
    };
    if plan.point == point && plan.passed.fetch_add(1, Ordering::Relaxed) + 1 == plan.passes {
        std::process::abort();
    }
}

fn from_environment() -> Option<Plan> {
    let text = std::env::var(VARIABLE).ok()?;
    let plan = parse(&text);
    match &plan {
        Some(plan) => tracing::warn!(?plan, "the process will stop dead here"),
        None => tracing::error!(text, "{VARIABLE} names no point and pass"),
    }
    plan
}

fn parse(text: &str) -> Option<Plan> {
    let (name, passes) = text.split_once(':')?;
    Some(Plan {
        point: Point::named(name)?,
        passes: passes.parse().ok()?,
        passed: AtomicU64::new(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_asked_for_by_its_name_and_pass() {
        for point in Point::ALL {
            let plan = parse(&format!("{}:3", point.name()));
            assert_eq!(plan.map(|plan| (plan.point, plan.passes)), Some((*point, 3)));
        }
        assert!(parse("journal_synced").is_none() && parse("nowhere:1").is_none());
    }
}
