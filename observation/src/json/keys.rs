//! Which parameter a key names, mostly without looking it up.
//!
//! Devices write their parameters in the same order every time, so what followed a parameter last time is guessed
//! first; a right guess is one comparison of bytes. Invariant: a guess is only ever confirmed by the key itself.

use std::sync::Arc;

use super::scan::Scanner;
use crate::{ParameterId, ParameterSet};

/// The parameters' keys as they stand in payloads.
#[derive(Debug)]
pub(super) struct Keys {
    parameters: Arc<ParameterSet>,
    known: Vec<Known>,
    /// For every parameter, and at the end for the start of an observation: the index that followed it last time.
    follower: Vec<usize>,
}

#[derive(Debug)]
struct Known {
    id: ParameterId,
    /// `"pm25":`
    written: Box<[u8]>,
    /// The first 16 bytes of `written`, and which of them count.
    head: u128,
    mask: u128,
}

impl Known {
    fn new(id: ParameterId, key: &str) -> Self {
        let written = format!("\"{key}\":").into_bytes().into_boxed_slice();
        let mut bytes = [0; 16];
        let len = written.len().min(16);
        bytes[..len].copy_from_slice(&written[..len]);
        let mask = if len == 16 {
            u128::MAX
        } else {
            (1 << (8 * len)) - 1
        };
        Self {
            id,
            head: u128::from_le_bytes(bytes),
            mask,
            written,
        }
    }

    #[inline]
    fn starts(&self, text: &[u8]) -> bool {
        match text.first_chunk::<16>() {
            Some(chunk) if u128::from_le_bytes(*chunk) & self.mask != self.head => false,
            Some(_) if self.written.len() <= 16 => true,
            _ => text.starts_with(&self.written),
        }
    }
}

impl Keys {
    pub(super) fn new(parameters: Arc<ParameterSet>) -> Self {
        let known: Vec<Known> = parameters.iter().map(|(id, p)| Known::new(id, &p.key)).collect();
        let count = known.len();
        let follower = (1..=count).chain([0]).collect();
        Self {
            parameters,
            known,
            follower,
        }
    }

    /// How many parameters there are; as `last`, the start of an observation.
    pub(super) fn count(&self) -> usize {
        self.known.len()
    }

    /// The parameter whose key stands here, if it is the one that followed `last` the last time; steps over the key
    /// and its colon.
    #[inline]
    pub(super) fn guess(&self, scanner: &mut Scanner<'_>, last: usize) -> Option<ParameterId> {
        let known = self.known.get(*self.follower.get(last)?)?;
        if !known.starts(scanner.rest()) {
            return None;
        }
        scanner.step(known.written.len());
        scanner.blank();
        Some(known.id)
    }

    /// The parameter of a key, remembered as the one that follows `last`.
    pub(super) fn find(&mut self, key: &[u8], last: usize) -> Option<ParameterId> {
        let id = self.parameters.find(std::str::from_utf8(key).ok()?)?;
        self.follower[last] = id.index();
        Some(id)
    }

    /// The parameter of a key.
    pub(super) fn look_up(&self, key: &[u8]) -> Option<ParameterId> {
        self.parameters.find(std::str::from_utf8(key).ok()?)
    }

    /// All parameters.
    pub(super) fn ids(&self) -> impl Iterator<Item = ParameterId> {
        self.known.iter().map(|k| k.id)
    }

    /// The key of a parameter.
    pub(super) fn name(&self, id: ParameterId) -> &str {
        &self.parameters.get(id).key
    }
}
