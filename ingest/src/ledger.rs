//! The ledger of acknowledgements: which numbers of an agent's epoch are durable without a gap.
//!
//! Pure bookkeeping. `…/ack` promises that *everything* of the epoch up to a number is durable, so a number counts
//! only when all before it have come. The base is the agent's `from`, the lowest number it still holds: everything
//! below was confirmed to it before, by us or by our predecessor, so the ledger needs no memory across restarts.

use std::collections::HashMap;

use dustwatch_observation::Ack;

/// Numbers remembered ahead of a gap before the oldest are forgotten; the agent sends them again.
const MAX_AHEAD: usize = 100_000;

/// What is durable of each device's epoch.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    devices: HashMap<String, Epoch>,
}

#[derive(Debug)]
struct Epoch {
    id: String,
    /// Everything up to here is durable, or was confirmed before.
    upto: u64,
    /// Numbers beyond a gap.
    ahead: std::collections::BTreeSet<u64>,
}

impl Ledger {
    /// Takes note of a message's durable numbers; the acknowledgement to send, if it says more than the last one did.
    ///
    /// `from` is the lowest number that the agent holds, if it says; without it the first number seen is the base.
    pub(crate) fn record(
        &mut self,
        device: &str,
        epoch: &str,
        from: Option<u64>,
        seqs: &[u64],
    ) -> Option<Ack> {
        let lowest = seqs.iter().min()?;
        let base = from.unwrap_or(*lowest).min(*lowest).saturating_sub(1);
        let entry = match self.devices.get_mut(device) {
            Some(entry) if entry.id == epoch => entry,
            _ => {
                let fresh = Epoch {
                    id: epoch.to_owned(),
                    upto: base,
                    ahead: Default::default(),
                };
                self.devices.insert(device.to_owned(), fresh);
                self.devices.get_mut(device)?
            }
        };
        let before = entry.upto;
        if let Some(from) = from {
            entry.upto = entry.upto.max(from.saturating_sub(1).min(*lowest));
        }
        for seq in seqs {
            if *seq == entry.upto + 1 {
                entry.upto += 1;
            } else if *seq > entry.upto && entry.ahead.len() < MAX_AHEAD {
                entry.ahead.insert(*seq);
            }
        }
        entry.close_gap();
        let is_news = entry.upto > before || seqs.iter().all(|seq| *seq <= before);
        is_news.then(|| Ack {
            epoch: epoch.to_owned(),
            seq: entry.upto,
        })
    }
}

impl Epoch {
    fn close_gap(&mut self) {
        while let Some(next) = self.ahead.first().copied() {
            if next > self.upto + 1 {
                return;
            }
            self.ahead.pop_first();
            self.upto = self.upto.max(next);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn seq(ack: Option<Ack>) -> Option<u64> {
        ack.map(|a| a.seq)
    }

    #[test]
    fn a_gap_holds_the_confirmation_back_until_it_is_filled() {
        let mut ledger = Ledger::default();
        assert_eq!(seq(ledger.record("d", "e", Some(1), &[1, 2])), Some(2));
        assert_eq!(seq(ledger.record("d", "e", Some(3), &[5])), None);
        assert_eq!(seq(ledger.record("d", "e", Some(3), &[3])), Some(3));
        assert_eq!(seq(ledger.record("d", "e", Some(3), &[4])), Some(5));
    }

    #[test]
    fn the_first_message_after_a_restart_is_judged_by_what_the_agent_still_holds() {
        let mut ledger = Ledger::default();
        assert_eq!(seq(ledger.record("d", "e", Some(100), &[102])), None);
        assert_eq!(seq(ledger.record("d", "e", Some(100), &[100, 101])), Some(102));
    }

    #[test]
    fn what_is_durable_already_is_confirmed_again() {
        let mut ledger = Ledger::default();
        ledger.record("d", "e", Some(1), &[1, 2, 3]);
        assert_eq!(seq(ledger.record("d", "e", Some(2), &[2])), Some(3));
    }

    #[test]
    fn an_agent_that_gave_numbers_up_is_not_waited_for() {
        let mut ledger = Ledger::default();
        ledger.record("d", "e", Some(1), &[1]);
        assert_eq!(seq(ledger.record("d", "e", Some(50), &[50])), Some(50));
    }

    #[test]
    fn a_new_epoch_starts_anew() {
        let mut ledger = Ledger::default();
        ledger.record("d", "old", Some(1), &[1, 2, 3]);
        let ack = ledger.record("d", "new", Some(1), &[1]).unwrap();
        assert_eq!((ack.epoch.as_str(), ack.seq), ("new", 1));
    }

    proptest! {
        #[test]
        fn never_confirms_a_number_that_did_not_come(order in Just((1u64..40).collect::<Vec<_>>()).prop_shuffle(), lost in 1u64..40) {
            let mut ledger = Ledger::default();
            for n in order.into_iter().filter(|n| *n != lost) {
                if let Some(ack) = ledger.record("d", "e", Some(1), &[n]) {
                    prop_assert!(ack.seq < lost);
                }
            }
            let last = ledger.record("d", "e", Some(1), &[lost]).unwrap();
            prop_assert_eq!(last.seq, 39);
        }
    }
}
