//! A payload to its observations.

use std::sync::Arc;

use super::Fault;
use super::envelope::{self, Envelope, open};
use super::fault::kind_of;
use super::fields::{Faults, FieldReader, Place, mismatch};
use super::keys::Keys;
use super::one_pass::Plain;
use super::peek::Head;
use super::scan::{Scan, Scanner};
use crate::{Observation, ParameterSet, Reason};

/// What a payload holds at one place: an observation, or the reason why there is none.
#[derive(Debug)]
pub enum Decoded<'a> {
    /// An observation; its buffers belong to the decoder and are reused for the next one.
    Observation(&'a Observation),
    /// Something that did not become an observation.
    Fault(Fault),
    /// The observations that this call has handed over are void: the message turned out to be at fault further on. What
    /// holds follows.
    Retract,
}

/// Reads payloads. Keep one a thread: it reuses its buffers and learns the order in which devices write.
#[derive(Debug)]
pub struct Decoder {
    pub(super) keys: Keys,
    pub(super) observation: Observation,
    pub(super) faults: Faults,
    /// Of the message decoded last, if it was read in one pass.
    pub(super) head: Option<Head>,
}

impl Decoder {
    /// A decoder for payloads with these parameters; other keys are skipped.
    pub fn new(parameters: Arc<ParameterSet>) -> Self {
        let observation = Observation::new(parameters.len());
        Self {
            keys: Keys::new(parameters),
            observation,
            faults: Faults::new(),
            head: None,
        }
    }

    /// The head of the message decoded last, if it was read on the way; [`super::peek`] reads it otherwise.
    pub fn take_head(&mut self) -> Option<Head> {
        self.head.take()
    }

    /// Decodes a payload of one or many observations and hands each to `sink`, in order, or the [`Fault`] in its
    /// place. `topic_device` is the device of the topic; every observation carries it.
    ///
    /// A fault of the message as a whole (broken JSON, another device, an unusable head) has no index, and nothing
    /// else is handed over. A fault in one element of `obs` leaves the others as they are.
    pub fn decode(&mut self, payload: &[u8], topic_device: &str, sink: &mut impl FnMut(Decoded<'_>)) {
        self.head = None;
        if let Err(fault) = self.message(payload, topic_device, sink) {
            sink(Decoded::Fault(fault));
        }
    }

    fn message(
        &mut self,
        payload: &[u8],
        topic_device: &str,
        sink: &mut impl FnMut(Decoded<'_>),
    ) -> Result<(), Fault> {
        let start = open(payload)?.at();
        if self.plain(payload, start, topic_device) {
            sink(Decoded::Observation(&self.observation));
            return Ok(());
        }
        match self.plain_list(payload, start, topic_device, sink) {
            Plain::Whole => return Ok(()),
            Plain::Void => sink(Decoded::Retract),
            Plain::Nothing => {}
        }
        let envelope = Envelope::read(payload, start)?;
        if let Some(at) = envelope.device {
            let device = envelope::text_at(payload, "device", at)?;
            if *device.bytes() != *topic_device.as_bytes() {
                let what = mismatch(&device.string(), topic_device);
                return Err(Fault::at(Reason::DeviceMismatch, None, "device", at, &what));
            }
        }
        self.observation.clear();
        self.observation.device.push_str(topic_device);
        if let Some(at) = envelope.epoch {
            self.observation.epoch.push_str(&envelope::epoch_at(payload, at)?);
        }
        match envelope.obs {
            None => self.element(&mut Scanner::new(payload, envelope.start), None, sink)?,
            Some(at) => self.list(&mut Scanner::new(payload, at), sink)?,
        }
        Ok(())
    }

    fn list(&mut self, scanner: &mut Scanner<'_>, sink: &mut impl FnMut(Decoded<'_>)) -> Result<(), Fault> {
        let at = scanner.at();
        if scanner.current() != Some(b'[') {
            let what = format!("{}, not a list", kind_of(scanner.current()));
            return Err(Fault::at(Reason::WrongType, None, "obs", at, &what));
        }
        if !scanner.open_list()? {
            return Err(Fault::at(Reason::EmptyList, None, "obs", at, "an empty list"));
        }
        let mut index = 0;
        loop {
            if scanner.current() == Some(b'{') {
                self.element(scanner, Some(index), sink)?;
            } else {
                let what = format!("{}, not an object", kind_of(scanner.current()));
                let fault = Fault::at(Reason::WrongType, Some(index), "observation", scanner.at(), &what);
                scanner.skip_value(2)?;
                sink(Decoded::Fault(fault));
            }
            if !scanner.next_item()? {
                return Ok(());
            }
            index += 1;
        }
    }

    #[inline]
    fn element(
        &mut self,
        scanner: &mut Scanner<'_>,
        index: Option<usize>,
        sink: &mut impl FnMut(Decoded<'_>),
    ) -> Scan<()> {
        self.observation.clear_readings();
        self.faults.clear();
        FieldReader {
            keys: &mut self.keys,
            observation: &mut self.observation,
            faults: &mut self.faults,
            index,
            depth: if index.is_some() { 3 } else { 1 },
            has_time: false,
            place: Place::Element,
        }
        .read(scanner)?;
        match self.faults.iter().map(|(field, _)| *field).min() {
            None => sink(Decoded::Observation(&self.observation)),
            Some(first) => {
                if let Some((_, fault)) = self.faults.drain(..).find(|(field, _)| *field == first) {
                    sink(Decoded::Fault(fault));
                }
            }
        }
        Ok(())
    }
}
