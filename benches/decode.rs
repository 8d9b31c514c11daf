//! From a payload to Arrow columns: how fast, on one core, and beside what everybody would write first.
//!
//! The simulated district's messages: one observation each with all nine parameters, and sixty a message. "arrow" is
//! the way of the ingester: `json::Decoder` into `ObservationRows`, exact decimals, times read. "decode" is
//! the first half alone. The baselines read the same bytes with serde_json: "fields" finds the device, the time as it
//! is written and the nine values as floats, "columns" also reads the time and fills Arrow columns of float64.
//!
//! `profile.toml` compiles this file, and with it what serde generates for the baseline, with opt-level 3 like the
//! decoder's own crate.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dustwatch_config::Settings;
use dustwatch_edge::network::Troubles;
use dustwatch_lake::{LocalDays, ObservationRows};
use dustwatch_observation::json::{Decoded, Decoder, encode_many, encode_one};
use dustwatch_observation::{ParameterSet, Time};

#[path = "decode/baseline.rs"]
mod baseline;
#[path = "common/mod.rs"]
mod common;

use baseline::{Fields, KEYS};
use common::district::{simulate, sorted};

/// A message: whose topic it came on, and what it says.
struct Message {
    device: String,
    payload: Vec<u8>,
}

const OFFSET_SECONDS: i32 = 8 * 3600;
/// Observations of each device.
const A_DEVICE: usize = 60;

fn messages(settings: &Settings, batch: usize) -> Vec<Message> {
    let all = sorted(settings, simulate(settings, 1, Troubles::None));
    let parameters = &settings.parameters;
    let mut out = Vec::new();
    for day in all.chunk_by(|a, b| a.device == b.device) {
        let mut numbered = day[..A_DEVICE].to_vec();
        for (seq, observation) in (1..).zip(&mut numbered) {
            observation.epoch = "6f1c22d0".to_owned();
            observation.seq = Some(seq + 100_000);
        }
        for part in numbered.chunks(batch) {
            let mut payload = Vec::new();
            if batch == 1 {
                encode_one(parameters, &part[0], None, OFFSET_SECONDS, &mut payload);
            } else {
                encode_many(
                    parameters,
                    &part[0].device,
                    &part[0].epoch,
                    None,
                    OFFSET_SECONDS,
                    part,
                    &mut payload,
                );
            }
            out.push(Message {
                device: part[0].device.clone(),
                payload,
            });
        }
    }
    out
}

/// Float64 columns, as a program without decimals would have them.
struct Floats {
    device: StringBuilder,
    time: TimestampMicrosecondBuilder,
    seq: Int64Builder,
    values: [Float64Builder; KEYS.len()],
}

impl Floats {
    fn new() -> Self {
        Self {
            device: StringBuilder::new(),
            time: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            seq: Int64Builder::new(),
            values: Default::default(),
        }
    }

    fn append(&mut self, fields: &Fields<'_>, device: &str) {
        self.device.append_value(device);
        self.time
            .append_value(Time::parse_rfc3339(fields.time().as_bytes()).unwrap().as_micros());
        self.seq.append_option(fields.seq().map(|seq| seq as i64));
        for (builder, value) in self.values.iter_mut().zip(fields.values()) {
            builder.append_option(value);
        }
    }

    fn finish(&mut self) -> RecordBatch {
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            ("device", Arc::new(self.device.finish())),
            ("observed_at", Arc::new(self.time.finish())),
            ("seq", Arc::new(self.seq.finish())),
        ];
        for (key, builder) in KEYS.iter().zip(&mut self.values) {
            columns.push((key, Arc::new(builder.finish())));
        }
        RecordBatch::try_from_iter(columns).unwrap()
    }
}

fn decode(criterion: &mut Criterion) {
    let settings = Settings::load(None).unwrap();
    for (name, batch) in [("one_a_message", 1), ("sixty_a_message", 60)] {
        let messages = messages(&settings, batch);
        let many = batch > 1;
        check(&settings, &messages, many);
        let observations = messages.len() * batch;
        let bytes: usize = messages.iter().map(|m| m.payload.len()).sum();
        println!(
            "{name}: {observations} observations in {} messages of {} bytes",
            messages.len(),
            bytes / messages.len()
        );
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(observations as u64));

        let mut decoder = Decoder::new(settings.parameters.clone());
        group.bench_function("decode", |bencher| {
            bencher.iter(|| {
                for message in &messages {
                    decoder.decode(&message.payload, &message.device, &mut |decoded| {
                        black_box(&decoded);
                    });
                }
            });
        });

        let mut builder = ObservationRows::new(settings.parameters.clone());
        let mut days = LocalDays::new(settings.district.timezone);
        group.bench_function("arrow", |bencher| {
            bencher.iter(|| {
                for message in &messages {
                    take(&mut decoder, &mut builder, &mut days, message);
                }
                builder.take()
            });
        });

        group.bench_function("serde_json_fields", |bencher| {
            bencher.iter(|| {
                for message in &messages {
                    baseline::read(&message.payload, many, &mut |_, fields| {
                        black_box(fields);
                    });
                }
            });
        });

        let mut floats = Floats::new();
        group.bench_function("serde_json_columns", |bencher| {
            bencher.iter(|| {
                for message in &messages {
                    baseline::read(&message.payload, many, &mut |device, fields| {
                        floats.append(fields, device)
                    });
                }
                floats.finish()
            });
        });
        group.finish();
    }
}

fn take(decoder: &mut Decoder, builder: &mut ObservationRows, days: &mut LocalDays, message: &Message) {
    decoder.decode(&message.payload, &message.device, &mut |decoded| match decoded {
        Decoded::Observation(observation) => {
            let day = days.day_of(observation.time).unwrap();
            builder.append(observation, observation.time, day);
        }
        Decoded::Fault(fault) => panic!("{fault:?}"),
        Decoded::Retract => panic!("retracted"),
    });
}

/// Both ways must say the same before their times are compared.
fn check(settings: &Settings, messages: &[Message], many: bool) {
    let parameters: &Arc<ParameterSet> = &settings.parameters;
    let mut decoder = Decoder::new(parameters.clone());
    for message in messages {
        let mut want = Vec::new();
        decoder.decode(&message.payload, &message.device, &mut |decoded| match decoded {
            Decoded::Observation(o) => {
                want.push(KEYS.map(|key| o.reading(parameters.find(key).unwrap()).value))
            }
            Decoded::Fault(fault) => panic!("{fault:?}"),
            Decoded::Retract => panic!("retracted"),
        });
        let mut at = 0;
        baseline::read(&message.payload, many, &mut |device, fields| {
            assert_eq!(device, message.device);
            assert_eq!(fields.values(), want[at].map(|v| v.map(|v| v.to_f64())));
            at += 1;
        });
        assert_eq!(at, want.len());
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
