//! Kinds of ledgers (台账): the tables that are handed in every month, described in TOML, one file a kind.
//!
//! Place on the way: `config/ledgers/*.toml` in; analytics reads sheets, stores entries and ranks by what a kind says, so
//! that a new kind needs no code. Invariants: a kind that exists is consistent (its ranked item is ranked, a ratio's
//! parts are counted, a limit is of its item's type); no name of a column is there twice.

use std::path::Path;

use dustwatch_observation::Decimal;

use crate::error::read;
use crate::{ConfigError, builtin};

mod check;
mod raw;

/// A kind of ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerKind {
    /// Key, as `--kind` and the table's column `kind` say it.
    pub key: String,
    /// Name as printed.
    pub name: String,
    /// Name in English.
    pub name_en: String,
    /// The column with the unit that is ranked.
    pub subject: LedgerColumn,
    /// What stands in that column.
    pub subject_kind: SubjectKind,
    /// The column that tells several lines of a subject and date apart, a road for one.
    pub point: Option<LedgerColumn>,
    /// The column with the date.
    pub date: LedgerColumn,
    /// What stands in that column.
    pub date_kind: DateKind,
    /// The text item within whose values subjects are ranked; among all of them without one.
    pub group: Option<String>,
    /// The item that is ranked unless another is asked for.
    pub ranked: String,
    /// What is told of a subject and date.
    pub items: Vec<LedgerItem>,
}

/// A column of a ledger's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerColumn {
    /// Its name.
    pub name: String,
    /// Other names that are understood.
    pub aliases: Vec<String>,
}

/// What a ledger's subjects are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectKind {
    /// Townships of the district, by code, name or alias of `townships.csv`; all of them are listed.
    Township,
    /// Any names; those that the ledger has are listed.
    Text,
}

/// What a ledger's dates are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateKind {
    /// Local days.
    Day,
    /// Calendar months, stored as their first day; reports are of whole months.
    Month,
}

/// One of the things that a ledger tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerItem {
    /// Its column and key.
    pub column: LedgerColumn,
    /// Name as printed.
    pub name: String,
    /// What its values are.
    pub kind: ItemKind,
    /// Their unit; empty for grades and texts.
    pub unit: String,
    /// Places of a published value.
    pub decimals: u8,
    /// Which values are better.
    pub better: Better,
    /// What a value is judged by.
    pub limit: Limit,
    /// How the values of a period become one.
    pub combine: Combine,
    /// Whether each line must have it.
    pub required: bool,
}

/// What an item's values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    /// Exact decimals within bounds.
    Number {
        /// Smallest that is taken.
        min: Decimal,
        /// Largest that is taken.
        max: Option<Decimal>,
    },
    /// Whole numbers of at least 0.
    Count,
    /// One of ordered levels, best or lowest first, each with the words that mean it; stored as 1, 2, ….
    Grade {
        /// For each level its label and its other words.
        levels: Vec<Vec<String>>,
    },
    /// Texts, which are stored and never ranked.
    Text,
    /// Not in the file: the quotient of two items' sums, in percent.
    Ratio {
        /// Key of the dividend.
        of: String,
        /// Key of the divisor.
        to: String,
    },
}

/// Which values are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Low ones: rank 1 is the lowest, a limit is kept by a value that is not above it.
    Lower,
    /// High ones: rank 1 is the highest, a limit is kept by a value that is not below it.
    Higher,
}

/// What a value is judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// Nothing.
    None,
    /// One level for all; a grade's place among its levels.
    Value(Decimal),
    /// Each subject's own: the last value of another item in the period.
    Item(String),
}

/// How the values of a period become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// Their arithmetic mean.
    Mean,
    /// Their sum.
    Sum,
    /// The one of the latest date; of several, the worst.
    Last,
    /// The worst.
    Worst,
}

impl LedgerKind {
    /// The kind that a text in the form of `config/ledgers/*.toml` describes; the path is for messages only.
    ///
    /// # Errors
    /// [`ConfigError`] names the file and the line or key at fault.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        raw::parse(file, text)
    }

    /// The item of a key.
    pub fn item(&self, key: &str) -> Option<&LedgerItem> {
        self.items.iter().find(|item| item.key() == key)
    }
}

impl LedgerItem {
    /// Its key: the name of its column, and the table's column `item`.
    pub fn key(&self) -> &str {
        &self.column.name
    }

    /// Whether values can be ranked.
    pub fn is_ranked(&self) -> bool {
        self.kind != ItemKind::Text
    }

    /// Whether it stands in files.
    pub fn is_stored(&self) -> bool {
        !matches!(self.kind, ItemKind::Ratio { .. })
    }

    /// The place of the level that a word means, from 1; `None` for an unknown word, and for what is no grade.
    pub fn level(&self, word: &str) -> Option<usize> {
        let ItemKind::Grade { levels } = &self.kind else {
            return None;
        };
        let at = levels.iter().position(|words| words.iter().any(|w| w == word));
        at.map(|at| at + 1)
    }

    /// The label of a level by its place, from 1.
    pub fn label(&self, place: i64) -> Option<&str> {
        let ItemKind::Grade { levels } = &self.kind else {
            return None;
        };
        let at = usize::try_from(place).ok()?.checked_sub(1)?;
        levels.get(at)?.first().map(String::as_str)
    }
}

/// The built-in kinds and those of a folder, by key; a kind of the folder replaces the built-in one of its key.
pub(crate) fn load(folder: Option<&Path>) -> Result<Vec<LedgerKind>, ConfigError> {
    let mut kinds = Vec::new();
    for (name, text) in builtin::LEDGERS {
        kinds.push(LedgerKind::parse(
            &Path::new("built-in ledgers").join(name),
            text,
        )?);
    }
    let mut own: Vec<LedgerKind> = Vec::new();
    for file in folder.map_or_else(|| Ok(Vec::new()), files)? {
        let kind = LedgerKind::parse(&file, &read(&file)?)?;
        if own.iter().any(|other| other.key == kind.key) {
            return Err(ConfigError::Value {
                origin: file.display().to_string(),
                key: "key".to_owned(),
                message: format!("{:?} is the key of another file of this folder", kind.key),
            });
        }
        kinds.retain(|other| other.key != kind.key);
        own.push(kind);
    }
    kinds.append(&mut own);
    kinds.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(kinds)
}

/// The TOML files of a folder, by name.
pub(crate) fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>, ConfigError> {
    let unreadable = |cause| ConfigError::Read {
        file: folder.to_path_buf(),
        cause,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
