//! Enforcement: what departments inspected, punished and closed under the plan's seven actions.
//!
//! Place on the way: a department's CSV comes in by [`import_enforcement`]; [`enforcement_report`] counts a period and
//! compares it with the one before, for the command and the notices (section 6 of the weekly notice). The counting
//! stands in `sql/enforcement_report.sql`. Invariant: an entry (date, department, township, action) counts once, as it
//! was handed in last.

mod import;
mod report;

use std::fmt;
use std::str::FromStr;

use crate::{AnalyticsError, Cell, Period, Published, Table};

pub use import::import_enforcement;
pub(crate) use report::enforcement_of;
pub use report::enforcement_report;

/// One of the seven actions of the plan (门政办发〔2019〕41号), each led by a group of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Dust of construction sites.
    ConstructionDust,
    /// Transport of spoil.
    SpoilTransport,
    /// Heavy diesel vehicles.
    HeavyDiesel,
    /// Dust of roads.
    RoadDust,
    /// Fumes of restaurants.
    CateringFumes,
    /// Enforcement against fugitive dust.
    DustEnforcement,
    /// Water.
    Water,
}

impl Action {
    /// All seven, in the plan's order.
    pub const ALL: [Action; 7] = [
        Action::ConstructionDust,
        Action::SpoilTransport,
        Action::HeavyDiesel,
        Action::RoadDust,
        Action::CateringFumes,
        Action::DustEnforcement,
        Action::Water,
    ];

    /// The code that tables and files know it by; never renamed.
    pub fn code(self) -> &'static str {
        self.words().0
    }

    /// The name as printed.
    pub fn name(self) -> &'static str {
        self.words().1
    }

    /// Code, name, and other names that files use.
    fn words(self) -> (&'static str, &'static str, &'static [&'static str]) {
        match self {
            Action::ConstructionDust => ("construction_dust", "施工扬尘", &["工地扬尘", "施工工地扬尘"]),
            Action::SpoilTransport => ("spoil_transport", "渣土运输", &["渣土车", "渣土车运输"]),
            Action::HeavyDiesel => ("heavy_diesel", "重型柴油车", &["重柴车", "柴油车"]),
            Action::RoadDust => ("road_dust", "道路扬尘", &["道路扬尘治理"]),
            Action::CateringFumes => ("catering_fumes", "餐饮油烟", &["油烟"]),
            Action::DustEnforcement => ("dust_enforcement", "扬尘执法", &["扬尘专项执法"]),
            Action::Water => ("water", "水环境", &["水污染", "水污染防治"]),
        }
    }

    /// The action that a word of a file means: its code or one of its names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| {
            let (code, name, others) = action.words();
            code == word || name == word || others.contains(&word)
        })
    }
}

/// What a report has a row of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnforcementBy {
    /// Each of the seven actions.
    Action,
    /// Each department that handed something in.
    Department,
    /// Each township of the district.
    Township,
    /// Each ISO week, whole, that belongs to the period: the one that has its Thursday.
    Week,
}

impl FromStr for EnforcementBy {
    type Err = AnalyticsError;

    fn from_str(text: &str) -> Result<Self, AnalyticsError> {
        match text {
            "action" => Ok(Self::Action),
            "department" => Ok(Self::Department),
            "township" => Ok(Self::Township),
            "week" => Ok(Self::Week),
            _ => Err(AnalyticsError::Request(format!(
                "{text:?} is none of action, department, township, week"
            ))),
        }
    }
}

impl fmt::Display for EnforcementBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Action => "action",
            Self::Department => "department",
            Self::Township => "township",
            Self::Week => "week",
        })
    }
}

/// Which counts are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnforcementRequest {
    /// The period.
    pub period: Period,
    /// What a row is about.
    pub by: EnforcementBy,
}

/// A count of a period and of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// In the period.
    pub current: i64,
    /// In the period of the same kind just before (环比); of a week, in the week before.
    pub previous: i64,
    /// Change in percent, one place; `None` where there was nothing before.
    pub change_percent: Option<Published>,
}

/// One row of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnforcementRow {
    /// Code of the action or township, name of the department, or week; `total` for the sum.
    pub unit: String,
    /// The same as printed.
    pub name: String,
    /// Inspections.
    pub inspections: Counted,
    /// Cases that were filed.
    pub cases: Counted,
    /// Penalties, in yuan.
    pub penalty_yuan: Counted,
    /// Cases that were closed.
    pub closed: Counted,
}

/// What was inspected, punished and closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnforcementReport {
    /// The period.
    pub period: Period,
    /// What a row is about.
    pub by: EnforcementBy,
    /// The rows in print order; the total last, but for weeks, which have none.
    pub rows: Vec<EnforcementRow>,
}

impl EnforcementReport {
    /// The report as it is printed.
    pub fn table(&self) -> Table {
        let measures = ["inspections", "cases", "penalty_yuan", "closed"];
        let mut headers = vec![self.by.to_string(), "name".to_owned()];
        for measure in measures {
            headers.extend([
                measure.to_owned(),
                format!("{measure}_previous"),
                format!("{measure}_change_percent"),
            ]);
        }
        let cells = |row: &EnforcementRow| {
            let mut cells = vec![Cell::Text(row.unit.clone()), Cell::Text(row.name.clone())];
            for counted in [row.inspections, row.cases, row.penalty_yuan, row.closed] {
                cells.extend([
                    Cell::number(Some(counted.current)),
                    Cell::number(Some(counted.previous)),
                    Cell::number(counted.change_percent),
                ]);
            }
            cells
        };
        Table {
            headers,
            rows: self.rows.iter().map(cells).collect(),
        }
    }
}
