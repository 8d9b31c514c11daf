//! The rules of the field in SQL: rollups, rankings, notices.
//!
//! Place on the way: the lake's tables come in at pinned versions, `roll_up` keeps hourly means
//! up to date, `rank` and its neighbours turn them into published figures, and the notices print
//! those. What an auditor would ask about (validity, order of averaging, rounding, ties) stands in `sql/*.sql`, one
//! question a file.
//!
//! Invariants: a figure is rounded once, at the end; every result names the table versions that it was made from, and
//! the same versions give the same result, byte for byte.

pub mod alarms;
pub mod aqi;
pub mod city_bulletin;
mod columns;
pub mod completeness;
pub mod compliance;
mod counted;
mod dimensions;
pub mod district;
pub mod dustfall;
pub mod enforcement;
mod error;
pub mod functions;
mod handed_in;
pub mod hotspots;
pub mod inspect;
pub mod ledger;
pub mod ledgers;
pub mod notice;
pub mod period;
mod pinned;
pub mod progress;
mod published;
pub mod qc;
pub mod query;
mod questions;
pub mod ranking;
pub mod rejected;
pub mod rollup;
pub mod series;
pub mod session;
pub mod sheet;
mod sql;
pub mod supervision;
pub mod table;
mod views;

pub use alarms::{
    AlarmEvent, AlarmFilter, AlarmReport, AlarmRequest, AlarmState, SiteAlarms, alarm_news, alarms_list,
    alarms_run,
};
pub use aqi::{AqiBy, AqiRequest, aqi_days};
pub use city_bulletin::{
    BulletinCheck, BulletinImport, BulletinImported, CheckRequest, CheckedBulletin, Violation, bulletin_list,
    check_bulletins, import_bulletin,
};
pub use completeness::{Completeness, CompletenessRow, completeness_summary};
pub use compliance::{ComplianceRequest, Statement, compliance};
pub use district::{DistrictFigure, DistrictRequest, district_period};
pub use dustfall::{DustfallFigure, DustfallReport, TownshipMonths, Verdict};
pub use enforcement::{
    Action, EnforcementBy, EnforcementReport, EnforcementRequest, enforcement_report, import_enforcement,
};
pub use error::AnalyticsError;
pub use functions::{aqi_class, iaqi, round_half_even};
pub use hotspots::{HotspotRequest, hotspots};
pub use inspect::{Candidate, InspectRequest, Inspection, Team, draw, inspect, inspection_table, read_teams};
pub use ledger::{Ledger, LedgerBy, LedgerRequest, ledger};
pub use ledgers::{LedgerReport, LedgerReportRequest, LedgerVerdict, import_ledger, ledger_report};
pub use period::{Period, PeriodError, PeriodKind, Validity};
pub use progress::{DistrictDay, Progress, annual_progress, progress};
pub use published::Published;
pub use qc::{QcBy, QcFilter, QcReport, QcRequest, qc_list, qc_run, qc_summary};
pub use query::{QueryResult, ask, query};
pub use ranking::{
    Order, Provenance, RankRequest, Ranking, RankingRow, Scope, Source, SourceChoice, Status, rank,
};
pub use rejected::{RejectedFilter, rejected_list};
pub use rollup::{RollupProgress, RollupReport, rebuild, roll_up};
pub use series::{latest, station_hours, township_days};
pub use session::Session;
pub use sheet::{Refusal, Sheet, SheetColumn, SheetLine, SheetReport};
pub use supervision::{MonthlyValue, Outcome, Supervision, SupervisionRow, supervise, supervision};
pub use table::{Cell, RANKING_COLUMNS, Table};
