//! What goes wrong when a notice becomes a file.

use std::path::PathBuf;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Nothing installed can write Chinese: install a font and make it again.
    #[error(
        "no installed font has Chinese characters, which PDF and the charts of DOCX need: install one, \
         for example the package fonts-noto-cjk (Debian, Ubuntu) or google-noto-serif-cjk-fonts (Fedora)"
    )]
    NoFont,

    /// A template is wrong: mend the line that is named.
    #[error("template {file}, line {line}: {message}")]
    Template {
        /// The file.
        file: String,
        /// The line, counted from 1; 0 when the fault has no place.
        line: usize,
        /// What is wrong.
        message: String,
    },

    /// A template cannot be read.
    #[error("template {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },

    /// A packer or an encoder failed, which is a defect of this program.
    #[error("writing a document: {0}")]
    Defect(String),
}
