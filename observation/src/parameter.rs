//! What can be measured: parameters, their units and resolutions.
//!
//! The list comes from configuration (`parameters.toml`), so a new parameter needs no code. Invariant: a
//! [`ParameterId`] indexes the set that made it; keys are unique.

use std::collections::HashMap;

use crate::Decimal;

/// A parameter that a monitor may report, as `parameters.toml` describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Key in payloads and column name in tables: `pm25`.
    pub key: String,
    /// Name on Chinese pages: `PM2.5`, `总悬浮颗粒物`.
    pub name: String,
    /// Name on English pages.
    pub name_en: String,
    /// Unit as printed: `µg/m³`.
    pub unit: String,
    /// Places that the table column holds, 0 to 6; a finer value is kept as sent beside its rounded one.
    pub decimals: u8,
    /// Places of a published period mean.
    pub published_decimals: u8,
    /// Hourly means that a day needs to be valid for the operational ranking (GB 3095 table 4; TSP by setting).
    pub day_min_hours: u8,
    /// Smallest value a working sensor can report, if bounded.
    pub min: Option<Decimal>,
    /// Largest value a working sensor can report, if bounded.
    pub max: Option<Decimal>,
}

/// A parameter's place in its [`ParameterSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParameterId(u16);

impl ParameterId {
    /// The index, from 0.
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Why a list of parameters is not a set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterSetError {
    /// The same key twice.
    #[error("parameter {0:?} is listed twice")]
    Duplicate(String),
    /// A key that payloads or tables cannot use.
    #[error(
        "parameter key {0:?} must match [a-z][a-z0-9_]* and be no other field of the payload or the table"
    )]
    BadKey(String),
    /// More places than a column can have.
    #[error("parameter {0:?} has more than 6 decimals")]
    Decimals(String),
    /// More parameters than a row can have.
    #[error("more than 256 parameters")]
    TooMany,
}

/// All parameters that a deployment knows, in table column order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParameterSet {
    list: Vec<Parameter>,
    by_key: HashMap<String, ParameterId>,
}

/// Field names of the payload and of the table that no parameter may take.
const RESERVED: [&str; 11] = [
    "device",
    "epoch",
    "seq",
    "time",
    "flags",
    "obs",
    "observed_at",
    "received_at",
    "day",
    "original",
    "from",
];

impl ParameterSet {
    /// The set of these parameters, in this order.
    ///
    /// # Errors
    /// [`ParameterSetError`] names the key at fault.
    pub fn new(list: Vec<Parameter>) -> Result<Self, ParameterSetError> {
        if list.len() > 256 {
            return Err(ParameterSetError::TooMany);
        }
        let mut by_key = HashMap::with_capacity(list.len());
        for (index, parameter) in (0u16..).zip(&list) {
            let key = parameter.key.as_str();
            let well_formed = key.starts_with(|c: char| c.is_ascii_lowercase())
                && key
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            if !well_formed || key.ends_with("_flag") || RESERVED.contains(&key) {
                return Err(ParameterSetError::BadKey(key.to_owned()));
            }
            if parameter.decimals > 6 || parameter.published_decimals > 6 {
                return Err(ParameterSetError::Decimals(key.to_owned()));
            }
            if by_key.insert(key.to_owned(), ParameterId(index)).is_some() {
                return Err(ParameterSetError::Duplicate(key.to_owned()));
            }
        }
        Ok(Self { list, by_key })
    }

    /// How many parameters there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The id of a key.
    pub fn find(&self, key: &str) -> Option<ParameterId> {
        self.by_key.get(key).copied()
    }

    /// The parameter of an id that this set gave.
    #[inline]
    pub fn get(&self, id: ParameterId) -> &Parameter {
        &self.list[id.index()]
    }

    /// All parameters with their ids, in column order.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ParameterId, &Parameter)> {
        self.list
            .iter()
            .enumerate()
            .map(|(index, p)| (ParameterId(index as u16), p))
    }
}
