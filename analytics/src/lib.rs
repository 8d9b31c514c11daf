//! The rules of the field in SQL: rollups, rankings, notices.
//!
//! Place on the way: the lake's tables come in at pinned versions, `roll_up` keeps hourly means
//! up to date, `rank` and its neighbours turn them into published figures, and the notices print
//! those. What an auditor would ask about (validity, order of averaging, rounding, ties) stands in `sql/*.sql`, one
//! question a file.
//!
//! Invariants: a figure is rounded once, at the end; every result names the table versions that it was made from, and
//! the same versions give the same result, byte for byte.

mod error;
pub mod period;
mod published;
pub mod ranking;

pub use error::AnalyticsError;
pub use period::{Period, PeriodError, PeriodKind};
pub use published::Published;
pub use ranking::{Order, Provenance, RankRequest, Ranking, RankingRow, Scope, Source, SourceChoice, Status};
