//! Which observations a payload speaks of, whatever else is wrong with them: for the count of what was rejected.
//!
//! Slow and lenient where the decoder is fast and strict; only payloads that were rejected are read by it.

use super::MAX_EPOCH_BYTES;
use super::digits::millis;
use super::envelope::{self, Envelope};
use super::scan::{Scan, Scanner};
use crate::Time;

/// A payload's epoch and the observations that it speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// The agent's epoch; empty when there is none, or none that can be read.
    pub epoch: String,
    /// The observations, in the order of the message.
    pub mentions: Vec<Mention>,
}

/// An observation that a payload speaks of, as far as it can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mention {
    /// Its number, if it has one.
    pub seq: Option<u64>,
    /// Its time, if that can be read.
    pub time: Option<Time>,
}

/// The outline of a payload; `None` when it is no JSON object, so that nobody can tell how many observations it had.
pub fn outline(payload: &[u8]) -> Option<Outline> {
    let start = envelope::open(payload).ok()?.at();
    let envelope = Envelope::read(payload, start).ok()?;
    let mut outline = Outline::default();
    if let Some(at) = envelope.epoch
        && let Ok(epoch) = envelope::text_at(payload, "epoch", at)
    {
        outline.epoch = epoch.string().into_owned();
        outline
            .epoch
            .truncate(outline.epoch.floor_char_boundary(MAX_EPOCH_BYTES));
    }
    match envelope.obs {
        None => outline
            .mentions
            .push(mention(&mut Scanner::new(payload, start)).ok()?),
        Some(at) => list(&mut Scanner::new(payload, at), &mut outline.mentions).ok()?,
    }
    Some(outline)
}

fn list(scanner: &mut Scanner<'_>, mentions: &mut Vec<Mention>) -> Scan<()> {
    if scanner.current() != Some(b'[') {
        return scanner.skip_value(1);
    }
    let mut more = scanner.open_list()?;
    while more {
        if scanner.current() == Some(b'{') {
            mentions.push(mention(scanner)?);
        } else {
            scanner.skip_value(2)?;
            mentions.push(Mention::default());
        }
        more = scanner.next_item()?;
    }
    Ok(())
}

fn mention(scanner: &mut Scanner<'_>) -> Scan<Mention> {
    let mut mention = Mention::default();
    let mut more = scanner.open_object()?;
    while more {
        let key = scanner.key()?;
        match &*key.bytes() {
            b"seq" => mention.seq = scanner.unsigned(3)?.filter(|seq| i64::try_from(*seq).is_ok()),
            b"time" => mention.time = time(scanner)?,
            _ => scanner.skip_value(3)?,
        }
        more = scanner.next_member()?;
    }
    Ok(mention)
}

fn time(scanner: &mut Scanner<'_>) -> Scan<Option<Time>> {
    match scanner.current() {
        Some(b'"') => Ok(Time::parse_rfc3339(&scanner.string()?.bytes()).ok()),
        Some(b'-' | b'0'..=b'9') => Ok(millis(scanner.number()?).map(Time::from_millis)),
        _ => scanner.skip_value(3).map(|()| None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_and_times_are_found_whatever_else_is_wrong() {
        let text =
            br#"{"epoch":"e","device":7,"obs":[{"seq":1,"time":1000,"pm25":"x"},{"seq":2,"time":"noon"},
            5,{"time":"1970-01-01T08:00:02+08:00","flags":[]},{"seq":-4}]}"#;
        let read = outline(text).unwrap();
        let found: Vec<(Option<u64>, Option<i64>)> = read
            .mentions
            .iter()
            .map(|m| (m.seq, m.time.map(Time::as_micros)))
            .collect();
        let expected = [
            (Some(1), Some(1_000_000)),
            (Some(2), None),
            (None, None),
            (None, Some(2_000_000)),
            (None, None),
        ];
        assert_eq!(
            (read.epoch.as_str(), found.as_slice()),
            ("e", expected.as_slice())
        );
    }

    #[test]
    fn a_single_observation_is_one_and_no_object_is_none() {
        assert_eq!(outline(br#"{"seq":9}"#).unwrap().mentions[0].seq, Some(9));
        assert_eq!(outline(br#"{"obs":[]}"#).unwrap().mentions, []);
        for text in ["", "[1]", "{\"time\":1", "\u{fffd}"] {
            assert_eq!(outline(text.as_bytes()), None, "{text:?}");
        }
    }
}
