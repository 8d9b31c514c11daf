//! The command `dustwatch`.
fn main() {}
