//! What tests of the lake, and of what writes into it, have in common.

pub(crate) mod failing;
