//! Ranked and judged figures of points, townships and the district.

use datafusion::arrow::array::RecordBatch;
use dustwatch_config::Settings;
use dustwatch_lake::Lake;
use dustwatch_observation::Decimal;

use super::{DustfallFigure, PARAMETER, PLACES, TownshipMonths, UNIT, Verdict, spans, views};
use crate::ranking::read_rows;
use crate::session::Session;
use crate::sql::{self, Value};
use crate::{
    AnalyticsError, Order, Period, Provenance, RankRequest, Ranking, RankingRow, Scope, Source, columns,
};

/// Whose figures are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Units {
    /// Points (采样点) that stood in a period, or have a result of it.
    Points(Period),
    /// Townships of the district, or all.
    Townships(Scope),
    /// The district itself.
    District,
}

impl Units {
    /// Rows (unit, month, points, mean).
    fn months(self) -> &'static str {
        match self {
            Units::Points(_) => {
                "SELECT site AS unit, month, valid_samples AS points, mean FROM dustfall_point_months"
            }
            Units::Townships(_) => "SELECT township AS unit, month, points, mean FROM dustfall_monthly",
            Units::District => "SELECT district AS unit, month, points, mean FROM dustfall_district_monthly",
        }
    }

    /// Rows (code, name). Points that the configuration no longer has keep their results.
    fn units(self, settings: &Settings) -> String {
        let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let district = literal(settings.district.code.as_str());
        match self {
            Units::Points(period) => format!(
                "SELECT s.site AS code, coalesce(max(p.name), s.site) AS name FROM (\
                 SELECT site FROM dustfall WHERE month >= '{first}' AND month <= '{last}' \
                 UNION SELECT site FROM dustfall_points \
                 WHERE coalesce(valid_from, DATE '0001-01-01') <= DATE '{end}' \
                 AND coalesce(valid_to, DATE '9999-12-31') >= DATE '{start}') s \
                 LEFT JOIN dustfall_points p ON p.site = s.site GROUP BY s.site",
                first = period.first().format("%Y-%m"),
                last = period.last().format("%Y-%m"),
                start = period.first(),
                end = period.last(),
            ),
            Units::Townships(Scope::District) => {
                format!("SELECT code, name FROM townships WHERE district = {district}")
            }
            Units::Townships(Scope::City) => "SELECT code, name FROM townships".to_owned(),
            Units::District => format!(
                "SELECT {district} AS code, {} AS name",
                literal(&settings.district.name)
            ),
        }
    }
}

/// The figures of units over periods, period by period, each in print order.
pub(super) async fn figures(
    session: &Session,
    settings: &Settings,
    units: Units,
    periods: &[Period],
    order: Order,
) -> Result<Vec<DustfallFigure>, AnalyticsError> {
    let rules = &settings.rules;
    let limit = Decimal::from_f64(rules.r4_limit, 6)
        .map_err(|error| AnalyticsError::Defect(format!("rules.r4_limit: {error}")))?;
    let values = [
        ("spans", Value::Sql(spans::rows(settings, periods)?)),
        ("months", Value::Sql(units.months().to_owned())),
        ("units", Value::Sql(units.units(settings))),
        ("worst", Value::Bool(order == Order::Worst)),
        ("last_n", Value::Integer(rules.last_n.into())),
        ("truncate_raw", Value::Bool(rules.boundary == "truncate_raw")),
        (
            "detection_limit",
            Value::Decimal(settings.dustfall.detection_limit),
        ),
    ];
    let ranking = sql::bind(sql::DUSTFALL_RANKING, &values)?;
    let monthly = periods
        .iter()
        .all(|p| spans::months_of(*p).is_ok_and(|m| m.len() == 1));
    let values = [
        ("ranking", Value::Sql(ranking)),
        ("monthly", Value::Bool(monthly)),
        ("worst", Value::Bool(order == Order::Worst)),
        ("r4_limit", Value::Decimal(limit)),
        ("r4_period", Value::Text(rules.r4_period.clone())),
        ("r3_basis", Value::Text(rules.r3_basis.clone())),
        ("limit_compare", Value::Text(rules.limit_compare.clone())),
    ];
    let mut figures = Vec::new();
    for batch in session
        .collect(&sql::bind(sql::DUSTFALL_VERDICTS, &values)?)
        .await?
    {
        read(&batch, settings, periods, &mut figures)?;
    }
    Ok(figures)
}

fn read(
    batch: &RecordBatch,
    settings: &Settings,
    periods: &[Period],
    figures: &mut Vec<DustfallFigure>,
) -> Result<(), AnalyticsError> {
    let mut rows: Vec<RankingRow> = Vec::with_capacity(batch.num_rows());
    read_rows(batch, PLACES, &mut rows)?;
    let asked = columns::integers(batch, "asked")?;
    let months = columns::integers(batch, "months")?;
    let below = columns::truths(batch, "below_detection")?;
    let truth = |name: &str| columns::truths(batch, name);
    let verdicts = [truth("exceeds")?, truth("month_exceeds")?, truth("year_exceeds")?];
    let rose = truth("rose")?;
    for (row, ranking) in rows.into_iter().enumerate() {
        let period = usize::try_from(asked.value(row))
            .ok()
            .and_then(|at| periods.get(at));
        let verdict = |at: usize| {
            columns::truth(&verdicts[at], row).map(|exceeds| match exceeds {
                true => Verdict::Exceeds,
                false => Verdict::Compliant,
            })
        };
        let below = columns::truth(&below, row) == Some(true);
        figures.push(DustfallFigure {
            period: *period.ok_or_else(|| AnalyticsError::Defect("a span that was not asked".to_owned()))?,
            months: columns::count(&months, row)?.unwrap_or(0),
            text: match ranking.value {
                Some(_) if below => Some(format!("<{}", settings.dustfall.detection_limit)),
                value => value.map(|v| v.to_string()),
            },
            verdict: verdict(0),
            month_verdict: verdict(1),
            year_verdict: verdict(2),
            rose: columns::truth(&rose, row),
            ranking,
        });
    }
    Ok(())
}

/// The months of the district's townships in a period of whole months, with ranks, changes and verdicts.
///
/// # Errors
/// [`AnalyticsError::Request`] when the period does not consist of whole months; [`AnalyticsError::Lake`] when the
/// table cannot be read.
pub async fn township_months(
    lake: &Lake,
    settings: &Settings,
    range: Period,
    version: Option<u64>,
) -> Result<TownshipMonths, AnalyticsError> {
    let months = spans::months_of(range)?;
    let (session, dustfall_version) = views::open(lake, settings, version).await?;
    let units = Units::Townships(Scope::District);
    Ok(TownshipMonths {
        dustfall_version,
        figures: figures(&session, settings, units, &months, Order::Best).await?,
    })
}

/// The ranking of townships by dustfall that a request asks for.
///
/// # Errors
/// [`AnalyticsError::Request`] when nothing has been imported, or the period does not consist of whole months.
pub(crate) async fn ranking(
    lake: &Lake,
    settings: &Settings,
    request: &RankRequest,
) -> Result<Ranking, AnalyticsError> {
    let (session, version) = views::open(lake, settings, None).await?;
    if version.is_none() {
        return Err(AnalyticsError::Request(
            "no dustfall measurements have been imported".to_owned(),
        ));
    }
    let units = Units::Townships(request.scope);
    let figures = figures(&session, settings, units, &[request.period], request.order).await?;
    Ok(Ranking {
        parameter: PARAMETER.to_owned(),
        unit: UNIT.to_owned(),
        period: request.period,
        scope: request.scope,
        order: request.order,
        rows: figures.into_iter().map(|figure| figure.ranking).collect(),
        provenance: Provenance {
            observations_version: None,
            hourly_version: None,
            qc_version: None,
            source: Source::Raw,
        },
    })
}
