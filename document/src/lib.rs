//! Notices as files that are typeset: PDF and DOCX, on A4 by GB/T 9704-2012.
//!
//! Place on the way: a [`Notice`](dustwatch_analytics::notice::Notice), which is words and figures alone, comes in; the
//! bytes of a file go out. HTML and Markdown are text, and are written where the notice is assembled; what needs a
//! typesetter or a packer stands here, so that nothing that computes has to compile it.
//!
//! Invariants: nothing is computed and no sentence worded here, labels of the layout apart (附件, 抄送, 单位); no clock is
//! read, so the same notice, template and fonts give the same bytes.

mod chart;
mod data;
mod docx;
mod error;
mod pdf;
mod typeset;

pub use docx::docx;
pub use error::DocumentError;
pub use pdf::pdf;
pub use typeset::{Fonts, Template};
