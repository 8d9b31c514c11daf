//! Every kind of bad input has its reason, and costs what it is and no more.

use dustwatch_observation::Reason;

use crate::{decode, fault};

fn all(payloads: &[&str], reason: Reason) {
    for payload in payloads {
        assert_eq!(fault(payload), (reason, None), "{payload}");
    }
}

#[test]
fn what_is_not_json() {
    all(
        &[
            "",
            " ",
            "{",
            "{\"time\":1",
            "{\"time\":1}}",
            "{\"time\":1} x",
            "{time:1}",
            "{'time':1}",
            "{\"time\" 1}",
            "{\"time\":1 \"seq\":2}",
            "{\"time\":01}",
            "{\"time\":1.}",
            "{\"time\":+1}",
            "{\"pm25\":NaN}",
            "{\"pm25\":.5}",
            "{\"pm25\":1e}",
            "{\"pm25\":-}",
            "{\"pm25\":nul}",
            "{\"x\":\"\t\"}",
            "{\"x\":\"\\q\"}",
            "{\"x\":\"\\u12g4\"}",
            "{\"x\":\"\\ud800\"}",
            "{\"x\":\"\\udc00\"}",
            "{\"x\":\"\\ud800\\u0041\"}",
            "{\"x\":\"abc",
            "{\"obs\":[{\"time\":1},{\"time\":2},]}",
            "{\"obs\":[{\"time\":1},{\"time\":2}}]",
            "{\"obs\":[{\"time\":1}],\"x\":}",
            "\u{feff}{\"time\":1}",
            "device=1;time=2",
        ],
        Reason::NotJson,
    );
    assert_eq!(fault(b"{\"time\":1,\"x\":\"\xff\"}"), (Reason::NotJson, None));
    assert_eq!(
        fault(b"{\"time\":1,\"x\":\"\xed\xa0\x80\"}"),
        (Reason::NotJson, None)
    );
}

#[test]
fn what_is_nested_too_deep() {
    let nested = |levels: usize| {
        format!(
            "{{\"time\":1,\"x\":{}{}}}",
            "[".repeat(levels),
            "]".repeat(levels)
        )
    };
    assert!(decode(nested(31))[0].is_ok());
    assert_eq!(fault(nested(32)), (Reason::NotJson, None));
    assert_eq!(fault("[".repeat(1_000_000)), (Reason::NotJson, None));
    assert_eq!(fault("{\"a\":".repeat(1_000_000)), (Reason::NotJson, None));
}

#[test]
fn what_has_the_wrong_type() {
    all(
        &[
            "[]",
            "[{\"time\":1}]",
            "7",
            "\"text\"",
            "null",
            r#"{"obs":{"time":1}}"#,
            r#"{"obs":7}"#,
            r#"{"time":1,"device":110109}"#,
            r#"{"time":1,"epoch":1}"#,
            r#"{"time":1,"epoch":"01234567890123456789012345678901234567890123456789012345678901234"}"#,
            r#"{"time":1,"seq":-1}"#,
            r#"{"time":1,"seq":1.0}"#,
            r#"{"time":1,"seq":"1"}"#,
            r#"{"time":1,"seq":18446744073709551616}"#,
            r#"{"time":1,"pm25":"35.2"}"#,
            r#"{"time":1,"pm25":true}"#,
            r#"{"time":1,"pm25":[1]}"#,
            r#"{"time":1,"pm25":{"value":1}}"#,
            r#"{"time":1,"flags":"N"}"#,
            r#"{"time":1,"flags":["N"]}"#,
        ],
        Reason::WrongType,
    );
}

#[test]
fn what_has_no_usable_time() {
    all(
        &["{}", r#"{"pm25":1}"#, r#"{"time":null}"#, r#"{"Time":1}"#],
        Reason::MissingTime,
    );
    all(
        &[
            r#"{"time":""}"#,
            r#"{"time":"2019-08-06T08:00:00"}"#,
            r#"{"time":"2019-02-29T08:00:00Z"}"#,
            r#"{"time":"1565049600000"}"#,
            r#"{"time":1565049600000.0}"#,
            r#"{"time":1e12}"#,
            r#"{"time":9223372036854775807}"#,
            r#"{"time":99999999999999999999}"#,
            r#"{"time":true}"#,
            r#"{"time":[1]}"#,
        ],
        Reason::BadTime,
    );
}

#[test]
fn what_is_empty_foreign_too_long_or_badly_flagged() {
    all(&[r#"{"obs":[]}"#, r#"{"time":1,"obs":[ ]}"#], Reason::EmptyList);
    all(
        &[
            r#"{"device":"110109-DY-0002","time":1}"#,
            r#"{"device":"","obs":[{"time":1}]}"#,
        ],
        Reason::DeviceMismatch,
    );
    all(
        &[
            r#"{"time":1,"pm25":1234567890123456789}"#,
            r#"{"time":1,"pm25":1e400}"#,
            r#"{"time":1,"pm25":0.1234567890123456789}"#,
        ],
        Reason::BadValue,
    );
    all(
        &[
            r#"{"time":1,"flags":{"pm25":"X"}}"#,
            r#"{"time":1,"flags":{"pm25":"n"}}"#,
            r#"{"time":1,"flags":{"pm25":""}}"#,
            r#"{"time":1,"flags":{"pm25":"NN"}}"#,
            r#"{"time":1,"flags":{"pm25":1}}"#,
        ],
        Reason::BadFlag,
    );
}

#[test]
fn one_faulty_element_leaves_the_others() {
    let payload = r#"{"obs":[{"time":1},{"pm25":1},7,null,{"time":2,"device":"other"},{"time":3,"pm25":{"a":[1]}},
        {"time":4,"pm25":99999999999999999999},{"time":5}]}"#;
    let results: Vec<_> = decode(payload)
        .into_iter()
        .map(|r| {
            r.map(|o| o.time.as_micros())
                .map_err(|f| (f.reason, f.index.unwrap()))
        })
        .collect();
    assert_eq!(
        results,
        [
            Ok(1000),
            Err((Reason::MissingTime, 1)),
            Err((Reason::WrongType, 2)),
            Err((Reason::WrongType, 3)),
            Err((Reason::DeviceMismatch, 4)),
            Err((Reason::WrongType, 5)),
            Err((Reason::BadValue, 6)),
            Ok(5000),
        ]
    );
}
