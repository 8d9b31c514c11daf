//! Identifiers that appear in topics: the district's code and the device's.
//!
//! Invariant: an identifier that exists can be put into a topic level as it is.

use std::fmt;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// A device id must have 1 to 64 characters out of letters, digits, `-`, `_`, `.` and `:`.
    #[error("device id {0:?} must have 1 to 64 characters of A-Z a-z 0-9 - _ . :")]
    Device(String),
    /// A district code must be six digits.
    #[error("district code {0:?} must be 6 digits")]
    District(String),
}

/// A device's id: what an installer prints on the box, at most 64 characters.
///
/// HJ 212 device numbers (MN) in the field have 7 to 24 characters, among them `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(String);

impl DeviceId {
    /// The id, if the text is one.
    ///
    /// # Errors
    /// [`IdError::Device`] when it is empty, too long, or has a character that a topic level cannot hold.
    pub fn new(text: &str) -> Result<Self, IdError> {
        if Self::is_valid(text.as_bytes()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::Device(text.chars().take(80).collect()))
        }
    }

    /// Whether these bytes are a device id.
    pub fn is_valid(text: &[u8]) -> bool {
        (1..=64).contains(&text.len())
            && text
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A district's six-digit administrative code, `110109` for Mentougou.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DistrictCode(String);

impl DistrictCode {
    /// The code, if the text is one.
    ///
    /// # Errors
    /// [`IdError::District`] when it is not six digits.
    pub fn new(text: &str) -> Result<Self, IdError> {
        if text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::District(text.chars().take(80).collect()))
        }
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DistrictCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
