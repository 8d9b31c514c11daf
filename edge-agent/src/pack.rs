//! Observations to messages: numbers them and puts several of one device into one payload.
//!
//! Pure. Invariant: the numbers of each device start at 1 and have no gaps, and no payload is larger than a packet.

use std::collections::HashMap;
use std::sync::Arc;

use dustwatch_observation::json::{encode_many, encode_one};
use dustwatch_observation::{DeviceId, Observation, ParameterSet};

use crate::EdgeError;
use crate::publish::{MAX_PAYLOAD_BYTES, Message};

/// A message and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The device.
    pub device: Arc<str>,
    /// Its payload and numbers.
    pub message: Message,
}

/// What is the same for all messages of a run.
#[derive(Debug, Clone)]
pub struct PackOptions {
    /// The epoch.
    pub epoch: String,
    /// Observations of a message, at least 1.
    pub batch: usize,
    /// The offset that times are written with, in seconds east of UTC.
    pub offset_seconds: i32,
}

/// Numbers observations and packs them.
#[derive(Debug)]
pub struct Packer {
    options: PackOptions,
    parameters: Arc<ParameterSet>,
    devices: Vec<Waiting>,
    by_id: HashMap<String, usize>,
}

#[derive(Debug)]
struct Waiting {
    device: Arc<str>,
    last: u64,
    count: usize,
    /// Kept for their buffers; the first `count` wait.
    observations: Vec<Observation>,
}

impl Packer {
    /// A packer that has seen nothing yet.
    pub fn new(options: PackOptions, parameters: Arc<ParameterSet>) -> Self {
        Self {
            options,
            parameters,
            devices: Vec::new(),
            by_id: HashMap::new(),
        }
    }

    /// Takes an observation (its epoch and number are set here) and gives the messages that it completes to `out`.
    /// The observation is swapped for an older one, whose buffers can be used again.
    ///
    /// # Errors
    /// [`EdgeError::Usage`] when its device is no id; [`EdgeError::TooLarge`].
    pub fn push(&mut self, observation: &mut Observation, out: &mut Vec<Packet>) -> Result<(), EdgeError> {
        let index = match self.by_id.get(&observation.device) {
            Some(index) => *index,
            None => self.add(&observation.device)?,
        };
        let waiting = &mut self.devices[index];
        if waiting.count == waiting.observations.len() {
            waiting.observations.push(Observation::default());
        }
        let slot = &mut waiting.observations[waiting.count];
        std::mem::swap(slot, observation);
        slot.epoch.clone_from(&self.options.epoch);
        slot.seq = Some(waiting.last + 1);
        waiting.last += 1;
        waiting.count += 1;
        if waiting.count >= self.options.batch {
            return self.pack(index, out);
        }
        Ok(())
    }

    /// Gives everything that still waits for company to `out`.
    ///
    /// # Errors
    /// [`EdgeError::TooLarge`].
    pub fn flush(&mut self, out: &mut Vec<Packet>) -> Result<(), EdgeError> {
        (0..self.devices.len()).try_for_each(|index| self.pack(index, out))
    }

    fn add(&mut self, device: &str) -> Result<usize, EdgeError> {
        DeviceId::new(device).map_err(|e| EdgeError::Usage(e.to_string()))?;
        self.devices.push(Waiting {
            device: device.into(),
            last: 0,
            count: 0,
            observations: Vec::new(),
        });
        self.by_id.insert(device.to_owned(), self.devices.len() - 1);
        Ok(self.devices.len() - 1)
    }

    fn pack(&mut self, index: usize, out: &mut Vec<Packet>) -> Result<(), EdgeError> {
        let waiting = &mut self.devices[index];
        let count = std::mem::take(&mut waiting.count);
        pack_slice(
            &self.options,
            &self.parameters,
            &waiting.device,
            &waiting.observations[..count],
            out,
        )
    }
}

/// One message out of observations that have their numbers; halves them as long as the payload is too large.
fn pack_slice(
    options: &PackOptions,
    parameters: &ParameterSet,
    device: &Arc<str>,
    observations: &[Observation],
    out: &mut Vec<Packet>,
) -> Result<(), EdgeError> {
    let (Some(first), Some(last)) = (
        observations.first().and_then(|o| o.seq),
        observations.last().and_then(|o| o.seq),
    ) else {
        return Ok(());
    };
    let mut body = Vec::with_capacity(224 * observations.len());
    if let [single] = observations {
        encode_one(parameters, single, None, options.offset_seconds, &mut body);
    } else {
        encode_many(
            parameters,
            device,
            &options.epoch,
            None,
            options.offset_seconds,
            observations,
            &mut body,
        );
    }
    if body.len() <= MAX_PAYLOAD_BYTES - 64 {
        out.push(Packet {
            device: Arc::clone(device),
            message: Message { first, last, body },
        });
        return Ok(());
    }
    if observations.len() == 1 {
        let limit = MAX_PAYLOAD_BYTES - 64;
        return Err(EdgeError::TooLarge {
            device: device.to_string(),
            bytes: body.len(),
            limit,
        });
    }
    let (left, right) = observations.split_at(observations.len() / 2);
    pack_slice(options, parameters, device, left, out)?;
    pack_slice(options, parameters, device, right, out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use dustwatch_config::Settings;
    use dustwatch_observation::json::peek;
    use dustwatch_observation::{Parameter, Time};

    fn observation(device: &str, minute: i64) -> Observation {
        let mut observation = Observation::default();
        observation.device.push_str(device);
        observation.time = Time::from_micros(minute * 60_000_000);
        observation
    }

    fn packer(batch: usize, parameters: Arc<ParameterSet>) -> Packer {
        Packer::new(
            PackOptions {
                epoch: "e".to_owned(),
                batch,
                offset_seconds: 0,
            },
            parameters,
        )
    }

    #[test]
    fn each_device_is_numbered_from_one_without_gaps() {
        let mut packer = packer(3, Settings::load(None).unwrap().parameters);
        let mut out = Vec::new();
        for minute in 0..7 {
            packer.push(&mut observation("a", minute), &mut out).unwrap();
            packer.push(&mut observation("b", minute), &mut out).unwrap();
        }
        packer.flush(&mut out).unwrap();
        let mut of_a = Vec::new();
        for packet in out.iter().filter(|packet| &*packet.device == "a") {
            let head = peek(&packet.message.body).unwrap();
            assert_eq!(
                (head.seqs[0], *head.seqs.last().unwrap()),
                (packet.message.first, packet.message.last)
            );
            of_a.extend(head.seqs);
        }
        assert_eq!(of_a, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(out.len(), 6);
        assert!(packer.push(&mut observation("a/b", 0), &mut out).is_err());
    }

    #[test]
    fn what_is_too_large_for_one_message_becomes_several() {
        let list = (0..250).map(|n| Parameter {
            key: format!("p{n}{}", "x".repeat(200)),
            name: String::new(),
            name_en: String::new(),
            unit: String::new(),
            decimals: 1,
            published_decimals: 0,
            day_min_hours: 20,
            min: None,
            max: None,
        });
        let parameters = Arc::new(ParameterSet::new(list.collect()).unwrap());
        let mut packer = packer(100, Arc::clone(&parameters));
        let mut out = Vec::new();
        for minute in 0..100 {
            let mut full = observation("a", minute);
            for (id, _) in parameters.iter() {
                full.reading_mut(id).value = Some(dustwatch_observation::Decimal::new(10, 1));
            }
            packer.push(&mut full, &mut out).unwrap();
        }
        assert!(
            out.len() > 1
                && out
                    .iter()
                    .all(|packet| packet.message.body.len() < MAX_PAYLOAD_BYTES)
        );
        let ranges: Vec<(u64, u64)> = out.iter().map(|p| (p.message.first, p.message.last)).collect();
        assert!(ranges.windows(2).all(|w| w[0].1 + 1 == w[1].0), "{ranges:?}");
        assert_eq!((ranges[0].0, ranges[ranges.len() - 1].1), (1, 100));
    }
}
