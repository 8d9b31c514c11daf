//! The report of a period: district, townships and points, with everything that is said of them.

use std::collections::HashMap;

use dustwatch_config::Settings;
use dustwatch_lake::Lake;

use super::figures::{Units, figures};
use super::{DustfallFigure, views};
use crate::session::Session;
use crate::sql::{self, Value};
use crate::{AnalyticsError, Cell, Order, Period, Scope, Table, columns};

/// The dustfall of a period.
#[derive(Debug, Clone, PartialEq)]
pub struct DustfallReport {
    /// The month, year or range of whole months.
    pub period: Period,
    /// Version of the table `dustfall`; `None` when nothing has been imported.
    pub dustfall_version: Option<u64>,
    /// The district's figure; its rank means nothing.
    pub district: DustfallFigure,
    /// The townships, in the order of their ranks, those without a valid point last.
    pub townships: Vec<DustfallFigure>,
    /// The points that stood in the period or have a result of it, in the order of their ranks.
    pub points: Vec<PointFigure>,
}

/// A point's line in a report.
#[derive(Debug, Clone, PartialEq)]
pub struct PointFigure {
    /// Its figure; ranks are those among the points.
    pub figure: DustfallFigure,
    /// Code of its township.
    pub township_code: String,
    /// Reasons and remarks of its samples, by their codes, with blanks between.
    pub remark: Option<String>,
}

/// Columns of a printed report.
const COLUMNS: [&str; 21] = [
    "level",
    "code",
    "name",
    "township_code",
    "value",
    "mean",
    "points",
    "months",
    "rank",
    "rank_worst",
    "previous_value",
    "change_percent",
    "last_year_value",
    "last_year_percent",
    "cumulative_value",
    "verdict",
    "month_verdict",
    "year_verdict",
    "rose",
    "status",
    "remark",
];

/// The report of a period of whole months, from a version of the table `dustfall` or the newest.
///
/// # Errors
/// [`AnalyticsError::Request`] when the period does not consist of whole months; [`AnalyticsError::Lake`] when the
/// table cannot be read.
pub async fn report(
    lake: &Lake,
    settings: &Settings,
    period: Period,
    version: Option<u64>,
) -> Result<DustfallReport, AnalyticsError> {
    let (session, dustfall_version) = views::open(lake, settings, version).await?;
    let of = async |units| figures(&session, settings, units, &[period], Order::Best).await;
    let district = of(Units::District).await?.into_iter().next();
    let mut remarks = remarks(&session, period).await?;
    let points = of(Units::Points(period)).await?.into_iter().map(|figure| {
        let (township_code, remark) = remarks.remove(&figure.ranking.township_code).unwrap_or_default();
        PointFigure {
            figure,
            township_code,
            remark,
        }
    });
    Ok(DustfallReport {
        period,
        dustfall_version,
        district: district.ok_or_else(|| AnalyticsError::Defect("the district has no row".to_owned()))?,
        points: points.collect(),
        townships: of(Units::Townships(Scope::District)).await?,
    })
}

type Remarks = HashMap<String, (String, Option<String>)>;

/// Township and remarks by point.
async fn remarks(session: &Session, period: Period) -> Result<Remarks, AnalyticsError> {
    let month = |day: chrono::NaiveDate| Value::Text(day.format("%Y-%m").to_string());
    let values = [("first", month(period.first())), ("last", month(period.last()))];
    let mut remarks = Remarks::new();
    for batch in session
        .collect(&sql::bind(sql::DUSTFALL_REMARKS, &values)?)
        .await?
    {
        let (sites, townships) = (
            columns::texts(&batch, "site")?,
            columns::texts(&batch, "township")?,
        );
        let said = columns::texts(&batch, "remark")?;
        for row in 0..batch.num_rows() {
            let remark = columns::text(&said, row).map(str::to_owned);
            remarks.insert(
                sites.value(row).to_owned(),
                (townships.value(row).to_owned(), remark),
            );
        }
    }
    Ok(remarks)
}

impl Table {
    /// A dustfall report: the district, then its townships, then the points. `value` is as published (`<0.3`).
    pub fn from_dustfall(report: &DustfallReport) -> Self {
        let district = cells("district", &report.district, "", None);
        let townships = report.townships.iter().map(|figure| {
            let code = &figure.ranking.township_code;
            cells("township", figure, code, None)
        });
        let points = report.points.iter().map(|point| {
            let remark = point.remark.as_deref();
            cells("point", &point.figure, &point.township_code, remark)
        });
        Self {
            headers: COLUMNS.map(str::to_owned).to_vec(),
            rows: std::iter::once(district).chain(townships).chain(points).collect(),
        }
    }
}

fn cells(level: &str, figure: &DustfallFigure, township: &str, remark: Option<&str>) -> Vec<Cell> {
    let row = &figure.ranking;
    let text = |text: Option<&str>| match text {
        None | Some("") => Cell::Missing,
        Some(text) => Cell::Text(text.to_owned()),
    };
    let is_district = level == "district";
    let rank = |rank: Option<u32>| Cell::number(rank.filter(|_| !is_district));
    let is_number = figure.text.as_ref().is_some_and(|t| !t.starts_with('<'));
    vec![
        Cell::Text(level.to_owned()),
        Cell::Text(row.township_code.clone()),
        Cell::Text(row.township.clone()),
        text(Some(township)),
        match &figure.text {
            Some(value) if is_number => Cell::Number(value.clone()),
            value => text(value.as_deref()),
        },
        Cell::number(row.mean.map(|mean| format!("{mean:.9}"))),
        Cell::Number(row.stations.to_string()),
        Cell::Number(figure.months.to_string()),
        rank(row.rank),
        rank(row.rank_worst),
        Cell::number(row.previous_value),
        Cell::number(row.change_percent),
        Cell::number(row.last_year_value),
        Cell::number(row.last_year_percent),
        Cell::number(row.cumulative_value),
        text(figure.verdict.map(super::Verdict::as_str)),
        text(figure.month_verdict.map(super::Verdict::as_str)),
        text(figure.year_verdict.map(super::Verdict::as_str)),
        figure.rose.map_or(Cell::Missing, Cell::Bool),
        Cell::Text(row.status.as_str().to_owned()),
        text(remark),
    ]
}
