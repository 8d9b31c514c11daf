//! A notice in a format: one format a file, behind one trait.
//!
//! Invariant: every format prints every figure, and escapes every text in its own way.

pub(super) mod html;
pub(super) mod markdown;

use crate::notice::Notice;

/// Writes notices in one format.
pub trait Exporter {
    /// Extension of its files, without the dot.
    fn extension(&self) -> &'static str;

    /// Media type of its files.
    fn media_type(&self) -> &'static str;

    /// The notice as the bytes of a file.
    fn export(&self, notice: &Notice) -> Vec<u8>;
}

/// One self-contained HTML file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Html;

impl Exporter for Html {
    fn extension(&self) -> &'static str {
        "html"
    }

    fn media_type(&self) -> &'static str {
        "text/html; charset=utf-8"
    }

    fn export(&self, notice: &Notice) -> Vec<u8> {
        html::document(notice).into_bytes()
    }
}

/// Markdown with tables.
#[derive(Debug, Clone, Copy, Default)]
pub struct Markdown;

impl Exporter for Markdown {
    fn extension(&self) -> &'static str {
        "md"
    }

    fn media_type(&self) -> &'static str {
        "text/markdown; charset=utf-8"
    }

    fn export(&self, notice: &Notice) -> Vec<u8> {
        markdown::document(notice).into_bytes()
    }
}

/// Every format there is.
pub fn exporters() -> Vec<Box<dyn Exporter>> {
    vec![Box::new(Html), Box::new(Markdown)]
}
