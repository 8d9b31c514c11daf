//! Shards: devices split among several ingesters by their ids alone.
//!
//! Pure, and the same for everyone who computes it: the CRC-32 of the id's bytes (the one of gzip, zlib and PNG),
//! modulo the number of shards, plus one. In Python: `zlib.crc32(device.encode()) % n + 1`.

use std::fmt;
use std::str::FromStr;

/// Most shards that devices can be split into.
const MAX_SHARDS: u32 = 1024;

/// One of `count` parts of all devices. Prints as it is written: `2/3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

/// Why a text is no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no shard: the form is i/n, with 1 ≤ i ≤ n ≤ 1024, as 1/2 and 2/2")]
pub struct ShardError(String);

impl Shard {
    /// Whether a device belongs to this shard. Each device belongs to exactly one of the `n` shards.
    pub fn owns(self, device: &str) -> bool {
        crc32fast::hash(device.as_bytes()) % self.count == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse::<u32>().ok()).flatten()
        };
        text.split_once('/')
            .and_then(|(index, count)| Some((number(index)?, number(count)?)))
            .filter(|(index, count)| (1..=MAX_SHARDS).contains(count) && (1..=*count).contains(index))
            .map(|(index, count)| Self { index, count })
            .ok_or_else(|| ShardError(text.to_owned()))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shards(count: u32) -> Vec<Shard> {
        (1..=count)
            .map(|index| format!("{index}/{count}").parse().unwrap())
            .collect()
    }

    #[test]
    fn every_device_has_one_shard_and_shards_are_about_even() {
        let devices: Vec<String> = (0..6000)
            .map(|n| format!("110109-{}-{:04}", ["DY", "YD", "SITE"][n % 3], n / 3))
            .collect();
        for count in [1, 2, 3, 4, 5, 7, 16] {
            let shards = shards(count);
            let mut owned = vec![0u32; shards.len()];
            for device in &devices {
                let owners: Vec<usize> = (0..shards.len()).filter(|i| shards[*i].owns(device)).collect();
                assert_eq!(owners.len(), 1, "{device} of {count}");
                owned[owners[0]] += 1;
            }
            let fair = 6000 / count;
            assert!(
                owned
                    .iter()
                    .all(|n| (fair * 8 / 10..=fair * 12 / 10 + 1).contains(n)),
                "{count} shards: {owned:?}"
            );
        }
    }

    #[test]
    fn another_program_computes_the_same() {
        // The check value that the catalogue of CRCs gives: cbf43926, bit by bit below.
        assert_eq!(crc32_by_bits(b"123456789"), 0xcbf4_3926);
        for device in ["110109-DY-0001", "110109-DY-0002", "监测站", ""] {
            let expected = crc32_by_bits(device.as_bytes()) % 3;
            let owner = shards(3).iter().position(|s| s.owns(device)).unwrap();
            assert_eq!(owner, expected as usize, "{device}");
        }
    }

    fn crc32_by_bits(bytes: &[u8]) -> u32 {
        let mut crc = !0u32;
        for byte in bytes {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            }
        }
        !crc
    }

    #[test]
    fn refuses_what_is_no_shard() {
        assert_eq!("2/3".parse::<Shard>().unwrap().to_string(), "2/3");
        for text in [
            "", "1", "0/2", "3/2", "1/0", "1/2/3", "a/b", "+1/2", "1/ 2", "1/2000",
        ] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
