//! Quality control: what is wrong with a value, told beside it.
//!
//! Place on the way: observations in, the table `qc_flags` out; the rollup leaves out the values that the view
//! `qc_excluded` names. Each test is one question, `sql/qc_q1_range.sql` to `sql/qc_q11_zeros.sql`. Days that commits
//! touched since the last run are checked anew, with their neighbours, since windows reach over midnight, and replaced
//! in one commit that carries the version of the observations and the fingerprint of the settings.
//!
//! Invariants: flags are a function of the observations and the configuration; running again gives the same ones. What
//! a device said is never changed. A flag of level `invalid` or `suspect` is about one value; a `note` is about the hour
//! that begins at its time, and excludes nothing.

mod check;
mod corrected;
mod flags;
mod run;
mod sheet;
mod suite;
mod tables;

use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind};

use crate::sql::{self, Value};
use crate::{AnalyticsError, session};
use datafusion::prelude::SessionContext;

pub(crate) use flags::{FlagMark, Flags, register_excluded};
pub use run::{QcReport, QcRequest, qc_run};
pub use sheet::{QcBy, QcFilter, qc_list, qc_summary};
pub(crate) use tables::tables;

/// Registers `qc_flags`, `qc_excluded` and `corrected` in a session that has observations and readings.
pub(crate) async fn register(
    context: &SessionContext,
    lake: &Lake,
    settings: &Settings,
    observations: Option<u64>,
) -> Result<(), AnalyticsError> {
    let flags = lake.read(TableKind::Qc, None).await?;
    if flags.version.is_some() {
        let [source] = lake.marks(TableKind::Qc, [run::SOURCE_MARK]).await?;
        flags::warn_when_behind(source, observations);
    }
    context.register_table(TableKind::Qc.name(), flags.provider)?;
    let suspect = Value::Bool(settings.qc.exclude_suspect);
    let excluded = sql::bind(sql::QC_EXCLUDED, &[("suspect", suspect)])?;
    session::view(context, "qc_excluded", &excluded).await?;
    corrected::register(context, settings).await
}
