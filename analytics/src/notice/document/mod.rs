//! The notice as text: HTML and Markdown. What needs a typesetter stands in the crate `document`.
//!
//! Invariant: every format prints every figure, and escapes every text in its own way.

pub(super) mod html;
pub(super) mod markdown;
