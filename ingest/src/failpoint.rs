//! Fail points: where a test may have the process stop dead.
//!
//! Place on the way: one at every hand-over, right after it. `DUSTWATCH_FAIL_AT=journal_synced:3` ends the process at
//! the third pass of that point. Only programs compiled with debug assertions look at it; a release has none of this.
//!
//! Invariant: a pass does nothing else. The end is an abort: no destructor runs, no buffer is flushed, no other thread
//! gets a word in, and the kernel closes the sockets as after SIGKILL.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names a point and a pass: `POINT:N`.
const VARIABLE: &str = "DUSTWATCH_FAIL_AT";

/// A hand-over that has just been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// Deliveries were handed to the journal.
    Received,
    /// A record was written and not synced.
    JournalAppended,
    /// A group was synced.
    JournalSynced,
    /// A group of PUBACKs was written to the broker.
    ReceiptsSent,
    /// A message became rows.
    Decoded,
    /// A batch was handed to the commit.
    Sealed,
    /// The rejections of a batch are in their table, its observations are not.
    RejectedCommitted,
    /// What is new in a batch is known.
    Admitted,
    /// A batch is in the table, and nobody knows.
    ObservationsCommitted,
    /// The journal was told how far the table is.
    PositionAnnounced,
    /// Confirmations were given to their client.
    AcksPublished,
    /// The journal was cut.
    JournalCut,
}

impl Point {
    const ALL: [(Self, &str); 12] = [
        (Self::Received, "received"),
        (Self::JournalAppended, "journal_appended"),
        (Self::JournalSynced, "journal_synced"),
        (Self::ReceiptsSent, "receipts_sent"),
        (Self::Decoded, "decoded"),
        (Self::Sealed, "sealed"),
        (Self::RejectedCommitted, "rejected_committed"),
        (Self::Admitted, "admitted"),
        (Self::ObservationsCommitted, "observations_committed"),
        (Self::PositionAnnounced, "position_announced"),
        (Self::AcksPublished, "acks_published"),
        (Self::JournalCut, "journal_cut"),
    ];

    fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        found.map(|(point, _)| *point)
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
pub(crate) fn pass(point: Point) {
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
