//! Frames: a payload of raw HJ 212 frames to observations, for gateways that only wrap what a data logger sends.
//!
//! Pure: what it says depends on the payload and the settings alone, so that a replay says the same. What brings no values, a
//! sign of life for one, is passed over, and so are data of another command than the one that is kept of this device.
//!
//! Invariant: an observation is whole. The parts of a split message are one observation of one time; two would correct each
//! other, so they are put together when one payload has them all, and none is taken when one is missing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use dustwatch_config::{FrameSettings, Settings};
use dustwatch_observation::hj212::{Factors, FrameFault, Framed, Framer, Message, Reported};
use dustwatch_observation::{Observation, ParameterSet};

/// Reads frames.
pub(crate) struct Frames {
    settings: Arc<FrameSettings>,
    parameters: Arc<ParameterSet>,
    /// Of HJ 212's local times.
    offset_seconds: i32,
    /// By device.
    factors: HashMap<String, Factors>,
    /// Devices and commands whose data were passed over: said once.
    passed_over: BTreeSet<(String, u16)>,
}

/// Parts of one message.
struct Parts {
    expected: u32,
    numbers: BTreeSet<u32>,
    reported: Reported,
}

impl Frames {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.hj212.clone(),
            parameters: settings.parameters.clone(),
            offset_seconds: settings.district.offset_seconds(),
            factors: HashMap::new(),
            passed_over: BTreeSet::new(),
        }
    }

    /// The observations of a payload, their device not yet set, and what in it is no frame.
    pub(crate) fn read(&mut self, device: &str, payload: &[u8]) -> (Vec<Observation>, Vec<String>) {
        let (messages, mut faults) = self.messages(device, payload);
        let mut observations = Vec::new();
        let mut split: BTreeMap<i64, Parts> = BTreeMap::new();
        for message in messages {
            let reported = Reported::of(&message, self.factors_of(device));
            let Some(observation) = reported.observation.as_ref() else {
                faults.push(format!(
                    "QN {}: no DataTime, or no value that is a parameter here",
                    message.qn
                ));
                continue;
            };
            match message.part {
                Some((number, expected)) if expected > 1 => {
                    let key = observation.time.as_micros();
                    match split.get_mut(&key) {
                        Some(parts) => {
                            parts.numbers.insert(number);
                            parts.reported.join(reported, &self.parameters);
                        }
                        None => {
                            let numbers = BTreeSet::from([number]);
                            split.insert(
                                key,
                                Parts {
                                    expected,
                                    numbers,
                                    reported,
                                },
                            );
                        }
                    }
                }
                _ => observations.extend(reported.observation),
            }
        }
        for parts in split.into_values() {
            if parts.numbers.len() < parts.expected as usize {
                faults.push(format!(
                    "parts {:?} of {} of a message; the gateway has to send all of them in one payload",
                    parts.numbers, parts.expected
                ));
            } else {
                observations.extend(parts.reported.observation);
            }
        }
        (observations, faults)
    }

    /// The messages of a payload that bring what is kept of this device.
    fn messages(&mut self, device: &str, payload: &[u8]) -> (Vec<Message>, Vec<String>) {
        let reading = self.settings.of(device);
        let mut framer = Framer::new(reading.crc);
        let mut framed = framer.push(payload);
        framed.extend(framer.finish());
        let (mut messages, mut faults) = (Vec::new(), Vec::new());
        if framed.is_empty() {
            faults.push("there is no frame".to_owned());
        }
        for framed in framed {
            let message = match framed {
                Framed::Bad(fault, bytes) => {
                    faults.push(format!("{}: {}", meaning(fault), String::from_utf8_lossy(&bytes)));
                    continue;
                }
                Framed::Segment(segment) => Message::parse(&segment, self.offset_seconds),
            };
            match message {
                Err(fault) => faults.push(fault.to_string()),
                Ok(message) if message.command == reading.command => messages.push(message),
                Ok(message) if message.command.is_data() => {
                    let command = message.command.number();
                    if self.passed_over.insert((device.to_owned(), command)) {
                        let kept = reading.command.number();
                        tracing::info!(
                            device,
                            command,
                            kept,
                            "data of this command are not kept, as [hj212] says"
                        );
                    }
                }
                Ok(_) => {}
            }
        }
        (messages, faults)
    }

    fn factors_of(&mut self, device: &str) -> &Factors {
        if !self.factors.contains_key(device) {
            let factors = Factors::new(&self.parameters, &self.settings.of(device).units);
            self.factors.insert(device.to_owned(), factors);
        }
        &self.factors[device]
    }
}

fn meaning(fault: FrameFault) -> &'static str {
    match fault {
        FrameFault::NoHead => "no ## with four digits",
        FrameFault::Length => "the segment does not end where its length says",
        FrameFault::Crc => "the checksum is another",
    }
}
