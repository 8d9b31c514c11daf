//! What everybody would write first: serde_json, then the fields by name, numbers as floats.

use serde_json::{Map, Value};

pub(crate) const KEYS: [&str; 9] = [
    "tsp",
    "pm10",
    "pm25",
    "noise",
    "temperature",
    "humidity",
    "pressure",
    "wind_speed",
    "wind_direction",
];

#[derive(Debug)]
pub(crate) struct Fields<'a> {
    seq: Option<u64>,
    time: &'a str,
    values: [Option<f64>; KEYS.len()],
}

impl<'a> Fields<'a> {
    fn of(object: &'a Map<String, Value>) -> Self {
        let get = |key| object.get(key);
        Self {
            seq: get("seq").and_then(Value::as_u64),
            time: get("time").and_then(Value::as_str).unwrap(),
            values: KEYS.map(|key| get(key).and_then(Value::as_f64)),
        }
    }

    pub(crate) fn time(&self) -> &str {
        self.time
    }

    pub(crate) fn seq(&self) -> Option<u64> {
        self.seq
    }

    pub(crate) fn values(&self) -> [Option<f64>; KEYS.len()] {
        self.values
    }
}

/// Reads a payload of one observation or of many; hands each over, with its device.
pub(crate) fn read(payload: &[u8], many: bool, sink: &mut impl FnMut(&str, &Fields<'_>)) {
    let message: Map<String, Value> = serde_json::from_slice(payload).unwrap();
    let device = message.get("device").and_then(Value::as_str).unwrap();
    if many {
        for item in message.get("obs").and_then(Value::as_array).unwrap() {
            sink(device, &Fields::of(item.as_object().unwrap()));
        }
    } else {
        sink(device, &Fields::of(&message));
    }
}
