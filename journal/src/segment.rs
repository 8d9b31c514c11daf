//! Names and headers of segment files.

use crate::Position;

/// Bytes of a segment in front of its first frame.
pub(crate) const HEADER_BYTES: usize = 40;

/// The newest format version that this code reads, and the one it writes.
pub(crate) const VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"DUSTJRNL";
const SUFFIX: &str = ".seg";
const DIGITS: usize = 20;

/// The name of the segment whose first record is `first`.
pub(crate) fn name_of(first: Position) -> String {
    format!("{first:020}{SUFFIX}")
}

/// The first record of the segment with this name; `None` for any other file.
pub(crate) fn first_of(name: &str) -> Option<Position> {
    let digits = name.strip_suffix(SUFFIX)?;
    let right = digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    right.then(|| digits.parse().ok().filter(|n| *n > 0).map(Position::new))?
}

/// What stands at the start of a segment file.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) journal: u64,
    pub(crate) first: Position,
    pub(crate) cut: Position,
}

/// Why bytes are not a header.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    /// Of this later version, which we cannot judge.
    Newer(u32),
    /// Too short, or the checksum does not fit.
    Bad,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.journal.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.first.get().to_le_bytes());
        bytes[28..36].copy_from_slice(&self.cut.get().to_le_bytes());
        let crc = crc32fast::hash(&bytes[..36]);
        bytes[36..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Only the magic and the version have the same place in every version, so these are looked at first.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Header, HeaderFault> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(HeaderFault::Bad)?;
        let (version, rest) = rest.split_first_chunk::<4>().ok_or(HeaderFault::Bad)?;
        let version = u32::from_le_bytes(*version);
        if version > VERSION {
            return Err(HeaderFault::Newer(version));
        }
        let (journal, rest) = rest.split_first_chunk::<8>().ok_or(HeaderFault::Bad)?;
        let (first, rest) = rest.split_first_chunk::<8>().ok_or(HeaderFault::Bad)?;
        let (cut, rest) = rest.split_first_chunk::<8>().ok_or(HeaderFault::Bad)?;
        let crc = rest.first_chunk::<4>().ok_or(HeaderFault::Bad)?;
        if version != VERSION || crc32fast::hash(&bytes[..36]) != u32::from_le_bytes(*crc) {
            return Err(HeaderFault::Bad);
        }
        Ok(Header {
            journal: u64::from_le_bytes(*journal),
            first: Position::new(u64::from_le_bytes(*first)),
            cut: Position::new(u64::from_le_bytes(*cut)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        journal: 0xfeed,
        first: Position::new(4711),
        cut: Position::new(12),
    };

    #[test]
    fn a_name_sorts_like_its_position_and_parses() {
        assert_eq!(name_of(Position::new(4711)), "00000000000000004711.seg");
        assert_eq!(first_of("00000000000000004711.seg"), Some(Position::new(4711)));
        assert_eq!(
            first_of(&name_of(Position::new(u64::MAX))),
            Some(Position::new(u64::MAX))
        );
    }

    #[test]
    fn other_files_are_not_segments() {
        let others = [
            "journal.lock",
            "4711.seg",
            "0000000000000000471x.seg",
            "00000000000000000000.seg",
            "",
        ];
        assert!(others.iter().all(|name| first_of(name).is_none()));
        assert_eq!(first_of("99999999999999999999.seg"), None);
    }

    #[test]
    fn a_header_comes_back() {
        assert_eq!(Header::decode(&HEADER.encode()), Ok(HEADER));
    }

    #[test]
    fn every_changed_byte_of_a_header_is_noticed() {
        for at in 0..HEADER_BYTES {
            let mut bytes = HEADER.encode();
            bytes[at] ^= 0x10;
            assert!(Header::decode(&bytes).is_err(), "byte {at}");
        }
        assert_eq!(Header::decode(&HEADER.encode()[..39]), Err(HeaderFault::Bad));
        assert_eq!(Header::decode(&[0; HEADER_BYTES]), Err(HeaderFault::Bad));
    }

    #[test]
    fn a_later_version_is_named_even_when_its_header_is_longer() {
        let mut bytes = HEADER.encode().to_vec();
        bytes[8..12].copy_from_slice(&9_u32.to_le_bytes());
        bytes.extend([1, 2, 3]);
        assert_eq!(Header::decode(&bytes), Err(HeaderFault::Newer(9)));
    }
}
