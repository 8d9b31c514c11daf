//! The views on the table `dustfall`, with the settings that they name.

use datafusion::prelude::SessionContext;
use dustwatch_config::{DistrictDustfall, Settings};
use dustwatch_lake::{Lake, TableKind};

use crate::AnalyticsError;
use crate::session::{Session, view};
use crate::sql::{self, Value};

/// Adds `dustfall_point_months`, `dustfall_monthly` and `dustfall_district_monthly` beside the view `dustfall`.
pub(crate) async fn register(context: &SessionContext, settings: &Settings) -> Result<(), AnalyticsError> {
    let dustfall = &settings.dustfall;
    let by_points = dustfall.district_dustfall == DistrictDustfall::MeanOfPoints;
    let values = [
        ("detection_limit", Value::Decimal(dustfall.detection_limit)),
        ("nd_policy", Value::Text(dustfall.nd_policy.as_str().to_owned())),
        (
            "parallel_max_percent",
            Value::Decimal(dustfall.parallel_max_percent),
        ),
        ("by_points", Value::Bool(by_points)),
    ];
    for (name, text) in [
        ("dustfall_point_months", sql::DUSTFALL_POINT_MONTHS),
        ("dustfall_monthly", sql::DUSTFALL_MONTHLY),
        ("dustfall_district_monthly", sql::DUSTFALL_DISTRICT_MONTHLY),
    ] {
        view(context, name, &sql::bind(text, &values)?).await?;
    }
    Ok(())
}

/// A session of the table `dustfall` and its views, at a version or the newest, and that version.
pub(super) async fn open(
    lake: &Lake,
    settings: &Settings,
    version: Option<u64>,
) -> Result<(Session, Option<u64>), AnalyticsError> {
    let table = lake.read(TableKind::Dustfall, version).await?;
    let session = Session::of_handed_in(settings, std::slice::from_ref(&table)).await?;
    register(session.context(), settings).await?;
    Ok((session, table.version))
}
