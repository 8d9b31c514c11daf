//! Where the settings of a command come from, so that one that runs for long can read them again.

use std::path::PathBuf;

use anyhow::Context;
use dustwatch_config::{BrokerOverrides, Settings};

use crate::cli::Common;

/// A settings file, and what the command line says instead of it.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    config: Option<PathBuf>,
    lake: Option<String>,
    broker: BrokerOverrides,
}

impl Origin {
    /// What a command line says.
    pub(crate) fn new(common: &Common, broker: BrokerOverrides) -> Self {
        Self {
            config: common.config.clone(),
            lake: common.lake.clone(),
            broker,
        }
    }

    /// Whether there is a file, and not the built-in district alone.
    pub(crate) fn is_a_file(&self) -> bool {
        self.config.is_some()
    }

    /// The settings as they are now.
    pub(crate) fn load(&self) -> anyhow::Result<Settings> {
        let mut settings =
            Settings::load_with(self.config.as_deref(), self.broker.clone()).context("configuration")?;
        if let Some(uri) = &self.lake {
            settings.lake.uri.clone_from(uri);
        }
        Ok(settings)
    }
}
