//! What counts as JSON: the same as for `serde_json`, and nothing makes the decoder panic.

use dustwatch_observation::Reason;
use dustwatch_observation::json::peek;
use proptest::prelude::*;
use serde_json::Value;

use crate::decode;

fn we_accept(payload: &[u8]) -> bool {
    !decode(payload)
        .iter()
        .any(|r| matches!(r, Err(fault) if fault.reason == Reason::NotJson))
}

/// `None` where `serde_json` refuses a number that is right but too large for it.
fn they_accept(payload: &[u8]) -> Option<bool> {
    match serde_json::from_slice::<Value>(payload) {
        Ok(_) => Some(true),
        Err(error) if error.to_string().contains("number out of range") => None,
        Err(_) => Some(false),
    }
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let key = prop_oneof!["time|seq|pm25|tsp|flags|obs|device|epoch|from", any::<String>()];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whole_and_damaged_documents(
        document in documents(), pretty: bool, damage in proptest::collection::vec((any::<usize>(), 0..4u8, any::<u8>()), 0..3)
    ) {
        let mut text = if pretty { serde_json::to_vec_pretty(&document) } else { serde_json::to_vec(&document) }.unwrap();
        for (place, kind, byte) in damage {
            let place = place % (text.len() + 1);
            match kind {
                0 => text.truncate(place),
                1 => text.insert(place, byte),
                2 => text.insert(place, b"{}[],:\"\\ue0-. "[usize::from(byte) % 14]),
                _ => { text.splice(place..(place + 1).min(text.len()), []); }
            }
        }
        if let Some(they_accept) = they_accept(&text) {
            prop_assert_eq!(we_accept(&text), they_accept, "{}", String::from_utf8_lossy(&text));
        }
        prop_assert!(we_accept(&text) || peek(&text).is_none());
    }

    #[test]
    fn soups_of_tokens(text in "([\\[\\]{}:,\" ]|\"k\":|\"time\":1|-?[01]{1,2}|\\.0|[eE][+-]?1|null|true|false|\"\\\\(u[dD][89cC]00|n|x|\")\"){0,12}") {
        if let Some(they_accept) = they_accept(text.as_bytes()) {
            prop_assert_eq!(we_accept(text.as_bytes()), they_accept, "{}", text);
        }
    }

    #[test]
    fn any_bytes_at_all(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        prop_assert_eq!(we_accept(&bytes), they_accept(&bytes).unwrap_or(true));
        peek(&bytes);
    }

    #[test]
    fn any_bytes_behind_a_good_start(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let start = br#"{"obs":[{"time":"2019-08-06T08:00:00+08:00","pm25":1"#;
        let text = [&start[..], &bytes].concat();
        prop_assert_eq!(we_accept(&text), they_accept(&text).unwrap_or(true));
        peek(&text);
    }
}
