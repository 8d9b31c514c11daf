//! A kind of ledger as it is written: unknown keys refused, words turned into what they mean.

use std::path::Path;

use dustwatch_observation::Decimal;
use serde::Deserialize;

use super::check::check;
use super::{Better, Combine, DateKind, ItemKind, LedgerColumn, LedgerItem, LedgerKind, Limit, SubjectKind};
use crate::ConfigError;
use crate::error::toml_error;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKind {
    key: String,
    name: String,
    name_en: Option<String>,
    ranked: String,
    group: Option<String>,
    subject: RawSubject,
    point: Option<RawColumn>,
    #[serde(default)]
    date: RawDate,
    item: Vec<RawItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSubject {
    column: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    kind: RawSubjectKind,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum RawSubjectKind {
    #[default]
    Township,
    Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColumn {
    column: String,
    #[serde(default)]
    aliases: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawDate {
    #[serde(default)]
    holds: RawHolds,
    #[serde(default)]
    aliases: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum RawHolds {
    #[default]
    Day,
    Month,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum RawType {
    Number,
    Count,
    Grade,
    Text,
    Ratio,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawBetter {
    Lower,
    Higher,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawCombine {
    Mean,
    Sum,
    Last,
    Worst,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawLimit {
    Number(f64),
    Level(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawItem {
    key: String,
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(rename = "type")]
    kind: RawType,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    decimals: u8,
    better: Option<RawBetter>,
    limit: Option<RawLimit>,
    limit_item: Option<String>,
    combine: Option<RawCombine>,
    #[serde(default)]
    required: bool,
    min: Option<f64>,
    max: Option<f64>,
    levels: Option<Vec<Vec<String>>>,
    of: Option<String>,
    to: Option<String>,
}

/// The kind that a text describes, checked.
pub(super) fn parse(file: &Path, text: &str) -> Result<LedgerKind, ConfigError> {
    let raw: RawKind = toml::from_str(text).map_err(|e| toml_error(file, text, &e))?;
    let fault = |key: &str, message: String| ConfigError::Value {
        origin: file.display().to_string(),
        key: key.to_owned(),
        message,
    };
    let mut items = Vec::with_capacity(raw.item.len());
    for item in raw.item {
        let key = item.key.clone();
        items.push(
            item.resolve()
                .map_err(|(part, message)| fault(&format!("{key}.{part}"), message))?,
        );
    }
    let kind = LedgerKind {
        name_en: raw.name_en.unwrap_or_else(|| raw.name.clone()),
        key: raw.key,
        name: raw.name,
        subject: LedgerColumn {
            name: raw.subject.column,
            aliases: raw.subject.aliases,
        },
        subject_kind: match raw.subject.kind {
            RawSubjectKind::Township => SubjectKind::Township,
            RawSubjectKind::Text => SubjectKind::Text,
        },
        point: raw.point.map(|point| LedgerColumn {
            name: point.column,
            aliases: point.aliases,
        }),
        date: LedgerColumn {
            name: match raw.date.holds {
                RawHolds::Day => "date".to_owned(),
                RawHolds::Month => "month".to_owned(),
            },
            aliases: raw.date.aliases,
        },
        date_kind: match raw.date.holds {
            RawHolds::Day => DateKind::Day,
            RawHolds::Month => DateKind::Month,
        },
        group: raw.group,
        ranked: raw.ranked,
        items,
    };
    check(&kind).map_err(|(key, message)| fault(&key, message))?;
    Ok(kind)
}

/// A key of an item and what is wrong with it.
type Fault = (&'static str, String);

impl RawItem {
    fn resolve(mut self) -> Result<LedgerItem, Fault> {
        let kind = self.values()?;
        let limit = self.limit(&kind)?;
        let default = match self.kind {
            RawType::Count => Combine::Sum,
            RawType::Number | RawType::Ratio => Combine::Mean,
            RawType::Grade | RawType::Text => Combine::Last,
        };
        Ok(LedgerItem {
            unit: match self.kind {
                RawType::Ratio => "%".to_owned(),
                _ => self.unit,
            },
            column: LedgerColumn {
                aliases: std::iter::once(self.name.clone()).chain(self.aliases).collect(),
                name: self.key,
            },
            name: self.name,
            kind,
            decimals: self.decimals,
            better: match self.better {
                None | Some(RawBetter::Lower) => Better::Lower,
                Some(RawBetter::Higher) => Better::Higher,
            },
            limit,
            combine: self.combine.map_or(default, |combine| match combine {
                RawCombine::Mean => Combine::Mean,
                RawCombine::Sum => Combine::Sum,
                RawCombine::Last => Combine::Last,
                RawCombine::Worst => Combine::Worst,
            }),
            required: self.required,
        })
    }

    /// What its values are, from the keys that go with its type; another type's keys are refused.
    fn values(&mut self) -> Result<ItemKind, Fault> {
        let only = |key: &'static str, is_there: bool, kind: RawType| match is_there && self.kind != kind {
            true => Err((key, "does not go with the item's type".to_owned())),
            false => Ok(()),
        };
        only("min", self.min.is_some(), RawType::Number)?;
        only("max", self.max.is_some(), RawType::Number)?;
        only("levels", self.levels.is_some(), RawType::Grade)?;
        only("of", self.of.is_some(), RawType::Ratio)?;
        only("to", self.to.is_some(), RawType::Ratio)?;
        let missing = |key: &'static str| (key, "is missing".to_owned());
        let ranked = self.kind != RawType::Text;
        if ranked && self.better.is_none() {
            return Err(("better", "is missing: \"lower\" or \"higher\"".to_owned()));
        }
        if self.kind == RawType::Ratio && self.combine.is_some() {
            return Err((
                "combine",
                "a ratio is the quotient of the period's sums".to_owned(),
            ));
        }
        Ok(match self.kind {
            RawType::Number => ItemKind::Number {
                min: decimal("min", self.min.unwrap_or(0.0))?,
                max: self.max.map(|max| decimal("max", max)).transpose()?,
            },
            RawType::Count => ItemKind::Count,
            RawType::Text => ItemKind::Text,
            RawType::Grade => ItemKind::Grade {
                levels: self.levels.take().ok_or_else(|| missing("levels"))?,
            },
            RawType::Ratio => ItemKind::Ratio {
                of: self.of.take().ok_or_else(|| missing("of"))?,
                to: self.to.take().ok_or_else(|| missing("to"))?,
            },
        })
    }

    fn limit(&mut self, kind: &ItemKind) -> Result<Limit, Fault> {
        match (self.limit.take(), self.limit_item.take(), kind) {
            (Some(_), Some(_), _) => Err(("limit_item", "there is a limit already".to_owned())),
            (Some(_), None, ItemKind::Text) | (None, Some(_), ItemKind::Text) => {
                Err(("limit", "a text has none".to_owned()))
            }
            (None, None, _) => Ok(Limit::None),
            (None, Some(item), _) => Ok(Limit::Item(item)),
            (Some(RawLimit::Level(word)), None, ItemKind::Grade { levels }) => {
                let place = levels.iter().position(|words| words.contains(&word));
                let place = place.and_then(|place| i64::try_from(place + 1).ok());
                place
                    .map(|place| Limit::Value(Decimal::new(place, 0)))
                    .ok_or_else(|| ("limit", format!("{word:?} is none of its levels")))
            }
            (
                Some(RawLimit::Number(number)),
                None,
                ItemKind::Number { .. } | ItemKind::Count | ItemKind::Ratio { .. },
            ) => Ok(Limit::Value(decimal("limit", number)?)),
            (Some(_), None, _) => Err(("limit", "is not of the item's type".to_owned())),
        }
    }
}

fn decimal(key: &'static str, number: f64) -> Result<Decimal, Fault> {
    Decimal::parse(number.to_string().as_bytes()).map_err(|error| (key, error.to_string()))
}
