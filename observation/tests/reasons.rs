//! The page for operators and the set of reasons say the same.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::path::Path;

use dustwatch_observation::Reason;

#[test]
fn every_reason_is_documented_as_it_is() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rejected.md");
    let page = std::fs::read_to_string(page).unwrap();
    let listed: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let expected: Vec<String> = Reason::ALL
        .iter()
        .map(|reason| {
            let replayable = if reason.is_replayable() { "yes" } else { "no" };
            let (code, meaning, remedy) = (reason.code(), reason.meaning(), reason.remedy());
            format!("| `{code}` | {meaning} | {remedy} | {replayable} |")
        })
        .collect();
    assert_eq!(listed, expected);
}

#[test]
fn codes_are_words_of_their_own_and_lead_back_to_their_reasons() {
    let mut codes = HashSet::new();
    for reason in Reason::ALL {
        let code = reason.code();
        assert!(
            code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{code}"
        );
        assert!(codes.insert(code), "{code} twice");
        assert_eq!(Reason::from_code(code), Some(*reason));
    }
    assert_eq!(Reason::from_code("rate limited"), None);
}
