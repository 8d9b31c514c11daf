//! What `replay` and `simulate` have in common.

use std::path::PathBuf;
use std::time::Duration;

use dustwatch_config::Settings;
use dustwatch_edge::publish::{Confirm, PublisherOptions, fresh_epoch};
use dustwatch_edge::settings::parse_seconds;
use dustwatch_edge::{EdgeError, Report};
use dustwatch_observation::json::MAX_EPOCH_BYTES;
use dustwatch_observation::{DistrictCode, SystemClock};

use super::broker::BrokerArgs;

#[derive(Debug, clap::Args)]
pub(super) struct ToolArgs {
    /// Settings of the district, its parameters and its broker [default: built-in Mentougou].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    broker: BrokerArgs,
    /// Six-digit district code in the topics [default: the configuration's].
    #[arg(long, value_name = "CODE")]
    district: Option<String>,
    /// Observations of a message, 1 to 2000.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) batch: usize,
    /// Epoch of the messages; with one used before, what was confirmed of it is not sent again [default: a fresh one].
    #[arg(long, value_name = "TEXT")]
    epoch: Option<String>,
    /// Who confirms: ingester (its word on .../ack) or broker (PUBACK).
    #[arg(long, value_name = "WHO", default_value = "ingester")]
    confirm: String,
    /// Send again what was not confirmed for so long.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    resend_after: String,
    /// Fail when nothing was confirmed for so long.
    #[arg(long, value_name = "TIME", default_value = "10m")]
    give_up_after: String,
}

impl ToolArgs {
    pub(super) fn settings(&self) -> Result<Settings, EdgeError> {
        Ok(Settings::load(self.config.as_deref())?)
    }

    pub(super) fn publisher(&self, tool: &str, settings: &Settings) -> Result<PublisherOptions, EdgeError> {
        let set = &settings.broker;
        let broker = self
            .broker
            .over(&set.url.parse()?, set.tls.clone(), set.username.clone())?;
        let district = match &self.district {
            Some(code) => DistrictCode::new(code).map_err(|e| EdgeError::Usage(e.to_string()))?,
            None => settings.district.code.clone(),
        };
        let epoch = self.epoch.clone().unwrap_or_else(|| fresh_epoch(&SystemClock));
        if epoch.is_empty() || epoch.len() > MAX_EPOCH_BYTES {
            return Err(EdgeError::Usage(format!(
                "--epoch must have 1 to {MAX_EPOCH_BYTES} bytes"
            )));
        }
        if !(1..=2000).contains(&self.batch) {
            return Err(EdgeError::Usage("--batch must be 1 to 2000".to_owned()));
        }
        let client = format!(
            "dustwatch-{tool}-{}-{}",
            std::process::id(),
            fresh_epoch(&SystemClock)
        );
        let mut options = PublisherOptions::new(broker.address, district, client, epoch);
        options.confirm = self.confirm.parse::<Confirm>()?;
        options.tls = broker.tls;
        options.username = broker.username;
        options.password = set.password.clone();
        options.resend_after = length("--resend-after", &self.resend_after)?;
        options.give_up_after = Some(length("--give-up-after", &self.give_up_after)?);
        Ok(options)
    }
}

/// A length of time like `30s`, `1m`.
pub(super) fn length(name: &str, text: &str) -> Result<Duration, EdgeError> {
    parse_seconds(text)
        .map(Duration::from_secs)
        .ok_or_else(|| EdgeError::Usage(format!("{name} {text:?} is not a length like 30s, 1m, 2h or 1d")))
}

/// Prints the one line that a tool has to say; whether everything is confirmed.
pub(super) fn conclude(report: &Report) -> bool {
    println!("{report}");
    if report.stopped {
        tracing::info!(unconfirmed = report.unconfirmed, "stopped before the end");
    }
    report.is_complete()
}
