//! The payload codec: against its own encoder, against `serde_json`, and against every kind of bad input.

#![allow(clippy::unwrap_used)]

mod bad_input;
mod contract;
mod reference;
mod round_trip;
mod syntax;

use std::sync::Arc;

use dustwatch_observation::json::{Decoded, Decoder, Fault};
use dustwatch_observation::{Observation, Parameter, ParameterSet, Reason};

const DEVICE: &str = "110109-DY-0001";

fn parameters() -> Arc<ParameterSet> {
    let keys = [
        "pm25",
        "pm10",
        "tsp",
        "noise",
        "temperature",
        "a_parameter_with_a_long_key",
    ];
    let list = keys.map(|key| Parameter {
        key: key.to_owned(),
        name: key.to_owned(),
        name_en: key.to_owned(),
        unit: String::new(),
        decimals: 1,
        published_decimals: 0,
        day_min_hours: 20,
        min: None,
        max: None,
    });
    Arc::new(ParameterSet::new(list.to_vec()).unwrap())
}

fn decode_with(decoder: &mut Decoder, payload: &[u8]) -> Vec<Result<Observation, Fault>> {
    let mut results = Vec::new();
    decoder.decode(payload, DEVICE, &mut |decoded| match decoded {
        Decoded::Observation(observation) => results.push(Ok(observation.clone())),
        Decoded::Fault(fault) => results.push(Err(fault)),
        Decoded::Retract => results.clear(),
    });
    results
}

fn decode(payload: impl AsRef<[u8]>) -> Vec<Result<Observation, Fault>> {
    decode_with(&mut Decoder::new(parameters()), payload.as_ref())
}

/// The one observation of a payload.
fn observation(payload: impl AsRef<[u8]>) -> Observation {
    let [Ok(observation)] = &decode(payload)[..] else {
        panic!("one observation")
    };
    observation.clone()
}

/// The one fault of a payload: its reason and place.
fn fault(payload: impl AsRef<[u8]>) -> (Reason, Option<usize>) {
    let results = decode(payload);
    let [Err(fault)] = &results[..] else {
        panic!("one fault, not {results:?}")
    };
    (fault.reason, fault.index)
}
