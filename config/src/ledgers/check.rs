//! Whether a kind of ledger is consistent.

use super::{Combine, ItemKind, LedgerColumn, LedgerItem, LedgerKind, Limit};

/// Largest number of places of a published value: what the table holds.
const MAX_DECIMALS: u8 = 6;

/// A key and what is wrong with it.
type Fault = (String, String);

/// Refuses a kind that contradicts itself.
pub(super) fn check(kind: &LedgerKind) -> Result<(), Fault> {
    let fault = |key: &str, message: String| Err((key.to_owned(), message));
    if !is_key(&kind.key) {
        return fault("key", format!("{:?} is not of a-z, 0-9 and _", kind.key));
    }
    columns(kind)?;
    for item in &kind.items {
        one(kind, item)?;
    }
    if !kind.item(&kind.ranked).is_some_and(LedgerItem::is_ranked) {
        return fault(
            "ranked",
            format!("{:?} is no item that can be ranked", kind.ranked),
        );
    }
    if let Some(group) = &kind.group
        && !kind.item(group).is_some_and(|item| item.kind == ItemKind::Text)
    {
        return fault("group", format!("{group:?} is no item with texts"));
    }
    Ok(())
}

/// Each name of a column means one column.
fn columns(kind: &LedgerKind) -> Result<(), Fault> {
    let fixed = [Some(&kind.subject), kind.point.as_ref(), Some(&kind.date)];
    let items = kind.items.iter().map(|item| &item.column);
    let mut seen: Vec<&str> = Vec::new();
    for LedgerColumn { name, aliases } in fixed.into_iter().flatten().chain(items) {
        if !is_key(name) {
            return Err((name.clone(), "a column's name is of a-z, 0-9 and _".to_owned()));
        }
        for word in std::iter::once(name).chain(aliases.iter().filter(|alias| *alias != name)) {
            if seen.contains(&word.as_str()) {
                return Err((name.clone(), format!("{word:?} is the name of two columns")));
            }
            seen.push(word);
        }
    }
    Ok(())
}

fn one(kind: &LedgerKind, item: &LedgerItem) -> Result<(), Fault> {
    let fault = |part: &str, message: &str| Err((format!("{}.{part}", item.key()), message.to_owned()));
    if item.decimals > MAX_DECIMALS {
        return fault("decimals", "must be 0 to 6");
    }
    match &item.kind {
        ItemKind::Grade { levels } => {
            let words: Vec<&String> = levels.iter().flatten().collect();
            let twice = words
                .iter()
                .enumerate()
                .any(|(at, word)| words[..at].contains(word));
            if levels.len() < 2 || levels.iter().any(Vec::is_empty) || twice {
                return fault("levels", "must be two or more lists of words, each word once");
            }
            if !matches!(item.combine, Combine::Last | Combine::Worst) || item.decimals > 0 {
                return fault("combine", "grades have no sum and no mean: \"last\" or \"worst\"");
            }
        }
        ItemKind::Ratio { of, to } => {
            let counted = |key: &String| {
                kind.item(key).is_some_and(|part| {
                    part.required && part.combine == Combine::Sum && part.is_ranked() && part.is_stored()
                })
            };
            if !counted(of) || !counted(to) {
                return fault(
                    "of",
                    "both parts of a ratio must be required items that are summed",
                );
            }
        }
        ItemKind::Count if item.decimals > 0 && item.combine != Combine::Mean => {
            return fault("decimals", "a count has none unless it is averaged");
        }
        ItemKind::Number { .. } | ItemKind::Count | ItemKind::Text => {}
    }
    if let Limit::Item(other) = &item.limit {
        let fits = kind
            .item(other)
            .is_some_and(|limit| match (&item.kind, &limit.kind) {
                (ItemKind::Grade { levels: a }, ItemKind::Grade { levels: b }) => a == b,
                (ItemKind::Grade { .. }, _) | (_, ItemKind::Grade { .. }) => false,
                _ => limit.is_ranked() && limit.is_stored(),
            });
        if !fits || other == item.key() {
            return fault("limit_item", "is no other item of the same type");
        }
    }
    Ok(())
}

fn is_key(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
