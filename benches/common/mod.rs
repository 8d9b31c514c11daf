//! What the benches have in common.
#![allow(dead_code)] // Each bench uses its own part of it.

pub(crate) mod district;
pub(crate) mod messages;
pub(crate) mod paced;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod subscriber;
pub(crate) mod table;

/// A whole number out of the environment, or the default.
pub(crate) fn env_number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Err(_) => default,
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text:?} is not a whole number")),
    }
}

/// The middle one.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Lines of cells as a Markdown table; the first line is its head.
pub(crate) fn markdown(lines: &[Vec<String>]) -> String {
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        out += &format!("| {} |\n", line.join(" | "));
        if at == 0 {
            out += &format!("|{}\n", " --- |".repeat(line.len()));
        }
    }
    out
}
