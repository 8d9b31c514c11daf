//! What a payload says for the ledger of acknowledgements, without decoding it.

use super::envelope::{self, open};
use super::scan::{Scan, Scanner};

/// Which numbers of which epoch a message carries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// The agent's epoch; empty when the device has none.
    pub epoch: String,
    /// The lowest number of this epoch that the agent still holds.
    pub from: Option<u64>,
    /// The number of every observation that has one, in the order of the message, faulty observations included.
    pub seqs: Vec<u64>,
}

/// Reads the head of a payload and all its numbers, whatever else is wrong with its observations.
///
/// `None` when there is nothing that could be confirmed: the payload is no JSON object, or its epoch is unusable. A
/// `from` or `seq` that is no non-negative integer counts as absent.
pub fn peek(payload: &[u8]) -> Option<Head> {
    let mut head = Head::default();
    let mut scanner = open(payload).ok()?;
    if scanner.current() != Some(b'{') {
        return None;
    }
    let epoch = message(&mut scanner, &mut head).ok()?;
    if let Some(at) = epoch {
        head.epoch.push_str(&envelope::epoch_at(payload, at).ok()?);
    }
    Some(Head::new(head.epoch, head.from, head.seqs))
}

impl Head {
    /// A number that the table cannot hold is no number that can be confirmed.
    pub(super) fn new(epoch: String, from: Option<u64>, mut seqs: Vec<u64>) -> Self {
        let holds = |number: &u64| i64::try_from(*number).is_ok();
        seqs.retain(holds);
        Self {
            epoch,
            from: from.filter(holds),
            seqs,
        }
    }
}

/// Fills `from` and `seqs`; where the epoch stands.
fn message(scanner: &mut Scanner<'_>, head: &mut Head) -> Scan<Option<usize>> {
    let mut epoch = None;
    let mut seq = None;
    let mut is_list = false;
    let mut more = scanner.open_object()?;
    while more {
        let key = scanner.key()?;
        let is_null = scanner.current() == Some(b'n');
        match &*key.bytes() {
            b"from" => head.from = scanner.unsigned(1)?,
            b"seq" => seq = scanner.unsigned(1)?,
            b"epoch" => {
                epoch = Some(scanner.at()).filter(|_| !is_null);
                scanner.skip_value(1)?;
            }
            b"obs" => {
                is_list = !is_null;
                head.seqs.clear();
                list(scanner, &mut head.seqs)?;
            }
            _ => scanner.skip_value(1)?,
        }
        more = scanner.next_member()?;
    }
    scanner.end()?;
    if !is_list {
        head.seqs.extend(seq);
    }
    Ok(epoch)
}

fn list(scanner: &mut Scanner<'_>, seqs: &mut Vec<u64>) -> Scan<()> {
    if scanner.current() != Some(b'[') {
        return scanner.skip_value(1);
    }
    let mut more = scanner.open_list()?;
    while more {
        if scanner.current() == Some(b'{') {
            seqs.extend(element(scanner)?);
        } else {
            scanner.skip_value(2)?;
        }
        more = scanner.next_item()?;
    }
    Ok(())
}

fn element(scanner: &mut Scanner<'_>) -> Scan<Option<u64>> {
    let mut seq = None;
    let mut more = scanner.open_object()?;
    while more {
        let key = scanner.key()?;
        if *key.bytes() == *b"seq" {
            seq = scanner.unsigned(3)?;
        } else {
            scanner.skip_value(3)?;
        }
        more = scanner.next_member()?;
    }
    Ok(seq)
}
