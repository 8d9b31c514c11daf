//! The decoder against a plain reading of the contract over a `serde_json` tree: shuffled, doubled and faulty keys.

use dustwatch_observation::json::{Decoder, peek};
use dustwatch_observation::{Flag, Observation, Reason, Time};
use proptest::prelude::*;
use serde_json::Value;

use crate::{DEVICE, decode_with, parameters};

/// Time, seq, and value and flag of every parameter.
type Observed = (Time, Option<u64>, Vec<(Option<f64>, Flag)>);

type Expected = Result<Observed, (Reason, Option<usize>)>;

/// Texts of JSON values, by what they are meant for; most of them right.
fn member() -> impl Strategy<Value = (String, String)> {
    let number = prop_oneof![
        "-?(0|[1-9][0-9]{0,4})(\\.[0-9]{1,4})?",
        "[1-9][eE]-?[0-4]",
        Just("-0".to_owned())
    ];
    let wrong = prop_oneof![
        "\"[a-z]{0,9}\"|true|false|\\[1,\\{\\}\\]|\\{\"time\":1\\}|null",
        Just("12345678901234567890".to_owned()),
    ];
    let value = prop_oneof![12 => number, 1 => wrong.clone()];
    let time = prop_oneof![
        6 => "\"20[0-9]{2}-0[1-9]-1[0-9]T0[0-9]:00:00(\\.[0-9]{1,6})?(Z|\\+08:00)\"",
        3 => (0i64..2_000_000_000_000).prop_map(|t| t.to_string()),
        1 => wrong.clone(),
    ];
    let seq = prop_oneof![6 => any::<u64>().prop_map(|s| s.to_string()), 1 => "-1|1\\.5", 1 => wrong.clone()];
    let flags = proptest::collection::vec(
        ("(pm25|tsp|noise|x)", "\"[NFMSDCTB]\"|null|\"[a-z]\"|1|\"\""),
        0..3,
    )
    .prop_map(|flags| {
        flags
            .into_iter()
            .map(|(key, flag)| format!("\"{key}\": {flag}"))
            .collect::<Vec<_>>()
    })
    .prop_map(|flags| format!("{{{}}}", flags.join(",")));
    let parameter = "pm25|pm10|tsp|noise|temperature|a_parameter_with_a_long_key|pm\\\\u00325|tsp2|oil_fume";
    prop_oneof![
        8 => (parameter, value).boxed(),
        3 => ("time", time).boxed(),
        2 => ("seq", seq).boxed(),
        1 => ("flags", prop_oneof![4 => flags, 1 => wrong.clone()]).boxed(),
        1 => ("device", prop_oneof![8 => Just(format!("\"{DEVICE}\"")), 1 => wrong]).boxed(),
    ]
}

fn object() -> impl Strategy<Value = String> {
    let right_time = Just(("time".to_owned(), "1565049600000".to_owned()));
    (
        proptest::collection::vec(member(), 0..9),
        proptest::option::weighted(0.8, right_time),
        "[ \n]?",
    )
        .prop_map(|(members, time, blank)| {
            let members: Vec<_> = time
                .iter()
                .chain(&members)
                .map(|(key, value)| format!("{blank}\"{key}\"{blank}:{blank}{value}"))
                .collect();
            format!("{{{}{blank}}}", members.join(","))
        })
}

/// What the contract says about one observation; the first fault in the order device, seq, time, values, flags.
fn expected(object: &Value, index: Option<usize>) -> Expected {
    let parameters = parameters();
    let fault = |reason| Err((reason, index));
    match &object["device"] {
        Value::Null => {}
        Value::String(device) if device == DEVICE => {}
        Value::String(_) => return fault(Reason::DeviceMismatch),
        _ => return fault(Reason::WrongType),
    }
    let seq = match &object["seq"] {
        Value::Null => None,
        seq => match seq.as_u64() {
            None => return fault(Reason::WrongType),
            seq => seq,
        },
    };
    let time = match &object["time"] {
        Value::Null => return fault(Reason::MissingTime),
        Value::String(text) => chrono::DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|t| Time::from(t.to_utc())),
        time => time.as_i64().map(Time::from_millis),
    };
    let Some(time) = time else {
        return fault(Reason::BadTime);
    };
    let mut readings = Vec::new();
    for (_, parameter) in parameters.iter() {
        readings.push((
            match &object[&parameter.key] {
                Value::Null => None,
                Value::Number(n) if n.as_f64().unwrap() >= 1e18 => return fault(Reason::BadValue),
                Value::Number(n) => n.as_f64(),
                _ => return fault(Reason::WrongType),
            },
            Flag::Normal,
        ));
    }
    if !matches!(object["flags"], Value::Null | Value::Object(_)) {
        return fault(Reason::WrongType);
    }
    for (id, parameter) in parameters.iter() {
        let flag = match &object["flags"][&parameter.key] {
            Value::Null => Some(Flag::Normal),
            Value::String(letter) if letter.len() == 1 => Flag::from_letter(letter.chars().next().unwrap()),
            _ => None,
        };
        let Some(flag) = flag else {
            return fault(Reason::BadFlag);
        };
        readings[id.index()].1 = flag;
    }
    Ok((time, seq, readings))
}

fn observed(observation: Observation) -> Observed {
    let readings = observation
        .readings()
        .iter()
        .map(|r| (r.value.map(|v| v.to_f64()), r.flag))
        .collect();
    (observation.time, observation.seq, readings)
}

fn check(decoder: &mut Decoder, payload: &str, want: Vec<Expected>) -> Result<(), TestCaseError> {
    let got: Vec<Expected> = decode_with(decoder, payload.as_bytes())
        .into_iter()
        .map(|result| result.map(observed).map_err(|fault| (fault.reason, fault.index)))
        .collect();
    prop_assert_eq!(got, want, "{}", payload);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_message_means_what_the_contract_says(objects in proptest::collection::vec(object(), 1..4), obs_first: bool) {
        let mut decoder = Decoder::new(parameters());
        for object in &objects {
            check(&mut decoder, object, vec![expected(&serde_json::from_str(object).unwrap(), None)])?;
        }
        let list = format!("\"obs\":[{}]", objects.join(","));
        let head = "\"epoch\":\"6f1c\",\"from\":3,\"seq\":\"not looked at\",\"pm25\":[]";
        let many = if obs_first { format!("{{{list},{head}}}") } else { format!("{{{head},{list}}}") };
        let tree: Vec<Value> = objects.iter().map(|o| serde_json::from_str(o).unwrap()).collect();
        check(&mut decoder, &many, tree.iter().enumerate().map(|(i, o)| expected(o, Some(i))).collect())?;
        let head = peek(many.as_bytes()).unwrap();
        prop_assert_eq!(head.seqs, tree.iter().filter_map(|o| o["seq"].as_i64()?.try_into().ok()).collect::<Vec<u64>>());
        prop_assert_eq!((head.epoch.as_str(), head.from), ("6f1c", Some(3)));
    }
}
