//! Answering a request for a ranking: spans out of the period, SQL, typed rows.

use datafusion::arrow::array::RecordBatch;
use dustwatch_config::Settings;
use dustwatch_lake::Lake;
use dustwatch_observation::Parameter;

use crate::pinned::{Need, Pinned};
use crate::ranking::{Order, RankRequest, Ranking, RankingRow, Scope, Status};
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, Published, columns, dustfall};

/// Parameters that townships are ranked by.
const RANKABLE: [&str; 3] = ["tsp", "pm25", "pm10"];

/// Places of a change in percent.
pub(crate) const PERCENT_PLACES: u8 = 1;

/// The ranking of townships that a request asks for.
///
/// # Errors
/// [`AnalyticsError::Request`] when the parameter is not ranked or the source that was asked for does not fit;
/// [`AnalyticsError::Lake`] when a table cannot be read.
pub async fn rank(
    lake: &Lake,
    settings: &Settings,
    request: &RankRequest,
) -> Result<Ranking, AnalyticsError> {
    if request.parameter == dustfall::PARAMETER {
        return dustfall::ranking(lake, settings, request).await;
    }
    let parameter = rankable(settings, &request.parameter)?;
    let spans = Spans::of(request.period);
    let need = Need {
        parameter: Some(&parameter.key),
        periods: &spans.all(),
        source: request.source,
        observations_version: request.observations_version,
        qc_version: request.qc_version,
    };
    let pinned = Pinned::open(lake, settings, &need).await?;
    let mut rows = Vec::new();
    for batch in pinned.session.collect(&ranking_text(settings, request)?).await? {
        read_rows(&batch, parameter.published_decimals, &mut rows)?;
    }
    Ok(Ranking {
        parameter: parameter.key.clone(),
        unit: parameter.unit.clone(),
        period: request.period,
        scope: request.scope,
        order: request.order,
        rows,
        provenance: pinned.provenance,
    })
}

/// The question of `ranking.sql` for a request.
pub(crate) fn ranking_text(settings: &Settings, request: &RankRequest) -> Result<String, AnalyticsError> {
    let parameter = rankable(settings, &request.parameter)?;
    let mut values = Spans::of(request.period).values(settings);
    values.extend([
        ("parameter", Value::Text(parameter.key.clone())),
        ("decimals", Value::Integer(parameter.published_decimals.into())),
        ("published", sql::published_type(parameter.published_decimals)),
        ("district", Value::Text(settings.district.code.to_string())),
        ("city", Value::Bool(request.scope == Scope::City)),
        ("worst", Value::Bool(request.order == Order::Worst)),
        ("last_n", Value::Integer(settings.rules.last_n.into())),
        (
            "truncate_raw",
            Value::Bool(settings.rules.boundary == "truncate_raw"),
        ),
        ("day_min_hours", Value::Integer(parameter.day_min_hours.into())),
    ]);
    sql::bind(sql::RANKING, &values)
}

/// The parameter, if townships are ranked by it.
pub(crate) fn rankable<'a>(settings: &'a Settings, key: &str) -> Result<&'a Parameter, AnalyticsError> {
    if key == dustfall::PARAMETER {
        return Err(AnalyticsError::Request(
            "dustfall has no hourly means; `dustfall report` gives the district's figure".to_owned(),
        ));
    }
    let id = settings.parameters.find(key).filter(|_| RANKABLE.contains(&key));
    id.map(|id| settings.parameters.get(id)).ok_or_else(|| {
        let known: Vec<&str> = RANKABLE
            .into_iter()
            .filter(|key| settings.parameters.find(key).is_some())
            .collect();
        AnalyticsError::Request(format!(
            "parameter {key:?} is not ranked; ranked are {}, dustfall",
            known.join(", ")
        ))
    })
}

/// The periods that a published figure is made from and compared with.
pub(crate) struct Spans {
    current: Period,
    previous: Period,
    last_year: Period,
    cumulative: Period,
}

impl Spans {
    pub(crate) fn of(period: Period) -> Self {
        Self {
            current: period,
            previous: period.previous(),
            last_year: period.last_year(),
            cumulative: period.year_to_date(),
        }
    }

    pub(crate) fn all(&self) -> [Period; 4] {
        [self.current, self.previous, self.last_year, self.cumulative]
    }

    /// The values that `ranking.sql` and `district_period.sql` name.
    pub(crate) fn values(&self, settings: &Settings) -> Vec<(&'static str, Value)> {
        let min_days = |period: Period| Value::Integer(period.min_valid_days(&settings.standards).into());
        let mut values = self.current.validity(&settings.standards).values().to_vec();
        values.extend([
            ("first", Value::Day(self.current.first())),
            ("last", Value::Day(self.current.last())),
            ("previous_first", Value::Day(self.previous.first())),
            ("previous_last", Value::Day(self.previous.last())),
            ("previous_min_days", min_days(self.previous)),
            ("last_year_first", Value::Day(self.last_year.first())),
            ("last_year_last", Value::Day(self.last_year.last())),
            ("last_year_min_days", min_days(self.last_year)),
            ("cumulative_first", Value::Day(self.cumulative.first())),
        ]);
        values
    }
}

/// The published figure of a double that SQL has rounded already.
pub(crate) fn figure(value: Option<f64>, places: u8) -> Result<Option<Published>, AnalyticsError> {
    let Some(value) = value else { return Ok(None) };
    let figure = Published::from_rounded(value, places);
    figure
        .map(Some)
        .ok_or_else(|| AnalyticsError::Defect(format!("{value} is no figure")))
}

/// The rows of `ranking.sql`, or of another text with its columns.
pub(crate) fn read_rows(
    batch: &RecordBatch,
    places: u8,
    rows: &mut Vec<RankingRow>,
) -> Result<(), AnalyticsError> {
    let (codes, names) = (
        columns::texts(batch, "township_code")?,
        columns::texts(batch, "township")?,
    );
    let statuses = columns::texts(batch, "status")?;
    let means = columns::doubles(batch, "mean")?;
    let last = columns::truths(batch, "last")?;
    let count = |name: &str, row: usize| columns::count(&columns::integers(batch, name)?, row);
    let value = |name: &str, row: usize, places: u8| {
        figure(columns::double(&columns::doubles(batch, name)?, row), places)
    };
    for row in 0..batch.num_rows() {
        let rank_change = columns::integer(&columns::integers(batch, "rank_change")?, row);
        rows.push(RankingRow {
            rank: count("rank", row)?,
            rank_worst: count("rank_worst", row)?,
            township_code: codes.value(row).to_owned(),
            township: names.value(row).to_owned(),
            value: value("value", row, places)?,
            mean: columns::double(&means, row),
            stations: count("stations", row)?.unwrap_or(0),
            valid_days: count("valid_days", row)?.unwrap_or(0),
            previous_value: value("previous_value", row, places)?,
            change_percent: value("change_percent", row, PERCENT_PLACES)?,
            previous_rank: count("previous_rank", row)?,
            rank_change: rank_change.and_then(|change| i32::try_from(change).ok()),
            last_year_value: value("last_year_value", row, places)?,
            last_year_percent: value("last_year_percent", row, PERCENT_PLACES)?,
            cumulative_value: value("cumulative_value", row, places)?,
            status: match statuses.value(row) {
                "ranked" => Status::Ranked,
                _ => Status::InsufficientData,
            },
            last: last.value(row),
            day_min_hours: count("day_min_hours", row)?,
        });
    }
    Ok(())
}
