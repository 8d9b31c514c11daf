//! `mapping.toml`: how somebody else's table says what we call an observation.
//!
//! Deserialized here, bound to a file's header in `plan`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ColumnMapping;

/// How a table is read.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The form of the file.
    #[serde(default)]
    pub format: Format,
    /// The device's id as a template over the table's columns: `{station}`, `sc-{sensor_id}`.
    pub device: String,
    /// Where the time stands.
    pub time: TimeMapping,
    /// Texts that stand for a missing value, besides the empty cell.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Our parameter keys and the columns that fill them.
    pub columns: BTreeMap<String, ColumnMapping>,
    /// What separates fields; `,` by default.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// The time that a row covers (`1h` by default); with `label = "end"` it is taken off the label.
    #[serde(default = "one_hour")]
    pub interval: String,
}

/// The form of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Delimited text with a header line, plain or gzip.
    #[default]
    Csv,
}

/// Where a row's time stands and what it means.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "RawTime")]
pub struct TimeMapping {
    /// The columns that hold it.
    pub source: TimeSource,
    /// The time zone of the text, by its name in the tz database; a text that carries its own offset overrides it.
    pub timezone: String,
    /// Which end of the interval the text names.
    pub label: Label,
}

/// The columns that hold a row's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeSource {
    /// Year, month, day, and then as far as they go hour, minute, second, each in a column.
    Columns(Vec<String>),
    /// One column with a text.
    Column {
        /// The column.
        column: String,
        /// The strftime format of the text.
        format: String,
    },
}

/// Which end of its interval a row's time names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// The start.
    #[default]
    Start,
    /// The end: hour 1 to 24, for one.
    End,
}

fn comma() -> char {
    ','
}

fn one_hour() -> String {
    "1h".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTime {
    columns: Option<Vec<String>>,
    column: Option<String>,
    format: Option<String>,
    timezone: String,
    #[serde(default)]
    label: Label,
}

impl TryFrom<RawTime> for TimeMapping {
    type Error = &'static str;

    fn try_from(raw: RawTime) -> Result<Self, Self::Error> {
        let source = match (raw.columns, raw.column, raw.format) {
            (Some(columns), None, None) if (3..=6).contains(&columns.len()) => TimeSource::Columns(columns),
            (Some(_), None, None) => {
                return Err("time.columns names 3 to 6 columns: year, month, day, hour, minute, second");
            }
            (None, Some(column), Some(format)) => TimeSource::Column { column, format },
            _ => return Err("time has either `columns`, or `column` and `format`"),
        };
        Ok(Self {
            source,
            timezone: raw.timezone,
            label: raw.label,
        })
    }
}
