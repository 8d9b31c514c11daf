//! What can be wrong with a configuration.

use std::path::PathBuf;

use serde::de::DeserializeOwned;

/// A configuration that cannot be used. The text names the file and the line or key, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {file}: {cause}")]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file is not TOML, has an unknown key, or a value of the wrong type.
    #[error("{file}: {message}")]
    Toml {
        /// The file.
        file: PathBuf,
        /// Line, column, key and expectation.
        message: String,
    },
    /// A line of a CSV file is wrong.
    #[error("{file} line {line}: {message}")]
    Csv {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// A file with certificates or a key cannot be used.
    #[error("{file}: {message}")]
    Tls {
        /// The file, or what stands for the system's certificates.
        file: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A key has a value that cannot be.
    #[error("{origin}: {key}: {message}")]
    Value {
        /// The file, or "built-in defaults".
        origin: String,
        /// The key, with its section.
        key: String,
        /// What is wrong with it.
        message: String,
    },
}

/// Reads a TOML file.
///
/// # Errors
/// [`ConfigError`] names the file and the line or key at fault.
pub fn load_toml<T: DeserializeOwned>(file: &std::path::Path) -> Result<T, ConfigError> {
    let text = read(file)?;
    toml::from_str(&text).map_err(|e| toml_error(file, &text, &e))
}

/// A TOML error with the place in the file that it is about.
pub(crate) fn toml_error(file: &std::path::Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let line = error
        .span()
        .map(|span| text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1);
    let place = line.map(|l| format!("line {l}: ")).unwrap_or_default();
    ConfigError::Toml {
        file: file.to_path_buf(),
        message: format!("{place}{}", error.message()),
    }
}

/// The text of a file.
pub(crate) fn read(file: &std::path::Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(file).map_err(|cause| ConfigError::Read {
        file: file.to_path_buf(),
        cause,
    })
}
