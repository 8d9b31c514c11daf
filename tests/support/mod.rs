//! The harness: a district in a temporary folder, a real broker, real processes, and a slow second opinion.
//!
//! Nothing here uses the crates that are under test: files are written by hand, tables are read from the outside,
//! figures are computed anew. Every process that is started ends with the value that stands for it.
#![allow(dead_code)] // Each test crate uses its own part of the harness.

pub(crate) mod authority;
pub(crate) mod browser;
pub(crate) mod calendar;
pub(crate) mod csv;
pub(crate) mod dustfall;
pub(crate) mod fake_broker;
pub(crate) mod fake_clock;
pub(crate) mod fates;
pub(crate) mod fraction;
pub(crate) mod load;
pub(crate) mod made_up;
pub(crate) mod mosquitto;
pub(crate) mod oracle;
pub(crate) mod parquet_reader;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod prsa;
pub(crate) mod random;
pub(crate) mod scrape;
pub(crate) mod small_disk;
pub(crate) mod span;
pub(crate) mod webhook;
pub(crate) mod wire;
pub(crate) mod world;
