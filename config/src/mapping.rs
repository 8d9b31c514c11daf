//! `mapping.toml`: what the columns of other people's tables mean.

use std::path::Path;

use dustwatch_observation::table::Mapping;

use crate::ConfigError;
use crate::error::load_toml;

/// Reads a mapping file.
///
/// # Errors
/// [`ConfigError`] names the file and the line or key at fault.
pub fn mapping(file: &Path) -> Result<Mapping, ConfigError> {
    load_toml(file)
}
