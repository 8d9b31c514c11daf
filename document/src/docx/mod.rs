//! A notice as DOCX: paragraphs in named styles, tables whose header repeats, charts as pictures.
//!
//! Place on the way: beside [`pdf`](crate::pdf), of the same notice, for whoever edits it before it is signed.
//! Invariants: looks are in styles, so that an office changes them once; a text is never markup; the same notice and
//! fonts give the same bytes.

mod body;
mod styles;
mod table;

use std::io::Cursor;

use docx_rs::{AlignmentType, Docx, Footer, PageMargin, PageNum, Paragraph, Run};
use dustwatch_analytics::notice::Notice;

use crate::DocumentError;
use crate::typeset::Fonts;

/// Twentieths of a point in a tenth of a millimetre, times ten thousand.
const TWIPS_PER_MM: f64 = 1440.0 / 25.4;

/// Width of the type area in twips: 156 mm.
const TYPE_AREA: usize = 8844;

fn twips(mm: f64) -> i32 {
    (mm * TWIPS_PER_MM).round() as i32
}

/// The notice for Word, WPS and LibreOffice.
///
/// # Errors
/// [`DocumentError::Defect`] when a chart cannot be drawn or the file cannot be packed.
pub fn docx(notice: &Notice, fonts: &Fonts) -> Result<Vec<u8>, DocumentError> {
    let margin = PageMargin::new()
        .top(twips(37.0))
        .bottom(twips(35.0))
        .left(twips(28.0))
        .right(twips(26.0))
        .header(twips(15.0))
        .footer(twips(22.0));
    let document = styles::all(Docx::new())
        .page_size(twips(210.0).unsigned_abs(), twips(297.0).unsigned_abs())
        .page_margin(margin)
        .footer(page_number(AlignmentType::Right))
        .even_footer(page_number(AlignmentType::Left));
    let document = body::write(document, notice, fonts)?;
    let mut packed = document.build();
    packed.document = table::repeat_headers(packed.document)?;
    let mut bytes = Cursor::new(Vec::new());
    packed
        .pack(&mut bytes)
        .map_err(|error| DocumentError::Defect(error.to_string()))?;
    Ok(bytes.into_inner())
}

/// `— 1 —` outside at the foot of a page (GB/T 9704, 7.5).
fn page_number(side: AlignmentType) -> Footer {
    let number = Paragraph::new()
        .style(styles::PAGE_NUMBER)
        .align(side)
        .add_run(Run::new().add_text("— "))
        .add_page_num(PageNum::new())
        .add_run(Run::new().add_text(" —"));
    Footer::new().add_paragraph(number)
}
