//! `[notice.due]`: notices that are made by themselves, and where they are sent.
//!
//! Place on the way: `up` and `serve` read it. Invariant: a kind, a format and a way of delivery that exist are the ones
//! that the program knows; names of ways are distinct, since deliveries are noted under them.

use std::path::PathBuf;

use serde::Deserialize;

use crate::ConfigError;
use crate::alarm::Webhook;
use crate::resolve::Origin;

/// Kinds of notices that are made when they are due.
const KINDS: [&str; 2] = ["weekly", "monthly"];
/// Formats that a notice can have.
const FORMATS: [&str; 5] = ["docx", "pdf", "html", "md", "json"];

/// Which notices are made by themselves, and where they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueSettings {
    /// Folder that they are kept in.
    pub out: PathBuf,
    /// `weekly` is due on Mondays, `monthly` on the third of the month.
    pub kinds: Vec<String>,
    /// Local hour of that day (9).
    pub hour: u32,
    /// Formats that are made.
    pub formats: Vec<String>,
    /// Who is told.
    pub deliver: Vec<Delivery>,
}

/// One way of delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What deliveries are noted under.
    pub name: String,
    /// What the receiver understands.
    pub kind: DeliveryKind,
    /// Where it listens.
    pub url: Webhook,
}

/// What a receiver understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryKind {
    /// Any program: JSON with the notice as Markdown and every figure.
    Webhook,
    /// A robot of a WeChat Work group (企业微信群机器人): Markdown of at most 4,096 bytes.
    Wecom,
}

/// The section as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDue {
    out: PathBuf,
    kinds: Option<Vec<String>>,
    hour: Option<u32>,
    formats: Option<Vec<String>>,
    #[serde(default)]
    deliver: Vec<RawDelivery>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDelivery {
    name: String,
    kind: DeliveryKind,
    url: String,
}

impl DueSettings {
    pub(crate) fn resolve(raw: RawDue, origin: &Origin<'_>) -> Result<Self, ConfigError> {
        let known = |key: &str, words: Option<Vec<String>>, all: &[&str], default: &[&str]| {
            let words = words.unwrap_or_else(|| default.iter().map(|word| (*word).to_owned()).collect());
            match words.iter().find(|word| !all.contains(&word.as_str())) {
                None => Ok(words),
                Some(word) => Err(origin.error(key, format!("{word:?} is none of {}", all.join(", ")))),
            }
        };
        let hour = raw.hour.unwrap_or(9);
        if hour > 23 {
            return Err(origin.error("notice.due.hour", format!("{hour} is no hour of a day, 0 to 23")));
        }
        let mut deliver: Vec<Delivery> = Vec::new();
        for way in raw.deliver {
            if deliver.iter().any(|other| other.name == way.name) {
                let message = format!("there are two ways named {:?}", way.name);
                return Err(origin.error("notice.due.deliver", message));
            }
            let url = Webhook::parse(&way.url).map_err(|message| {
                origin.error("notice.due.deliver", format!("url of {:?} {message}", way.name))
            })?;
            deliver.push(Delivery {
                name: way.name,
                kind: way.kind,
                url,
            });
        }
        Ok(Self {
            out: origin.beside(&raw.out),
            kinds: known("notice.due.kinds", raw.kinds, &KINDS, &KINDS)?,
            hour,
            formats: known(
                "notice.due.formats",
                raw.formats,
                &FORMATS,
                &["pdf", "docx", "html", "md"],
            )?,
            deliver,
        })
    }
}
