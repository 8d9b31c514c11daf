//! What everybody would write first: serde_json into a struct of optional floats.

use serde::Deserialize;

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

#[derive(Debug, Deserialize)]
pub(crate) struct Fields<'a> {
    device: Option<&'a str>,
    #[serde(rename = "epoch")]
    _epoch: Option<&'a str>,
    seq: Option<u64>,
    time: &'a str,
    tsp: Option<f64>,
    pm10: Option<f64>,
    pm25: Option<f64>,
    noise: Option<f64>,
    temperature: Option<f64>,
    humidity: Option<f64>,
    pressure: Option<f64>,
    wind_speed: Option<f64>,
    wind_direction: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Many<'a> {
    device: &'a str,
    #[serde(rename = "epoch")]
    _epoch: Option<&'a str>,
    #[serde(borrow)]
    obs: Vec<Fields<'a>>,
}

impl Fields<'_> {
    pub(crate) fn time(&self) -> &str {
        self.time
    }

    pub(crate) fn seq(&self) -> Option<u64> {
        self.seq
    }

    pub(crate) fn values(&self) -> [Option<f64>; KEYS.len()] {
        [
            self.tsp,
            self.pm10,
            self.pm25,
            self.noise,
            self.temperature,
            self.humidity,
            self.pressure,
            self.wind_speed,
            self.wind_direction,
        ]
    }
}

/// Reads a payload of one form or the other; hands each observation over, with its device.
pub(crate) fn read(payload: &[u8], many: bool, sink: &mut impl FnMut(&str, &Fields<'_>)) {
    if many {
        let many: Many<'_> = serde_json::from_slice(payload).unwrap();
        for fields in &many.obs {
            sink(many.device, fields);
        }
    } else {
        let fields: Fields<'_> = serde_json::from_slice(payload).unwrap();
        sink(fields.device.unwrap_or_default(), &fields);
    }
}
