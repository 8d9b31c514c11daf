//! `config check|show`.

use anyhow::Context;
use dustwatch_analytics::Cell;
use dustwatch_config::Settings;

use crate::cli::ConfigCommand;
use crate::output::{print, table};

/// Checks or shows the settings; that they could be loaded is the check.
pub(crate) fn run(settings: &Settings, command: ConfigCommand) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Check => {
            if let Some(tls) = &settings.broker.tls {
                tls.client_config().context("broker over TLS")?;
            }
            let origin = settings
                .file
                .as_ref()
                .map_or("built-in settings".to_owned(), |f| f.display().to_string());
            let registry = &settings.registry;
            eprintln!(
                "{origin}: ok, {} ({}), {} townships, {} stations, {} parameters",
                settings.district.name,
                settings.district.code,
                registry.townships().len(),
                registry.stations().len(),
                settings.parameters.len()
            );
            Ok(())
        }
        ConfigCommand::Show { printed } => {
            let mut grid = table(&["key", "value"]);
            for (key, value) in settings.describe() {
                grid.rows.push(vec![Cell::Text(key), Cell::Text(value)]);
            }
            print(&grid, printed.format)
        }
    }
}
