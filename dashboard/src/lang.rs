//! Chinese, and English for visitors.

use serde::Deserialize;

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lang {
    /// Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// One of two wordings.
    pub(crate) fn of<'a>(self, chinese: &'a str, english: &'a str) -> &'a str {
        match self {
            Lang::Zh => chinese,
            Lang::En => english,
        }
    }

    /// As `lang` says it in HTML.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Lang::Zh => "zh-CN",
            Lang::En => "en",
        }
    }

    /// As the query of an address says it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Lang::Zh => "zh",
            Lang::En => "en",
        }
    }
}
