//! The ledger of acknowledgements: which numbers of an agent's epoch are durable without a gap.
//!
//! Pure bookkeeping. `…/ack` promises that *everything* of the epoch up to a number is durable, so a number counts
//! only when all before it have come. The base is the agent's `from`, the lowest number it still holds: everything
//! below was confirmed to it before, by us or by our predecessor, so the ledger needs no memory across restarts. An
//! agent that does not say `from` is confirmed from its first number, 1, on, or from where our own confirmation that
//! the broker retained left off.
//!
//! An ingester that shares its subscription sees only some of a device's numbers. It adds what the others say that they
//! have, as [`Durable`], and what they confirmed already.

use std::collections::{BTreeMap, HashMap};

use dustwatch_observation::Ack;

use crate::durable::Durable;

/// Runs of numbers remembered beyond a gap; what does not fit is not confirmed, and the agent sends it again.
const MAX_RUNS: usize = 256;
/// The same where each of several ingesters has every third number, say.
const MAX_RUNS_OF_A_GROUP: usize = 16_384;

/// What is durable of each device's epoch.
#[derive(Debug)]
pub(crate) struct Ledger {
    devices: HashMap<String, Epoch>,
    max_runs: usize,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            devices: HashMap::new(),
            max_runs: MAX_RUNS,
        }
    }
}

#[derive(Debug)]
struct Epoch {
    id: String,
    /// Everything up to here is durable, or was confirmed before.
    upto: u64,
    /// Runs of durable numbers beyond a gap: first to last.
    ahead: BTreeMap<u64, u64>,
}

impl Ledger {
    /// A ledger for what several ingesters have together.
    pub(crate) fn of_a_group() -> Self {
        Self {
            max_runs: MAX_RUNS_OF_A_GROUP,
            ..Self::default()
        }
    }

    /// Takes note of a message's durable numbers; the acknowledgement to send, if it says more than the last one did,
    /// or if the agent sent what was confirmed before.
    ///
    /// `from` is the lowest number that the agent holds, if it says.
    ///
    /// `retained` is the confirmation that the broker keeps of the device, if it keeps one.
    pub(crate) fn record(
        &mut self,
        device: &str,
        (epoch, from, seqs): (&str, Option<u64>, &[u64]),
        retained: Option<&Ack>,
    ) -> Option<Ack> {
        let lowest = *seqs.iter().min()?;
        let retained = retained.filter(|ack| ack.epoch == epoch).map_or(0, |ack| ack.seq);
        let base = from.map_or(retained, |from| from.min(lowest).saturating_sub(1));
        self.add(device, epoch, base, seqs.iter().map(|seq| (*seq, *seq)))
    }

    /// Takes note of what an ingester of the group has; the acknowledgement to send, as for a message.
    pub(crate) fn record_durable(&mut self, durable: &Durable) -> Option<Ack> {
        let device = durable.topic.device.as_str();
        let runs = durable.runs.iter().copied().filter(|(first, last)| first <= last);
        self.add(device, &durable.epoch, durable.base, runs)
    }

    /// Takes note of what another ingester has confirmed to a device: it knew of what we need not have heard.
    pub(crate) fn raise(&mut self, device: &str, ack: &Ack) {
        let entry = self.devices.entry(device.to_owned()).or_insert_with(|| Epoch {
            id: ack.epoch.clone(),
            upto: 0,
            ahead: BTreeMap::new(),
        });
        if entry.id == ack.epoch {
            entry.reach(ack.seq);
        }
    }

    fn add(
        &mut self,
        device: &str,
        epoch: &str,
        base: u64,
        runs: impl Iterator<Item = (u64, u64)>,
    ) -> Option<Ack> {
        let entry = match self.devices.get_mut(device) {
            Some(entry) if entry.id == epoch => entry,
            _ => {
                let fresh = Epoch {
                    id: epoch.to_owned(),
                    upto: base,
                    ahead: BTreeMap::new(),
                };
                self.devices.insert(device.to_owned(), fresh);
                self.devices.get_mut(device)?
            }
        };
        let before = entry.upto;
        entry.upto = entry.upto.max(base);
        let mut all_known = true;
        for (first, last) in runs {
            all_known &= last <= before;
            entry.add(first, last, self.max_runs);
        }
        let is_news = entry.upto > before || all_known;
        (is_news && entry.upto > 0).then(|| Ack {
            epoch: epoch.to_owned(),
            seq: entry.upto,
        })
    }
}

impl Epoch {
    fn add(&mut self, first: u64, last: u64, max_runs: usize) {
        if first > self.upto.saturating_add(1) {
            self.remember(first, last, max_runs);
        } else {
            self.reach(last);
        }
    }

    /// Everything up to here is durable; and so is what a run beyond it joins to it.
    fn reach(&mut self, seq: u64) {
        self.upto = self.upto.max(seq);
        while let Some((&first, &last)) = self.ahead.first_key_value() {
            if first > self.upto.saturating_add(1) {
                return;
            }
            self.ahead.pop_first();
            self.upto = self.upto.max(last);
        }
    }

    /// Joins numbers beyond the gap to the run that they continue, or begins a new run.
    fn remember(&mut self, first: u64, last: u64, max_runs: usize) {
        if let Some((_, end)) = self.ahead.range_mut(..=first).next_back()
            && *end >= first - 1
        {
            *end = last.max(*end);
        } else if self.ahead.len() < max_runs {
            self.ahead.insert(first, last);
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
        assert_eq!(seq(ledger.record("d", ("e", Some(1), &[1, 2]), None)), Some(2));
        assert_eq!(seq(ledger.record("d", ("e", Some(3), &[5]), None)), None);
        assert_eq!(seq(ledger.record("d", ("e", Some(3), &[3]), None)), Some(3));
        assert_eq!(seq(ledger.record("d", ("e", Some(3), &[4]), None)), Some(5));
    }

    #[test]
    fn the_first_message_after_a_restart_is_judged_by_what_the_agent_still_holds() {
        let mut ledger = Ledger::default();
        assert_eq!(seq(ledger.record("d", ("e", Some(100), &[102]), None)), None);
        assert_eq!(
            seq(ledger.record("d", ("e", Some(100), &[100, 101]), None)),
            Some(102)
        );
    }

    #[test]
    fn what_is_durable_already_is_confirmed_again() {
        let mut ledger = Ledger::default();
        ledger.record("d", ("e", Some(1), &[1, 2, 3]), None);
        assert_eq!(seq(ledger.record("d", ("e", Some(2), &[2]), None)), Some(3));
    }

    #[test]
    fn an_agent_that_gave_numbers_up_is_not_waited_for() {
        let mut ledger = Ledger::default();
        ledger.record("d", ("e", Some(1), &[1]), None);
        assert_eq!(seq(ledger.record("d", ("e", Some(50), &[50]), None)), Some(50));
    }

    #[test]
    fn without_a_base_nothing_is_confirmed_before_the_first_number() {
        let mut ledger = Ledger::default();
        assert_eq!(seq(ledger.record("d", ("e", None, &[3]), None)), None);
        assert_eq!(seq(ledger.record("d", ("e", None, &[1]), None)), Some(1));
        assert_eq!(seq(ledger.record("d", ("e", None, &[2]), None)), Some(3));
    }

    #[test]
    fn without_a_base_the_retained_confirmation_of_the_same_epoch_is_one() {
        let retained = Ack {
            epoch: "e".to_owned(),
            seq: 40,
        };
        let mut ledger = Ledger::default();
        assert_eq!(seq(ledger.record("d", ("e", None, &[42]), Some(&retained))), None);
        assert_eq!(
            seq(ledger.record("d", ("e", None, &[41]), Some(&retained))),
            Some(42)
        );
        assert_eq!(
            seq(Ledger::default().record("d", ("new", None, &[41]), Some(&retained))),
            None
        );
    }

    #[test]
    fn the_largest_number_there_is_breaks_nothing() {
        let mut ledger = Ledger::default();
        for _ in 0..2 {
            ledger.record("d", ("e", Some(u64::MAX), &[u64::MAX]), None);
            ledger.record("d", ("e", None, &[u64::MAX, 0]), None);
        }
    }

    #[test]
    fn a_new_epoch_starts_anew() {
        let mut ledger = Ledger::default();
        ledger.record("d", ("old", Some(1), &[1, 2, 3]), None);
        let ack = ledger.record("d", ("new", Some(1), &[1]), None).unwrap();
        assert_eq!((ack.epoch.as_str(), ack.seq), ("new", 1));
    }

    #[test]
    fn what_another_confirmed_closes_the_gap_before_ours() {
        let mut ledger = Ledger::of_a_group();
        assert_eq!(seq(ledger.record("d", ("e", Some(1), &[5, 6]), None)), None);
        let ack = |epoch: &str, seq| Ack {
            epoch: epoch.to_owned(),
            seq,
        };
        ledger.raise("d", &ack("old", 9));
        assert_eq!(seq(ledger.record("d", ("e", Some(1), &[8]), None)), None);
        ledger.raise("d", &ack("e", 4));
        assert_eq!(seq(ledger.record("d", ("e", Some(1), &[7]), None)), Some(8));
        // Without `from`, too: the base is what was confirmed.
        ledger.raise("third-party", &ack("", 40));
        assert_eq!(
            seq(ledger.record("third-party", ("", None, &[41]), None)),
            Some(41)
        );
    }

    proptest! {
        #[test]
        fn a_group_confirms_what_its_members_have_together_and_nothing_else(
            owners in prop::collection::vec(0usize..3, 1..60), lost in 1u64..60, order in Just([0usize, 1, 2]).prop_shuffle(),
        ) {
            let topic = crate::durable::tests::topic("110109-DY-0001");
            let mut gathered = [(); 3].map(|()| crate::durable::Durables::default());
            for (seq, owner) in (1u64..).zip(&owners).filter(|(seq, _)| *seq != lost) {
                let head = dustwatch_observation::json::Head { epoch: "e".to_owned(), from: Some(1), seqs: vec![seq] };
                gathered[*owner].add(topic.clone(), &head);
            }
            let mut ledger = Ledger::of_a_group();
            let mut confirmed = 0;
            for member in order {
                for durable in gathered[member].take() {
                    confirmed = seq(ledger.record_durable(&durable)).unwrap_or(confirmed);
                }
            }
            let all = owners.len() as u64;
            prop_assert_eq!(confirmed, if lost <= all { lost - 1 } else { all });
        }

        #[test]
        fn never_confirms_a_number_that_did_not_come(order in Just((1u64..40).collect::<Vec<_>>()).prop_shuffle(), lost in 1u64..40) {
            let mut ledger = Ledger::default();
            for n in order.into_iter().filter(|n| *n != lost) {
                if let Some(ack) = ledger.record("d", ("e", Some(1), &[n]), None) {
                    prop_assert!(ack.seq < lost);
                }
            }
            let last = ledger.record("d", ("e", Some(1), &[lost]), None).unwrap();
            prop_assert_eq!(last.seq, 39);
        }
    }
}
