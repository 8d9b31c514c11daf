//! The observation: all parameters of one device at one time.

use crate::{Decimal, Flag, ParameterId, Time};

/// One parameter's value in an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// The value, exactly as the device wrote it; `None` is missing, never zero.
    pub value: Option<Decimal>,
    /// What the device says about the value.
    pub flag: Flag,
}

/// All parameters of one device at one time. `(device, time)` identifies it.
///
/// Made to be reused: [`Observation::clear`] keeps the buffers, so decoding a stream allocates nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observation {
    /// The device's id.
    pub device: String,
    /// The agent's epoch, empty when the device has none: a new one whenever an agent starts with an empty spool.
    pub epoch: String,
    /// The agent's running number within the epoch.
    pub seq: Option<u64>,
    /// When it was observed.
    pub time: Time,
    readings: Vec<Reading>,
}

impl Observation {
    /// An empty observation with room for `parameters` readings.
    pub fn new(parameters: usize) -> Self {
        Self {
            readings: vec![Reading::default(); parameters],
            ..Self::default()
        }
    }

    /// Forgets everything but the buffers.
    pub fn clear(&mut self) {
        self.device.clear();
        self.epoch.clear();
        self.seq = None;
        self.time = Time::default();
        self.readings.fill(Reading::default());
    }

    /// Forgets everything but the buffers, the device and the epoch: the next observation of one message.
    pub fn clear_readings(&mut self) {
        self.seq = None;
        self.time = Time::default();
        self.readings.fill(Reading::default());
    }

    /// The reading of a parameter.
    #[inline]
    pub fn reading(&self, parameter: ParameterId) -> Reading {
        self.readings.get(parameter.index()).copied().unwrap_or_default()
    }

    /// The reading of a parameter, to set it; grows the observation when the parameter set is larger.
    #[inline]
    pub fn reading_mut(&mut self, parameter: ParameterId) -> &mut Reading {
        let index = parameter.index();
        if index >= self.readings.len() {
            self.readings.resize(index + 1, Reading::default());
        }
        &mut self.readings[index]
    }

    /// All readings, in the order of the parameter set.
    #[inline]
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// Whether no parameter has a value.
    pub fn is_empty(&self) -> bool {
        self.readings.iter().all(|r| r.value.is_none())
    }
}
