//! What a notice is made of.

use chrono::NaiveDate;
use dustwatch_config::{DistrictSettings, NoticeSettings, RuleSettings, Settings, StandardSettings};

use crate::notice::Reports;
use crate::supervision::Supervision;
use crate::{CompletenessRow, DistrictFigure, DustfallReport, Period, PeriodKind, Published, Ranking};

/// The settings that a notice is worded by.
#[derive(Debug, Clone, PartialEq)]
pub struct NoticeWording {
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

impl From<&Settings> for NoticeWording {
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

/// Everything that a notice says, before it is put into words.
#[derive(Debug, Clone, PartialEq)]
pub struct NoticeInputs {
    /// The settings.
    pub settings: NoticeWording,
    /// The week or the month.
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
    /// The city's lists, alarms of sites, enforcement.
    pub reports: Reports,
    /// What a month's dispatch says beyond that; `None` in a week's notice.
    pub month: Option<MonthInputs>,
    /// Local date of issue.
    pub issued_on: NaiveDate,
    /// The program and its version, `dustwatch 0.1.0`.
    pub program: String,
    /// Which revision of an issue that has been sent out already; `None` for the first.
    pub revision: Option<u32>,
    /// What a revision corrects; `None` when it is not known, and in a first issue.
    pub correction: Option<Correction>,
}

impl NoticeInputs {
    /// What sort of notice they make.
    pub fn kind(&self) -> NoticeKind {
        match self.month {
            None => NoticeKind::Weekly,
            Some(_) => NoticeKind::Monthly,
        }
    }
}

/// The sorts of notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// 周通报.
    Weekly,
    /// 月调度.
    Monthly,
}

impl NoticeKind {
    /// The word in names of files.
    pub fn as_str(self) -> &'static str {
        match self {
            NoticeKind::Weekly => "weekly",
            NoticeKind::Monthly => "monthly",
        }
    }

    /// The kind that a period is of: a week or a month.
    pub fn of(period: Period) -> Option<Self> {
        match period.kind() {
            PeriodKind::Week => Some(NoticeKind::Weekly),
            PeriodKind::Month => Some(NoticeKind::Monthly),
            _ => None,
        }
    }
}

/// Dustfall, the years so far, and who is called in.
#[derive(Debug, Clone, PartialEq)]
pub struct MonthInputs {
    /// The month's dustfall.
    pub dustfall: DustfallReport,
    /// The years up to the month's end, oldest first (rules R5, R5f).
    pub years: Vec<YearFigure>,
    /// Who meets a rule (R2, R3b, R3c).
    pub supervision: Supervision,
}

/// The district's PM2.5 of a year up to the month's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YearFigure {
    /// The year.
    pub year: i32,
    /// The published mean; `None` with too few data.
    pub value: Option<Published>,
    /// Change against the year before in percent.
    pub change_percent: Option<Published>,
    /// Days of the year that are to come.
    pub days_to_come: u32,
    /// What they may have on average for the year to keep to the target; `None` of a year that is over.
    pub allowed_mean: Option<Published>,
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
