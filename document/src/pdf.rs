//! A notice as PDF.
//!
//! Invariant: the same notice, template and fonts give the same bytes; the file says no time of its own.

use dustwatch_analytics::notice::Notice;
use typst::foundations::Smart;
use typst_pdf::PdfOptions;

use crate::typeset::{Fonts, Template, pages};
use crate::{DocumentError, data};

/// The notice typeset by a template.
///
/// # Errors
/// [`DocumentError::Template`] names the line of a template that is wrong.
pub fn pdf(notice: &Notice, template: &Template, fonts: &Fonts) -> Result<Vec<u8>, DocumentError> {
    let document = pages(fonts, template, "notice.json", &data::notice(notice))?;
    let options = PdfOptions {
        ident: Smart::Custom(format!("{} {}", notice.provenance.district, notice.file_stem())),
        creator: Smart::Custom(Some(notice.provenance.program.clone())),
        ..PdfOptions::default()
    };
    typst_pdf::pdf(&document, &options).map_err(|faults| {
        let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        DocumentError::Defect(messages.join("; "))
    })
}
