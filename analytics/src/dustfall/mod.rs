//! Dustfall (降尘): the laboratory's results in, the months of points, townships and the district out.
//!
//! Place on the way: beside the stream. A laboratory's weighings, its own results or an automatic monitor's grams come
//! as files ([`import`]); each sample is a row of the table `dustfall`, calculated by `sql/dustfall_deposition.sql`
//! (HJ 1221-2021). The views `dustfall_point_months`, `dustfall_monthly` and `dustfall_district_monthly` state how
//! results are averaged, `sql/dustfall_ranking.sql` and `sql/dustfall_verdicts.sql` how they are ranked and judged.
//! Unit everywhere: t/(km²·30 d).
//!
//! Invariants: a line that cannot be a result is refused with its reason, one that a rule keeps out of the figures is
//! stored with the reason; a figure is rounded once, half to even, from the unrounded mean.

mod conflicts;
mod figures;
mod import;
mod layout;
mod moment;
mod note;
mod report;
mod sample;
mod samples;
mod spans;
mod views;

use crate::{Period, Published, RankingRow};

pub(crate) use figures::ranking;
pub use figures::township_months;
pub use import::{DustfallImport, ImportKind, import};
pub use report::{DustfallReport, PointFigure, report};
pub(crate) use views::register;

/// The name that rankings know dustfall by.
pub(crate) const PARAMETER: &str = "dustfall";

/// Its unit.
pub const UNIT: &str = "t/(km²·30 d)";

/// Places of a published value (HJ 1221-2021).
pub(crate) const PLACES: u8 = 1;

/// What a limit says about a value; the limit itself is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Within the limit (达标).
    Compliant,
    /// Above the limit (超标).
    Exceeds,
}

impl Verdict {
    /// The word in outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Compliant => "compliant",
            Verdict::Exceeds => "exceeds",
        }
    }
}

/// The dustfall of a point, a township or the district over a month, several months or a year.
#[derive(Debug, Clone, PartialEq)]
pub struct DustfallFigure {
    /// The month, year or range of whole months.
    pub period: Period,
    /// The value and what it is compared with. `township_code` and `township` are the unit's code and name; `stations`
    /// the points that contributed (of a point, its valid samples; of several months, the most of any month);
    /// `valid_days` the days of the months that have a value.
    pub ranking: RankingRow,
    /// Months with a value.
    pub months: u32,
    /// The value as it is published: `6.5`, or `<0.3` below the detection limit; `None` without a value.
    pub text: Option<String>,
    /// R4 as the setting `rules.r4_period` reads it.
    pub verdict: Option<Verdict>,
    /// The month against the limit; `None` for several months.
    pub month_verdict: Option<Verdict>,
    /// The mean of the year's months, up to the end of the period, against the limit.
    pub year_verdict: Option<Verdict>,
    /// R3a (不降反升): whether it rose, as the setting `rules.r3_basis` compares; `None` without a base.
    pub rose: Option<bool>,
}

impl DustfallFigure {
    /// The published value as a number; below the detection limit, what it counts for in means.
    pub fn value(&self) -> Option<Published> {
        self.ranking.value
    }
}

/// The months of townships, and the version of the table that they were made from.
#[derive(Debug, Clone, PartialEq)]
pub struct TownshipMonths {
    /// Version of the table `dustfall`; `None` when nothing has been imported.
    pub dustfall_version: Option<u64>,
    /// One figure a month and township of the district, months in order, each in the order of its ranks; townships
    /// without a valid point last.
    pub figures: Vec<DustfallFigure>,
}
