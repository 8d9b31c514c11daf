//! Messages without a fault, read in one pass: nearly all that there are.
//!
//! Whatever is unusual is left to the thorough way in [`super::decode`], which says what is wrong. Invariant: what is
//! read here is what the thorough way would have read.

use super::decode::{Decoded, Decoder};
use super::envelope;
use super::fields::{FieldReader, Place};
use super::peek::Head;
use super::scan::{Scan, Scanner};

/// How far the one pass has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// To the end; everything has been handed over.
    Whole,
    /// It handed observations over that may not hold.
    Void,
    /// It handed nothing over.
    Nothing,
}

/// The head of a list.
#[derive(Debug, Default)]
struct ListHead {
    device: bool,
    epoch: bool,
    from: Option<u64>,
    seqs: Vec<u64>,
}

impl Decoder {
    /// Reads a message of one observation without a fault in one pass: what most messages are. False leaves everything
    /// to the thorough way, which says what is wrong.
    pub(super) fn plain(&mut self, payload: &[u8], start: usize, topic_device: &str) -> bool {
        let mut scanner = Scanner::new(payload, start);
        if scanner.current() != Some(b'{') {
            return false;
        }
        self.observation.clear();
        self.observation.device.push_str(topic_device);
        self.faults.clear();
        let mut reader = FieldReader {
            keys: &mut self.keys,
            observation: &mut self.observation,
            faults: &mut self.faults,
            index: None,
            depth: 1,
            has_time: false,
            place: Place::Message {
                epoch: None,
                from: None,
            },
        };
        if reader.read(&mut scanner).is_err() || scanner.end().is_err() {
            return false;
        }
        let Place::Message { epoch, from } = reader.place else {
            return false;
        };
        if !self.faults.is_empty() {
            return false;
        }
        let epoch = match epoch.map(|at| envelope::epoch_at(payload, at)) {
            None => String::new(),
            Some(Ok(epoch)) => epoch.into_owned(),
            Some(Err(_)) => return false,
        };
        self.observation.epoch.push_str(&epoch);
        self.head = Some(Head::new(epoch, from, self.observation.seq.into_iter().collect()));
        true
    }

    /// Reads a message of many observations without a fault in one pass, handing each over as it comes.
    pub(super) fn plain_list(
        &mut self,
        payload: &[u8],
        start: usize,
        topic_device: &str,
        sink: &mut impl FnMut(Decoded<'_>),
    ) -> Plain {
        let mut scanner = Scanner::new(payload, start);
        if scanner.current() != Some(b'{') {
            return Plain::Nothing;
        }
        self.observation.clear();
        self.observation.device.push_str(topic_device);
        let mut head = ListHead::default();
        match self.members(&mut scanner, payload, &mut head, sink) {
            Ok(true) => {
                let epoch = self.observation.epoch.clone();
                self.head = Some(Head::new(epoch, head.from, head.seqs));
                Plain::Whole
            }
            _ if head.seqs.is_empty() => Plain::Nothing,
            _ => Plain::Void,
        }
    }

    /// The members of the message; false when something is unusual.
    fn members(
        &mut self,
        scanner: &mut Scanner<'_>,
        payload: &[u8],
        head: &mut ListHead,
        sink: &mut impl FnMut(Decoded<'_>),
    ) -> Scan<bool> {
        let mut listed = false;
        let mut more = scanner.open_object()?;
        while more {
            let key = scanner.key()?;
            let at = scanner.at();
            let usual = match &*key.bytes() {
                b"device" if !head.device && scanner.current() == Some(b'"') => {
                    head.device = true;
                    *scanner.string()?.bytes() == *self.observation.device.as_bytes()
                }
                b"epoch" if !head.epoch && !listed => {
                    head.epoch = true;
                    scanner.skip_value(1)?;
                    let epoch = envelope::epoch_at(payload, at);
                    epoch.map(|epoch| self.observation.epoch.push_str(&epoch)).is_ok()
                }
                b"from" if head.from.is_none() => {
                    head.from = scanner.unsigned(1)?;
                    head.from.is_some()
                }
                b"obs" if !listed && scanner.current() == Some(b'[') => {
                    listed = true;
                    self.elements(scanner, head, sink)?
                }
                b"device" | b"epoch" | b"from" | b"obs" => false,
                _ => scanner.skip_value(1).map(|()| true)?,
            };
            if !usual {
                return Ok(false);
            }
            more = scanner.next_member()?;
        }
        scanner.end()?;
        Ok(listed)
    }

    /// The observations of the list; false at the first that is at fault or has no number.
    fn elements(
        &mut self,
        scanner: &mut Scanner<'_>,
        head: &mut ListHead,
        sink: &mut impl FnMut(Decoded<'_>),
    ) -> Scan<bool> {
        let mut more = scanner.open_list()?;
        while more {
            if scanner.current() != Some(b'{') {
                return Ok(false);
            }
            self.observation.clear_readings();
            self.faults.clear();
            FieldReader {
                keys: &mut self.keys,
                observation: &mut self.observation,
                faults: &mut self.faults,
                index: Some(head.seqs.len()),
                depth: 3,
                has_time: false,
                place: Place::Element,
            }
            .read(scanner)?;
            let Some(seq) = self.observation.seq.filter(|_| self.faults.is_empty()) else {
                return Ok(false);
            };
            head.seqs.push(seq);
            sink(Decoded::Observation(&self.observation));
            more = scanner.next_item()?;
        }
        Ok(!head.seqs.is_empty())
    }
}
