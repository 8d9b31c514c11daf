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
