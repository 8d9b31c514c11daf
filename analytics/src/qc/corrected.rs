//! The view `corrected`: calibrated and humidity-corrected values, beside what the device said.
//!
//! The rule stands in `sql/corrected.sql`. Invariant: it is a view over what was said; nothing is stored, and no
//! statistic is made from it.

use datafusion::prelude::SessionContext;
use dustwatch_config::Settings;

use crate::sql::{self, Value};
use crate::{AnalyticsError, session};

use super::check::normal;

/// Registers the view in a session that has observations and readings.
pub(super) async fn register(context: &SessionContext, settings: &Settings) -> Result<(), AnalyticsError> {
    let observations = context.table_provider("observations").await?;
    let columns = session::parameter_columns(settings, observations.as_ref());
    let version = settings.qc.calibrations.version.clone();
    let values = [
        ("version", Value::Text(version)),
        ("humidity", Value::Sql(normal(&columns, "humidity"))),
    ];
    session::view(context, "corrected", &sql::bind(sql::CORRECTED, &values)?).await
}
