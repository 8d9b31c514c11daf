//! Official notices: published figures as a document that a bureau can sign.
//!
//! Place on the way: rankings, the district's figures and the completeness of the data come in; [`assemble`] puts
//! them into a [`Notice`], and [`html`] and [`markdown`] write that. [`notice_for`] asks the lake for the
//! figures first. [`settle`] compares them with the [`Register`] of the last issue: a notice whose figures changed is a
//! revision (更正).
//!
//! Invariants: assembling and exporting read no clock and no file, so the same inputs give the same bytes; a figure is
//! printed as it was published, never computed again; what there are no data for is said to be missing, never filled.

mod assemble;
mod block;
mod document;
mod gather;
mod inputs;
mod provenance;
mod register;
mod reports;
mod svg;
mod wording;

pub use assemble::assemble;
pub use block::{Align, Bar, Block, Column, Emphasis, Figure, Row, Section, Table};
pub use gather::{NoticeRequest, first_notice, notice_for, notice_inputs};
pub use inputs::{Change, Correction, MonthInputs, NoticeInputs, NoticeKind, NoticeWording, YearFigure};
pub use provenance::{NoticeProvenance, TableVersions};
pub use register::{Issued, Register, settle};
pub use reports::{ReportVersions, Reports};

/// A notice: everything that is printed, in words, and nothing about how it looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Agency mark of the masthead (版头).
    pub masthead: String,
    /// Document number (发文字号), `门大气办〔2019〕第32期`.
    pub number: String,
    /// Title.
    pub title: String,
    /// The period, `2019年8月5日—8月11日（第32周）`.
    pub period: String,
    /// That it replaces an earlier issue, if it does.
    pub revision: Option<String>,
    /// To whom it is addressed (主送), without the colon.
    pub recipients: String,
    /// The body.
    pub sections: Vec<Section>,
    /// Who signs (署名).
    pub signature: String,
    /// Date of issue (成文日期), `2019年8月12日`.
    pub date: String,
    /// Who answers questions (附注).
    pub contact: Option<String>,
    /// What follows on pages of its own (附件).
    pub annexes: Vec<Section>,
    /// Who gets a copy and who printed it (版记).
    pub imprint: Imprint,
    /// What it was made from.
    pub provenance: NoticeProvenance,
}

/// The foot of the last page (版记).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imprint {
    /// Who gets a copy (抄送).
    pub copies: Vec<String>,
    /// Who issues it (印发机关).
    pub printer: String,
    /// When (印发日期).
    pub date: String,
}

impl Notice {
    /// The name of its files without the extension, `weekly-2019-W32`.
    pub fn file_stem(&self) -> String {
        self.provenance.file_stem()
    }
}

/// The notice as one HTML file that needs nothing else, for screen and A4 paper.
pub fn html(notice: &Notice) -> String {
    document::html::document(notice)
}

/// The notice as Markdown with tables.
pub fn markdown(notice: &Notice) -> String {
    document::markdown::document(notice)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
