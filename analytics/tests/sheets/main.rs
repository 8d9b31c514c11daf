//! Files that people hand in: what is taken, refused and flagged, and what is made of it.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod bulletins;
mod check;
mod desk;
mod enforcement;
mod ledger_kinds;
mod ledger_oracle;
mod ledgers;
mod sheet;
