//! Statements of compliance: did the district and its townships meet GB 3095 in a period?
//!
//! Place on the way: hourly means in, one row a unit out. The rules stand in `sql/daily.sql` (with the hours that a
//! statement of compliance wants), `sql/area_daily.sql` and `sql/compliance.sql`. Invariant: a period with too little
//! data has no mean and no verdict, and is listed all the same.

use dustwatch_config::Settings;
use dustwatch_lake::Lake;

use crate::pinned::{Need, Pinned};
use crate::ranking::rankable;
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, PeriodKind, Provenance, QueryResult, Scope, SourceChoice, query};

/// What is to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComplianceRequest {
    /// `tsp`, `pm25` or `pm10`.
    pub parameter: String,
    /// The period; annual limits judge years only.
    pub period: Period,
    /// The district and its townships, or all districts and townships.
    pub scope: Scope,
    /// Which hourly means are used.
    pub source: SourceChoice,
    /// The version of `observations` to read; the newest when absent.
    pub observations_version: Option<u64>,
}

impl ComplianceRequest {
    /// The district's compliance by the newest data.
    pub fn new(parameter: &str, period: Period) -> Self {
        Self {
            parameter: parameter.to_owned(),
            period,
            scope: Scope::default(),
            source: SourceChoice::default(),
            observations_version: None,
        }
    }
}

/// An answer in the columns of its SQL file.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The rows.
    pub rows: QueryResult,
    /// What it was made from.
    pub provenance: Provenance,
}

/// Judges a period: one row for each district, then one for each township, in the columns of `sql/compliance.sql`.
///
/// # Errors
/// As [`rank`](crate::rank).
pub async fn compliance(
    lake: &Lake,
    settings: &Settings,
    request: &ComplianceRequest,
) -> Result<Statement, AnalyticsError> {
    let text = compliance_text(settings, request)?;
    let need = Need {
        parameter: Some(&request.parameter),
        periods: &[request.period],
        source: request.source,
        observations_version: request.observations_version,
        qc_version: None,
    };
    let pinned = Pinned::open(lake, settings, &need).await?;
    state(&pinned, &text).await
}

/// The answer of a pinned session to a question.
pub(crate) async fn state(pinned: &Pinned, text: &str) -> Result<Statement, AnalyticsError> {
    Ok(Statement {
        rows: query::rows(pinned.session.context(), text).await?,
        provenance: pinned.provenance,
    })
}

/// The question of `compliance.sql` for a request.
pub(crate) fn compliance_text(
    settings: &Settings,
    request: &ComplianceRequest,
) -> Result<String, AnalyticsError> {
    let parameter = rankable(settings, &request.parameter)?;
    let period = request.period;
    let validity = period.compliance_validity(&settings.standards, &parameter.key);
    let mut values = validity.values().to_vec();
    values.extend([
        ("parameter", Value::Text(parameter.key.clone())),
        ("decimals", Value::Integer(parameter.published_decimals.into())),
        ("published", sql::published_type(parameter.published_decimals)),
        ("district", Value::Text(settings.district.code.to_string())),
        ("district_name", Value::Text(settings.district.name.clone())),
        ("city", Value::Bool(request.scope == Scope::City)),
        ("first", Value::Day(period.first())),
        ("last", Value::Day(period.last())),
        (
            "day_min_hours",
            Value::Integer(compliance_hours(settings, &parameter.key).into()),
        ),
        ("year", Value::Bool(period.kind() == PeriodKind::Year)),
        ("full", Value::Bool(settings.rules.limit_compare == "full")),
    ]);
    sql::bind(sql::COMPLIANCE, &values)
}

/// Hourly means that a particle day needs in a statement of compliance. GB 3095 table 4.
const COMPLIANCE_DAY_MIN_HOURS: u8 = 20;

/// The valid hours that a day needs in a statement of compliance: `standards.tsp_day_min_hours` for TSP; for the others
/// 20, or `day_min_hours` of `parameters.toml` if that is stricter.
pub(crate) fn compliance_hours(settings: &Settings, parameter: &str) -> u8 {
    if parameter == "tsp" {
        return settings.standards.tsp_day_min_hours;
    }
    let own = settings
        .parameters
        .find(parameter)
        .map(|id| settings.parameters.get(id).day_min_hours);
    own.unwrap_or(0).max(COMPLIANCE_DAY_MIN_HOURS)
}
