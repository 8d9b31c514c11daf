//! What is encoded is decoded equal, and means the same to `serde_json`.

use dustwatch_observation::json::{Decoder, Head, encode_many, encode_one, peek};
use dustwatch_observation::{Decimal, Flag, Observation, Time};
use proptest::prelude::*;

use crate::{DEVICE, decode_with, parameters};

/// Years 0001 to 9998, so that every offset stays within four digits.
const TIMES: std::ops::Range<i64> = -62_135_000_000_000_000..253_370_000_000_000_000;

fn observations() -> impl Strategy<Value = Vec<Observation>> {
    let value = proptest::option::of((
        -999_999_999_999_999_999i64..=999_999_999_999_999_999,
        0u8..=18,
        0u32..18,
    ))
    .prop_map(|v| v.map(|(mantissa, scale, cut)| Decimal::new(mantissa / 10i64.pow(cut), scale)));
    let reading = (
        value,
        prop_oneof![3 => Just(0usize), 1 => 0usize..Flag::ALL.len()],
    );
    let observation = (
        proptest::option::of(any::<u64>()),
        prop_oneof![
            TIMES,
            TIMES.prop_map(|t| t / 1000 * 1000),
            TIMES.prop_map(|t| t / 1_000_000 * 1_000_000)
        ],
        proptest::collection::vec(reading, 6),
    );
    let observation = observation.prop_map(|(seq, micros, readings)| {
        let mut observation = Observation::new(6);
        observation.device.push_str(DEVICE);
        observation.seq = seq;
        observation.time = Time::from_micros(micros);
        for ((id, _), (value, flag)) in parameters().iter().zip(readings) {
            observation.reading_mut(id).value = value;
            observation.reading_mut(id).flag = Flag::ALL[flag].0;
        }
        observation
    });
    (".{0,16}", proptest::collection::vec(observation, 1..6)).prop_map(|(epoch, mut observations)| {
        observations.iter_mut().for_each(|o| o.epoch.clone_from(&epoch));
        observations
    })
}

proptest! {
    #[test]
    fn one_pass_says_what_the_thorough_way_says(
        list in observations(), from in proptest::option::of(any::<u64>()),
        at in any::<prop::sample::Index>(), byte in prop::sample::select(&b"\"{}[],:0n9ax "[..]), insert: bool,
    ) {
        let parameters = parameters();
        let epoch = list[0].epoch.clone();
        let mut out = Vec::new();
        encode_many(&parameters, DEVICE, &epoch, from, 0, &list, &mut out);
        let at = at.index(out.len());
        if insert {
            out.insert(at, byte);
        } else {
            out[at] = byte;
        }
        let mut decoder = Decoder::new(parameters);
        let observed = decode_with(&mut decoder, &out);
        if let Some(head) = decoder.take_head() {
            prop_assert_eq!(peek(&out), Some(head));
        }
        // Behind a blank member the list is nothing for the one pass: a key that occurs twice.
        let mut thorough = b"{\"device\":null,".to_vec();
        if let Some(rest) = out.strip_prefix(b"{") && rest.starts_with(b"\"device\"") {
            thorough.extend_from_slice(rest);
            let said = |results: &[Result<Observation, _>]| -> Vec<_> { results.iter().map(|r| r.as_ref().ok().cloned()).collect() };
            prop_assert_eq!(said(&observed), said(&decode_with(&mut decoder, &thorough)));
            prop_assert!(decoder.take_head().is_none());
        }
    }

    #[test]
    fn encoded_is_decoded_equal(list in observations(), from in proptest::option::of(any::<u64>()), minutes in -1439i32..=1439) {
        let parameters = parameters();
        // One decoder throughout: nothing of one message may leak into the next.
        let mut decoder = Decoder::new(parameters.clone());
        let epoch = list[0].epoch.clone();
        let mut out = Vec::new();
        encode_many(&parameters, DEVICE, &epoch, from, minutes * 60, &list, &mut out);
        serde_json::from_slice::<serde_json::Value>(&out).unwrap();
        let decoded: Vec<_> = decode_with(&mut decoder, &out).into_iter().map(Result::unwrap).collect();
        prop_assert_eq!(&decoded, &list);
        // A number beyond the table's reach is none that could be confirmed.
        let within = |n: &u64| i64::try_from(*n).is_ok();
        let seqs = list.iter().filter_map(|o| o.seq).filter(within).collect();
        prop_assert_eq!(peek(&out), Some(Head { epoch, from: from.filter(within), seqs }));
        for observation in &list {
            out.clear();
            encode_one(&parameters, observation, from, minutes * 60, &mut out);
            prop_assert_eq!(decode_with(&mut decoder, &out), vec![Ok(observation.clone())]);
            prop_assert_eq!(peek(&out).unwrap().seqs, Vec::from_iter(observation.seq.filter(within)));
        }
    }
}
