//! What is wrong with a payload, or with one observation of it.

use super::scan::Syntax;
use crate::Reason;

/// Why a payload, or one element of its `obs`, did not become an observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The stable code.
    pub reason: Reason,
    /// The element's place in `obs`, from 0; `None` when the fault is the whole message's.
    pub index: Option<usize>,
    /// What a person needs to find it: the field and its byte offset in the payload.
    pub detail: String,
}

impl Fault {
    /// A fault of `field` at byte `at`.
    pub(super) fn at(reason: Reason, index: Option<usize>, field: &str, at: usize, what: &str) -> Self {
        Self {
            reason,
            index,
            detail: format!("{field} at byte {at}: {what}"),
        }
    }
}

impl From<Syntax> for Fault {
    fn from(syntax: Syntax) -> Self {
        let detail = format!("byte {}: {}", syntax.at, syntax.what);
        Self {
            reason: Reason::NotJson,
            index: None,
            detail,
        }
    }
}

/// What stands where something else belongs, by its first byte, for the detail of a fault.
pub(super) fn kind_of(first: Option<u8>) -> &'static str {
    match first {
        Some(b'"') => "a text",
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        Some(_) => "a number",
        None => "nothing",
    }
}
