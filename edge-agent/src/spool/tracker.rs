//! From confirmations of devices' numbers to the position up to which the journal may be cut.
//!
//! Invariant: a position is given up only when every record up to it is confirmed.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// What was read from the journal and is not given up yet.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    devices: HashMap<Arc<str>, usize>,
    /// By device: everything up to here is confirmed.
    confirmed: Vec<u64>,
    /// In the journal's order.
    read: VecDeque<Read>,
    /// Everything up to this position is confirmed.
    cut: u64,
}

#[derive(Debug)]
struct Read {
    position: u64,
    device: usize,
    seq: u64,
}

impl Tracker {
    /// A record was read and is about to be offered.
    pub(super) fn read(&mut self, position: u64, device: &Arc<str>, seq: u64) {
        let device = match self.devices.get(device) {
            Some(index) => *index,
            None => {
                self.devices.insert(Arc::clone(device), self.confirmed.len());
                self.confirmed.push(0);
                self.confirmed.len() - 1
            }
        };
        self.read.push_back(Read {
            position,
            device,
            seq,
        });
    }

    /// Everything of a device up to a number is confirmed; returns the position up to which everything is.
    pub(crate) fn confirm(&mut self, device: &str, seq: u64) -> u64 {
        if let Some(index) = self.devices.get(device) {
            self.confirmed[*index] = seq.max(self.confirmed[*index]);
        }
        while let Some(read) = self.read.front() {
            if read.seq > self.confirmed[read.device] {
                break;
            }
            self.cut = read.position;
            self.read.pop_front();
        }
        self.cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_is_given_up_before_everything_up_to_it_is_confirmed(
            owners in prop::collection::vec(0_usize..4, 1..60),
            confirmations in prop::collection::vec((0_usize..4, 0_u64..20), 0..40),
        ) {
            let names: Vec<Arc<str>> = ["a", "b", "c", "d"].map(Arc::from).to_vec();
            let (mut tracker, mut given) = (Tracker::default(), [0_u64; 4]);
            let mut records = Vec::new();
            for (at, owner) in owners.iter().enumerate() {
                given[*owner] += 1;
                tracker.read(at as u64 + 1, &names[*owner], given[*owner]);
                records.push((*owner, given[*owner]));
            }
            let mut confirmed = [0_u64; 4];
            for (owner, seq) in confirmations {
                confirmed[owner] = confirmed[owner].max(seq);
                let cut = tracker.confirm(&names[owner], seq);
                let expected = records.iter().take_while(|(owner, seq)| *seq <= confirmed[*owner]).count();
                prop_assert_eq!(cut, expected as u64);
            }
        }
    }
}
