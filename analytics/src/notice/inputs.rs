//! What a weekly notice is made of.

use chrono::NaiveDate;
use dustwatch_config::{DistrictSettings, NoticeSettings, RuleSettings, Settings, StandardSettings};

use crate::{CompletenessRow, DistrictFigure, Period, Ranking};

/// The settings that a notice is worded by.
#[derive(Debug, Clone, PartialEq)]
pub struct WeeklySettings {
    /// Whose notice it is.
    pub district: DistrictSettings,
    /// Names and wording.
    pub notice: NoticeSettings,
    /// Who counts as one of the last, and the target of the year.
    pub rules: RuleSettings,
    /// How many valid days a mean needs.
    pub standards: StandardSettings,
    /// Name of the settings file; `None` for the built-in district.
    pub file: Option<String>,
}

impl From<&Settings> for WeeklySettings {
    fn from(settings: &Settings) -> Self {
        let file = settings.file.as_deref().and_then(|path| path.file_name());
        Self {
            district: settings.district.clone(),
            notice: settings.notice.clone(),
            rules: settings.rules.clone(),
            standards: settings.standards.clone(),
            file: file.map(|name| name.to_string_lossy().into_owned()),
        }
    }
}

/// Everything that a weekly notice says, before it is put into words.
#[derive(Debug, Clone, PartialEq)]
pub struct WeeklyInputs {
    /// The settings.
    pub settings: WeeklySettings,
    /// The week.
    pub period: Period,
    /// The townships by PM2.5.
    pub pm25: Ranking,
    /// The townships by TSP.
    pub tsp: Ranking,
    /// The district's PM2.5.
    pub district_pm25: DistrictFigure,
    /// The district's TSP.
    pub district_tsp: DistrictFigure,
    /// Hours of PM2.5 of the stations that take part in the ranking.
    pub completeness_pm25: Vec<CompletenessRow>,
    /// Hours of TSP of the same stations.
    pub completeness_tsp: Vec<CompletenessRow>,
    /// Local date of issue.
    pub issued_on: NaiveDate,
    /// The program and its version, `dustwatch 0.1.0`.
    pub program: String,
    /// Which revision of an issue that has been sent out already; `None` for the first.
    pub revision: Option<u32>,
    /// What a revision corrects; `None` when it is not known, and in a first issue.
    pub correction: Option<Correction>,
}

/// What a revision says about the issue that it replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Local date of that issue.
    pub corrects: NaiveDate,
    /// Values and ranks that changed, by parameter; the district before its townships.
    pub changes: Vec<Change>,
    /// How many other printed figures changed: changes in percent, valid days, completeness.
    pub others: u32,
}

/// A value or a rank that changed, before and after, as printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Key of the parameter.
    pub parameter: String,
    /// The township, or the district.
    pub name: String,
    /// The value before and after.
    pub value: (String, String),
    /// The rank before and after.
    pub rank: (String, String),
}
