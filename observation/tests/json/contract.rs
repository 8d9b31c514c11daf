//! What the contract of the payload says, case by case.

use dustwatch_observation::json::{Head, encode_many, encode_one, peek};
use dustwatch_observation::{Decimal, Flag, Observation, Reason, Time};

use crate::{decode, observation, parameters};

const SINGLE: &str = r#"{"device":"110109-DY-0001","epoch":"6f1c","seq":123456,"time":"2019-08-06T08:00:00+08:00","pm25":35.2,"pm10":80.1,"tsp":120.4,"noise":61.2,"temperature":28.4,"flags":{"tsp":"D"}}"#;

fn value(observation: &Observation, key: &str) -> Option<Decimal> {
    observation.reading(parameters().find(key).unwrap()).value
}

fn flag(observation: &Observation, key: &str) -> Flag {
    observation.reading(parameters().find(key).unwrap()).flag
}

#[test]
fn the_single_form_is_read_and_written() {
    let read = observation(SINGLE);
    assert_eq!(
        (read.device.as_str(), read.epoch.as_str(), read.seq),
        ("110109-DY-0001", "6f1c", Some(123_456))
    );
    assert_eq!(read.time, Time::parse_rfc3339(b"2019-08-06T00:00:00Z").unwrap());
    assert_eq!(value(&read, "pm25"), Some(Decimal::new(352, 1)));
    assert_eq!(value(&read, "a_parameter_with_a_long_key"), None);
    assert_eq!(
        (flag(&read, "tsp"), flag(&read, "pm25")),
        (Flag::Fault, Flag::Normal)
    );

    let mut out = Vec::new();
    encode_one(&parameters(), &read, None, 28_800, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), SINGLE);
}

#[test]
fn the_form_of_many_is_read_in_any_order_of_keys() {
    let many = r#" { "obs" : [ {"time":1565049600000,"pm25":1,"seq":7} ,
        {"flags":{"pm25":"M","tsp":null,"unknown":"?"},"time":"2019-08-06 00:01:00Z","pm25":null} ],
        "more":{"deep":[[],{}]}, "epoch":"6f1c", "from":7, "device":"110109-DY-0001" } "#;
    let results = decode(many);
    let [Ok(first), Ok(second)] = &results[..] else {
        panic!("two observations, not {results:?}")
    };
    assert_eq!(
        (first.epoch.as_str(), first.seq, second.seq),
        ("6f1c", Some(7), None)
    );
    assert_eq!(second.time, first.time.plus_micros(60_000_000));
    assert_eq!(
        (value(first, "pm25"), value(second, "pm25")),
        (Some(Decimal::new(1, 0)), None)
    );
    assert_eq!(
        (flag(second, "pm25"), flag(second, "tsp")),
        (Flag::Maintenance, Flag::Normal)
    );
    assert_eq!(
        peek(many.as_bytes()),
        Some(Head {
            epoch: "6f1c".to_owned(),
            from: Some(7),
            seqs: vec![7]
        })
    );

    let mut out = Vec::new();
    encode_many(
        &parameters(),
        &first.device,
        &first.epoch,
        Some(7),
        0,
        [first, second],
        &mut out,
    );
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"{"device":"110109-DY-0001","epoch":"6f1c","from":7,"obs":[{"seq":7,"time":"2019-08-06T00:00:00Z","pm25":1},{"time":"2019-08-06T00:01:00Z","flags":{"pm25":"M"}}]}"#
    );
}

#[test]
fn a_third_party_needs_nothing_but_a_time() {
    let read = observation(r#"{"time":0,"battery":3.7,"location":{"lat":1e999,"tags":["x"]}}"#);
    assert_eq!(
        (read.device.as_str(), read.epoch.as_str(), read.seq),
        ("110109-DY-0001", "", None)
    );
    assert!(read.is_empty());
    let read = observation(
        r#"{"device":null,"epoch":null,"seq":null,"obs":null,"flags":null,"from":null,"time":-1}"#,
    );
    assert_eq!(read.time, Time::from_millis(-1));
}

#[test]
fn of_a_key_that_occurs_twice_the_last_counts() {
    let read = observation(
        r#"{"time":"no","pm25":"no","tsp":1,"flags":{"pm25":"X"},"seq":-1,"time":5,"pm25":2,"tsp":null,
            "flags":{"tsp":"?","tsp":"T"},"seq":9,"device":"other","device":"110109-DY-0001"}"#,
    );
    assert_eq!((read.time, read.seq), (Time::from_millis(5), Some(9)));
    assert_eq!(
        (value(&read, "pm25"), value(&read, "tsp")),
        (Some(Decimal::new(2, 0)), None)
    );
    assert_eq!(
        (flag(&read, "pm25"), flag(&read, "tsp")),
        (Flag::Normal, Flag::OverRange)
    );
}

#[test]
fn escapes_stand_for_what_they_stand_for() {
    let read =
        observation(r#"{"\u0074ime":"2019-08-06T00:00:00\u005a","pm\u00325":4,"epoch":"\ud83d\ude00\"\n"}"#);
    assert_eq!(read.epoch, "😀\"\n");
    assert_eq!(value(&read, "pm25"), Some(Decimal::new(4, 0)));
    let mut out = Vec::new();
    encode_one(&parameters(), &read, None, 0, &mut out);
    assert_eq!(observation(out), read);
}

#[test]
fn a_fault_says_where_it_is() {
    let results = decode(r#"{"obs":[{"time":1,"pm25":"35"},{"time":2},{"time":3,"flags":{"tsp":"d"}}]}"#);
    let [Err(first), Ok(_), Err(third)] = &results[..] else {
        panic!("fault, observation, fault, not {results:?}")
    };
    assert_eq!((first.reason, first.index), (Reason::WrongType, Some(0)));
    assert_eq!(first.detail, "pm25 at byte 25: a text, not a number");
    assert_eq!((third.reason, third.index), (Reason::BadFlag, Some(2)));
    assert_eq!(third.detail, "flags.tsp at byte 67: not one of N F M S D C T B");
    let Err(broken) = &decode("{\"time\":1,}")[0] else {
        panic!("a fault")
    };
    assert_eq!(broken.detail, "byte 10: expected a key");
    let Err(foreign) = &decode(r#"{"device":"x","time":1}"#)[0] else {
        panic!("a fault")
    };
    assert_eq!(
        foreign.detail,
        "device at byte 10: \"x\" is not the topic's device \"110109-DY-0001\""
    );
}

#[test]
fn times_are_written_in_the_offset_asked_for() {
    let written = |micros: i64, offset: i32| {
        let mut observation = Observation::new(0);
        observation.time = Time::from_micros(micros);
        let mut out = Vec::new();
        encode_one(&parameters(), &observation, None, offset, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(written(0, 28_800), r#"{"time":"1970-01-01T08:00:00+08:00"}"#);
    assert_eq!(
        written(-1, -12_600),
        r#"{"time":"1969-12-31T20:29:59.999999-03:30"}"#
    );
    assert_eq!(written(1_500_000, 0), r#"{"time":"1970-01-01T00:00:01.500Z"}"#);
    assert_eq!(
        written(0, 28_800 + 343),
        r#"{"time":"1970-01-01T08:05:00+08:05"}"#,
        "whole minutes"
    );
    assert_eq!(
        written(253_402_300_800_000_000, 0),
        r#"{"time":253402300800000}"#,
        "the year 10000"
    );
}

#[test]
fn peek_reads_numbers_whatever_else_is_wrong() {
    let seqs = |payload: &str| peek(payload.as_bytes()).map(|head| head.seqs);
    assert_eq!(
        seqs(r#"{"obs":[{"seq":3},{"seq":4,"time":"no","pm25":"x"},7,{"seq":-1},{"seq":5,"seq":6}]}"#),
        Some(vec![3, 4, 6])
    );
    assert_eq!(seqs(r#"{"seq":9}"#), Some(vec![9]));
    assert_eq!(seqs(r#"{"seq":9,"obs":[]}"#), Some(vec![]));
    assert_eq!(seqs(r#"{"seq":9,"obs":null}"#), Some(vec![9]));
    assert_eq!(seqs(r#"{"obs":[{"seq":1}],"obs":[{"seq":2}]}"#), Some(vec![2]));
    assert_eq!(seqs(r#"{"obs":[{"seq":1}],"obs":{}}"#), Some(vec![]));
    for nothing in [
        "",
        "[]",
        "7",
        r#"{"seq":1"#,
        r#"{"seq":1}}"#,
        r#"{"epoch":7,"seq":1}"#,
    ] {
        assert_eq!(seqs(nothing), None, "{nothing}");
    }
}
