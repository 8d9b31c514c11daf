//! `mapping.toml`: what the columns of other people's tables mean.

use std::path::Path;

use dustwatch_observation::table::Mapping;

use crate::ConfigError;
use crate::error::{read, toml_error};

/// Reads a mapping file.
///
/// # Errors
/// [`ConfigError`] names the file and the line or key at fault.
pub fn mapping(file: &Path) -> Result<Mapping, ConfigError> {
    let text = read(file)?;
    toml::from_str(&text).map_err(|e| toml_error(file, &text, &e))
}
