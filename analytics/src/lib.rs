//! The rules of the field in SQL: rollups, rankings, notices.
//!
//! Place on the way: the lake's tables come in at pinned versions, `roll_up` keeps hourly means
//! up to date, `rank` and its neighbours turn them into published figures, and the notices print
//! those. What an auditor would ask about (validity, order of averaging, rounding, ties) stands in `sql/*.sql`, one
//! question a file.
//!
//! Invariants: a figure is rounded once, at the end; every result names the table versions that it was made from, and
//! the same versions give the same result, byte for byte.

mod columns;
pub mod completeness;
mod counted;
mod dimensions;
pub mod district;
mod error;
pub mod functions;
pub mod ledger;
pub mod notice;
pub mod period;
mod pinned;
mod published;
pub mod qc;
pub mod query;
pub mod ranking;
pub mod rejected;
pub mod rollup;
pub mod session;
mod sql;
pub mod table;

pub use completeness::{Completeness, CompletenessRow, completeness_summary};
pub use district::{DistrictFigure, DistrictRequest, district_period};
pub use error::AnalyticsError;
pub use functions::round_half_even;
pub use ledger::{Ledger, LedgerBy, LedgerRequest, ledger};
pub use period::{Period, PeriodError, PeriodKind};
pub use published::Published;
pub use qc::{QcBy, QcFilter, QcReport, QcRequest, qc_list, qc_run, qc_summary};
pub use query::{QueryResult, ask, query};
pub use ranking::{
    Order, Provenance, RankRequest, Ranking, RankingRow, Scope, Source, SourceChoice, Status, rank,
};
pub use rejected::{RejectedFilter, rejected_list};
pub use rollup::{RollupProgress, RollupReport, rebuild, roll_up};
pub use session::Session;
pub use table::{Cell, RANKING_COLUMNS, Table};
