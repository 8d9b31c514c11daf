//! `[columns]` of `mapping.toml`: which column fills a parameter, and how its text becomes our unit.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use crate::Decimal;

/// The column that fills a parameter: `"PM2.5"` or `{ column = "CO", scale = 1000 }`.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnMapping {
    /// The column in the table.
    pub column: String,
    /// What a value is multiplied by, exactly, to reach our unit.
    pub scale: Option<Decimal>,
    /// What the texts in the column are.
    pub kind: ColumnKind,
}

/// What the texts in a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// Decimal numbers.
    #[default]
    Number,
    /// Points of a 16-point compass, `NNW`; they become degrees.
    Compass16,
}

impl<'de> Deserialize<'de> for ColumnMapping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ColumnVisitor)
    }
}

struct ColumnVisitor;

impl<'de> Visitor<'de> for ColumnVisitor {
    type Value = ColumnMapping;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column's name, or { column = \"…\", scale = …, kind = \"…\" }")
    }

    fn visit_str<E: de::Error>(self, column: &str) -> Result<ColumnMapping, E> {
        Ok(ColumnMapping {
            column: column.to_owned(),
            scale: None,
            kind: ColumnKind::Number,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ColumnMapping, A::Error> {
        let raw = RawColumn::deserialize(MapAccessDeserializer::new(map))?;
        Ok(ColumnMapping {
            column: raw.column,
            scale: raw.scale.map(|s| s.0),
            kind: raw.kind,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColumn {
    column: String,
    scale: Option<Scale>,
    #[serde(default)]
    kind: ColumnKind,
}

struct Scale(Decimal);

impl<'de> Deserialize<'de> for Scale {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScaleVisitor)
    }
}

struct ScaleVisitor;

impl Visitor<'_> for ScaleVisitor {
    type Value = Scale;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of at most 18 digits")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Scale, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Scale, E> {
        self.visit_str(&value.to_string())
    }

    /// The shortest text of a float is the one that the file holds, so `0.1` becomes exactly a tenth.
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Scale, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scale, E> {
        Decimal::parse(text.as_bytes())
            .map(Scale)
            .map_err(|e| E::custom(format!("scale {text}: {e}")))
    }
}
