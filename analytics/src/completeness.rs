//! How complete the data of a period are: the annex of every notice.
//!
//! The rule stands in `sql/completeness.sql`.

use dustwatch_config::Settings;
use dustwatch_lake::Lake;

use crate::pinned::{Need, Pinned};
use crate::sql::{self, Value};
use crate::{AnalyticsError, Period, Provenance, RankRequest, Scope, columns};

/// The hours of one station in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletenessRow {
    /// Code of the township that it stands in.
    pub township_code: String,
    /// The township's name.
    pub township: String,
    /// The device's id.
    pub device: String,
    /// The station's name.
    pub name: String,
    /// What it is for: `township`, `site`, `road`, `reference`.
    pub kind: String,
    /// Hours that it stood there.
    pub expected_hours: u32,
    /// Hours with a valid mean.
    pub valid_hours: u32,
}

/// The completeness of a parameter's data in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completeness {
    /// Key of the parameter.
    pub parameter: String,
    /// The period.
    pub period: Period,
    /// The stations, by township and device.
    pub rows: Vec<CompletenessRow>,
    /// What it was made from.
    pub provenance: Provenance,
}

/// Expected and valid hours of every station in a period. Of the request, the order is not used; any parameter that
/// is measured may be asked for.
///
/// # Errors
/// [`AnalyticsError::Request`] when there is no such parameter; [`AnalyticsError::Lake`] when a table cannot be read.
pub async fn completeness_summary(
    lake: &Lake,
    settings: &Settings,
    request: &RankRequest,
) -> Result<Completeness, AnalyticsError> {
    let parameter = request.parameter.as_str();
    if settings.parameters.find(parameter).is_none() {
        return Err(AnalyticsError::Request(format!(
            "parameter {parameter:?} is not in parameters.toml"
        )));
    }
    let need = Need {
        parameter: Some(parameter),
        periods: &[request.period],
        source: request.source,
        observations_version: request.observations_version,
        qc_version: request.qc_version,
    };
    let pinned = Pinned::open(lake, settings, &need).await?;
    let values = [
        ("parameter", Value::Text(parameter.to_owned())),
        ("district", Value::Text(settings.district.code.to_string())),
        ("city", Value::Bool(request.scope == Scope::City)),
        ("first", Value::Day(request.period.first())),
        ("last", Value::Day(request.period.last())),
    ];
    let mut rows = Vec::new();
    for batch in pinned
        .session
        .collect(&sql::bind(sql::COMPLETENESS, &values)?)
        .await?
    {
        let text = |name: &str| columns::texts(&batch, name);
        let (codes, townships, devices) = (text("township_code")?, text("township")?, text("device")?);
        let (names, kinds) = (text("name")?, text("kind")?);
        let expected = columns::integers(&batch, "expected_hours")?;
        let valid = columns::integers(&batch, "valid_hours")?;
        for row in 0..batch.num_rows() {
            rows.push(CompletenessRow {
                township_code: codes.value(row).to_owned(),
                township: townships.value(row).to_owned(),
                device: devices.value(row).to_owned(),
                name: names.value(row).to_owned(),
                kind: kinds.value(row).to_owned(),
                expected_hours: columns::count(&expected, row)?.unwrap_or(0),
                valid_hours: columns::count(&valid, row)?.unwrap_or(0),
            });
        }
    }
    Ok(Completeness {
        parameter: parameter.to_owned(),
        period: request.period,
        rows,
        provenance: pinned.provenance,
    })
}
