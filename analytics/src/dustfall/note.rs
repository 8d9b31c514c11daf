//! Notes that void a sample.

/// What says, just before a word, that the thing is not there: 无鸟粪, 未见溢出, no algae.
const NEGATIONS: [&str; 7] = ["无", "未见", "未", "没有", "非", "no ", "without "];

/// The first of `words` that a note names, unless it says that the thing is not there.
pub(super) fn void_word<'a>(note: &str, words: &'a [String]) -> Option<&'a str> {
    let note = note.to_lowercase();
    let is_named = |word: &str| {
        note.match_indices(&word.to_lowercase()).any(|(at, _)| {
            let before = &note[..at];
            !NEGATIONS.iter().any(|negation| before.ends_with(negation))
        })
    };
    words.iter().map(String::as_str).find(|word| is_named(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_voids_by_what_it_names_and_not_by_what_it_denies() {
        let words = ["溢出", "鸟粪", "藻", "overflow"].map(str::to_owned);
        for (note, word) in [
            ("暴雨后溢出", Some("溢出")),
            ("缸内有少量鸟粪", Some("鸟粪")),
            ("Overflow after rain", Some("overflow")),
            ("无鸟粪、未见藻类", None),
            ("no overflow", None),
            ("无鸟粪，但有藻类", Some("藻")),
            ("正常", None),
            ("", None),
        ] {
            assert_eq!(void_word(note, &words), word, "{note}");
        }
    }
}
