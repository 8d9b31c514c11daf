//! Hot spots: sites and grid cells (热点网格) that stand out from their surroundings, ranked.
//!
//! Place on the way: hourly means and alarms in, a row a place out. The rule stands in `sql/hotspots.sql`; the size of a cell
//! and the radius of surroundings in `[hotspots]`.

use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind};

use crate::alarms::register;
use crate::compliance::{Statement, state};
use crate::pinned::{Need, Pinned};
use crate::ranking::rankable;
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, SourceChoice};

/// Which hot spots are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotspotRequest {
    /// Key of the parameter, `tsp`.
    pub parameter: String,
    /// The period.
    pub period: Period,
    /// Which hourly means are used.
    pub source: SourceChoice,
    /// The version of `observations` to read; the newest when absent.
    pub observations_version: Option<u64>,
}

/// The places, in the columns of `sql/hotspots.sql`.
///
/// # Errors
/// As [`rank`](crate::rank).
pub async fn hotspots(
    lake: &Lake,
    settings: &Settings,
    request: &HotspotRequest,
) -> Result<Statement, AnalyticsError> {
    let parameter = rankable(settings, &request.parameter)?;
    let need = Need {
        parameter: Some(&parameter.key),
        periods: &[request.period],
        source: request.source,
        observations_version: request.observations_version,
        qc_version: None,
    };
    let pinned = Pinned::open(lake, settings, &need).await?;
    register(
        pinned.session.context(),
        lake.read(TableKind::Alarms, None).await?,
    )
    .await?;
    let whole = |number: u32| Value::Sql(format!("{number}.0"));
    let values = [
        ("parameter", Value::Text(parameter.key.clone())),
        ("first", Value::Day(request.period.first())),
        ("last", Value::Day(request.period.last())),
        ("decimals", Value::Integer(parameter.published_decimals.into())),
        ("published", sql::published_type(parameter.published_decimals)),
        ("min_hours", Value::Integer(settings.hotspots.min_hours.into())),
        ("grid", whole(settings.hotspots.grid_m)),
        ("radius", whole(settings.hotspots.radius_m)),
        (
            "latitude",
            Value::Sql(format!("CAST({:?} AS DOUBLE)", latitude(settings))),
        ),
    ];
    state(&pinned, &sql::bind(sql::HOTSPOTS, &values)?).await
}

/// The mean latitude of the district's townships, of its stations where townships have none; 40° where nothing has.
fn latitude(settings: &Settings) -> f64 {
    let own = settings.district.code.as_str();
    let registry = &settings.registry;
    let townships = registry
        .townships()
        .iter()
        .filter(|township| township.district == own);
    let mut all: Vec<f64> = townships.filter_map(|township| township.lat).collect();
    if all.is_empty() {
        all = registry
            .stations()
            .iter()
            .filter_map(|station| station.lat)
            .collect();
    }
    if all.is_empty() {
        40.0
    } else {
        all.iter().sum::<f64>() / all.len() as f64
    }
}
