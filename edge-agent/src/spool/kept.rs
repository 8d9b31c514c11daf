//! An observation as the journal keeps it.
//!
//! In the spool of one device a record is the observation's JSON, and its position is the observation's number. In a spool that
//! several devices share it begins with whose it is and the number that this device's observations have reached.

use std::str;

/// What a record says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept<'a> {
    /// Whose it is; the agent's own device's where it does not say.
    pub(super) device: Option<&'a str>,
    /// The number among the device's observations.
    pub(super) seq: u64,
    /// The observation's members, up to the closing brace.
    pub(super) members: &'a [u8],
}

const DEVICE: &[u8] = b"{\"device\":\"";
const SEQ: &[u8] = b"\",\"seq\":";

/// The record of an observation in a spool that several devices share.
pub(super) fn with_number(device: &str, seq: u64, observation: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(observation.len() + 64);
    record.extend_from_slice(DEVICE);
    record.extend_from_slice(device.as_bytes());
    record.extend_from_slice(SEQ);
    record.extend_from_slice(format!("{seq},").as_bytes());
    record.extend_from_slice(observation.strip_prefix(b"{").unwrap_or(observation));
    record
}

impl<'a> Kept<'a> {
    /// Takes a record apart.
    pub(super) fn of(record: &'a [u8], position: u64) -> Kept<'a> {
        Self::numbered(record).unwrap_or_else(|| Kept {
            device: None,
            seq: position,
            members: record.strip_prefix(b"{").unwrap_or(record),
        })
    }

    /// The same of a record that begins with its device and number.
    fn numbered(record: &'a [u8]) -> Option<Kept<'a>> {
        let rest = record.strip_prefix(DEVICE)?;
        let (device, rest) = rest.split_at_checked(rest.iter().position(|byte| *byte == b'"')?)?;
        let rest = rest.strip_prefix(SEQ)?;
        let (number, rest) = rest.split_at_checked(rest.iter().position(|byte| *byte == b',')?)?;
        Some(Kept {
            device: Some(str::from_utf8(device).ok()?),
            seq: str::from_utf8(number).ok()?.parse().ok()?,
            members: &rest[1..],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_into_a_record_comes_out_of_it(device in "[A-Za-z0-9._-]{1,64}", seq: u64, position: u64, tsp: u32) {
            let members = format!("\"time\":1,\"tsp\":{tsp}}}");
            let observation = format!("{{{members}");
            let record = with_number(&device, seq, observation.as_bytes());
            let numbered = Kept { device: Some(&device), seq, members: members.as_bytes() };
            prop_assert_eq!(Kept::of(&record, position), numbered);
            let plain = Kept { device: None, seq: position, members: members.as_bytes() };
            prop_assert_eq!(Kept::of(observation.as_bytes(), position), plain);
        }

        #[test]
        fn any_bytes_are_taken(record: Vec<u8>, position: u64) {
            Kept::of(&record, position);
        }
    }
}
