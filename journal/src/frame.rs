//! One frame to bytes and back. Knows nothing of files.

use crate::Position;

/// Bytes of a frame in front of its payload.
pub(crate) const FRAME_HEAD_BYTES: usize = 17;

/// What a frame is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A record.
    Data = 1,
    /// Records up to the position are no longer needed.
    Cut = 2,
    /// Everything in front of this frame had been synced when it was written.
    Mark = 3,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Kind> {
        match byte {
            1 => Some(Kind::Data),
            2 => Some(Kind::Cut),
            3 => Some(Kind::Mark),
            _ => None,
        }
    }
}

/// The fixed part of a frame. That it parses says little: only the checksum says that it is one.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) length: u32,
    pub(crate) crc: u32,
    pub(crate) kind: Kind,
    pub(crate) position: Position,
}

impl Head {
    /// `None` when there are too few bytes or the kind is unknown.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Head> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (crc, rest) = rest.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first()?;
        let position = rest.first_chunk::<8>()?;
        Some(Head {
            length: u32::from_le_bytes(*length),
            crc: u32::from_le_bytes(*crc),
            kind: Kind::from_byte(*kind)?,
            position: Position::new(u64::from_le_bytes(*position)),
        })
    }

    /// Bytes of the whole frame.
    pub(crate) fn frame_bytes(&self) -> u64 {
        FRAME_HEAD_BYTES as u64 + u64::from(self.length)
    }

    /// Whether this is the head of `payload` in this journal.
    pub(crate) fn fits(&self, journal: u64, payload: &[u8]) -> bool {
        payload.len() as u64 == u64::from(self.length)
            && checksum(journal, self.kind, self.position, payload) == self.crc
    }
}

/// Bytes that a record of `payload` bytes takes in a file.
pub(crate) fn frame_bytes(payload: usize) -> u64 {
    FRAME_HEAD_BYTES as u64 + payload as u64
}

/// Append a frame to `out`. A payload is shorter than 4 GiB: `append` refuses larger ones.
pub(crate) fn encode(journal: u64, kind: Kind, position: Position, payload: &[u8], out: &mut Vec<u8>) {
    debug_assert!(u32::try_from(payload.len()).is_ok());
    out.reserve(FRAME_HEAD_BYTES + payload.len());
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&checksum(journal, kind, position, payload).to_le_bytes());
    out.push(kind as u8);
    out.extend_from_slice(&position.get().to_le_bytes());
    out.extend_from_slice(payload);
}

fn checksum(journal: u64, kind: Kind, position: Position, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&journal.to_le_bytes());
    hasher.update(&[kind as u8]);
    hasher.update(&position.get().to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn kinds() -> impl Strategy<Value = Kind> {
        prop_oneof![Just(Kind::Data), Just(Kind::Cut), Just(Kind::Mark)]
    }

    /// The frame at the start of `bytes`, if it is whole and intact.
    fn decode(journal: u64, bytes: &[u8]) -> Option<(Kind, Position, &[u8])> {
        let head = Head::parse(bytes)?;
        let payload = bytes.get(FRAME_HEAD_BYTES..usize::try_from(head.frame_bytes()).unwrap())?;
        head.fits(journal, payload)
            .then_some((head.kind, head.position, payload))
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes(
            journal: u64, kind in kinds(), number: u64, payload: Vec<u8>, behind: Vec<u8>,
        ) {
            let mut bytes = Vec::new();
            encode(journal, kind, Position::new(number), &payload, &mut bytes);
            prop_assert_eq!(bytes.len() as u64, frame_bytes(payload.len()));
            bytes.extend(behind);
            prop_assert_eq!(decode(journal, &bytes), Some((kind, Position::new(number), payload.as_slice())));
        }

        #[test]
        fn a_changed_byte_is_noticed(
            journal: u64, number: u64, payload: Vec<u8>, at: prop::sample::Index, change in 1..=255_u8,
        ) {
            let mut bytes = Vec::new();
            encode(journal, Kind::Data, Position::new(number), &payload, &mut bytes);
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            prop_assert_eq!(decode(journal, &bytes), None);
        }

        #[test]
        fn a_short_frame_is_noticed(journal: u64, payload: Vec<u8>, keep: prop::sample::Index) {
            let mut bytes = Vec::new();
            encode(journal, Kind::Data, Position::new(7), &payload, &mut bytes);
            bytes.truncate(keep.index(bytes.len()));
            prop_assert_eq!(decode(journal, &bytes), None);
        }

        #[test]
        fn zeroes_are_never_a_frame(journal: u64, length in 0..100_usize) {
            prop_assert!(decode(journal, &vec![0; length]).is_none());
        }
    }

    #[test]
    fn a_frame_of_another_journal_is_not_ours() {
        let mut bytes = Vec::new();
        encode(1, Kind::Data, Position::new(7), b"dust", &mut bytes);
        assert!(decode(1, &bytes).is_some());
        assert!(decode(2, &bytes).is_none());
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let mut bytes = Vec::new();
        encode(0, Kind::Cut, Position::new(0x0102), b"xy", &mut bytes);
        assert_eq!(bytes[..4], [2, 0, 0, 0]);
        assert_eq!(bytes[8..], [2, 2, 1, 0, 0, 0, 0, 0, 0, b'x', b'y']);
    }
}
