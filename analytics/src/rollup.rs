//! The rollup: hourly means, kept as the table `hourly`.
//!
//! Place on the way: observations in, `hourly` out; rankings and notices read that. The rule stands in
//! `sql/hourly.sql`. Days that commits touched since the last rollup are computed anew, whole, and replaced in one
//! commit that carries the version of the observations, and that of the flags of quality control, whose changes count
//! like those of observations. Invariant: the rollup is a function of the observations, the flags and the configuration;
//! rebuilding it from scratch gives the same rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, Date32Type, SchemaRef};
use datafusion::datasource::MemTable;
use dustwatch_config::Settings;
use dustwatch_lake::{
    DayRows, Lake, LocalDays, ROLLUP_SOURCE, Replace, TableKind, TableVersion, TouchedDays, flag_column,
    hourly_schema,
};

use crate::qc::{FlagMark, Flags, register_excluded};
use crate::session::{Session, blank, parameter_columns, register_readings};
use crate::sql;
use crate::{AnalyticsError, columns};

/// Observations that are held in memory at once, about; one day is the least.
const CHUNK_ROWS: usize = 400_000;

/// Days that are computed at once, at most.
const CHUNK_DAYS: usize = 31;

/// What a rollup did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupReport {
    /// Version of `hourly` that holds the rows; `None` when there is nothing to roll up yet.
    pub version: Option<u64>,
    /// Version of `observations` that they were made from.
    pub source_version: Option<u64>,
    /// Local days that were computed.
    pub days: usize,
    /// Hourly means of those days.
    pub rows: u64,
}

/// How far a rollup has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollupProgress {
    /// Days that are computed.
    pub done: usize,
    /// Days that there are to compute.
    pub total: usize,
}

/// Brings the rollup up to the newest observations and flags: only days that changed are computed. Does nothing when
/// there is nothing new.
///
/// # Errors
/// [`AnalyticsError::Lake`] when a table fails; nothing was committed then.
pub async fn roll_up(
    lake: &Lake,
    settings: &Settings,
    progress: impl FnMut(RollupProgress) + Send,
) -> Result<RollupReport, AnalyticsError> {
    let observations = lake.read(TableKind::Observations, None).await?;
    let Some(until) = observations.version else {
        return nothing(lake, None).await;
    };
    let flags = Flags::pinned(lake, settings, None, until).await?;
    let (source, made_with) = FlagMark::of_rollup(lake).await?;
    let touched = match source {
        Some(since) if since == until && made_with == flags.mark() => {
            return nothing(lake, Some(until)).await;
        }
        Some(since) if since <= until => {
            let mut touched = lake.touched_days(since, until).await?;
            touched.extend(made_with.changed(flags.mark(), lake).await?);
            touched
        }
        _ => TouchedDays::Unknown,
    };
    let (days, which) = match touched {
        TouchedDays::Days(days) => (days, Replace::Days),
        TouchedDays::Unknown => (lake.days(until).await?, Replace::All),
    };
    replace(lake, settings, (&observations, &flags), days, which, progress).await
}

/// Computes every day anew and replaces the whole rollup: needed after stations, intervals or standards changed.
///
/// # Errors
/// As [`roll_up`].
pub async fn rebuild(
    lake: &Lake,
    settings: &Settings,
    progress: impl FnMut(RollupProgress) + Send,
) -> Result<RollupReport, AnalyticsError> {
    let observations = lake.read(TableKind::Observations, None).await?;
    let Some(until) = observations.version else {
        return nothing(lake, None).await;
    };
    let flags = Flags::pinned(lake, settings, None, until).await?;
    let days = lake.days(until).await?;
    replace(
        lake,
        settings,
        (&observations, &flags),
        days,
        Replace::All,
        progress,
    )
    .await
}

async fn nothing(lake: &Lake, source_version: Option<u64>) -> Result<RollupReport, AnalyticsError> {
    let version = lake.version(TableKind::Hourly).await?;
    Ok(RollupReport {
        version,
        source_version,
        days: 0,
        rows: 0,
    })
}

async fn replace(
    lake: &Lake,
    settings: &Settings,
    (observations, flags): (&TableVersion, &Flags),
    days: BTreeSet<i32>,
    replace: Replace,
    progress: impl FnMut(RollupProgress) + Send,
) -> Result<RollupReport, AnalyticsError> {
    let source = observations.version.unwrap_or(0);
    let mut rows = Vec::with_capacity(days.len());
    let count = days.len();
    let local = LocalDays::new(settings.district.timezone);
    for (day, batch) in compute_days(settings, (observations, flags), days, None, progress).await? {
        let span = local
            .span_of(day)
            .ok_or_else(|| AnalyticsError::Defect(format!("day {day} is no day")))?;
        rows.push(DayRows { span, rows: batch });
    }
    let [version, rule] = flags.mark().marks();
    let marks = [
        (ROLLUP_SOURCE, i64::try_from(source).unwrap_or(i64::MAX)),
        version,
        rule,
    ];
    let commit = lake
        .replace_days(TableKind::Hourly, &rows, replace, &marks)
        .await?;
    tracing::info!(
        hourly.version = commit.version,
        observations.version = source,
        days = count,
        rows = commit.rows,
        "rolled up"
    );
    Ok(RollupReport {
        version: Some(commit.version),
        source_version: Some(source),
        days: count,
        rows: commit.rows,
    })
}

/// The hourly means of local days (days since 1970), in the columns of `hourly`, for one parameter or for all. Every
/// day that is asked for is in the answer, with no rows when it has none.
pub(crate) async fn compute_days(
    settings: &Settings,
    (observations, flags): (&TableVersion, &Flags),
    days: BTreeSet<i32>,
    parameter: Option<&str>,
    mut progress: impl FnMut(RollupProgress) + Send,
) -> Result<Vec<(i32, RecordBatch)>, AnalyticsError> {
    let mut parameters = parameter_columns(settings, observations.provider.as_ref());
    parameters.retain(|key| parameter.is_none_or(|wanted| wanted == key));
    let schema = hourly_schema();
    let empty = |day: &i32| (*day, RecordBatch::new_empty(schema.clone()));
    let days: Vec<i32> = days.into_iter().collect();
    let total = days.len();
    if parameters.is_empty() {
        return Ok(days.iter().map(empty).collect());
    }
    let session = Session::with(settings, observations, None).await?;
    let mut out = Vec::with_capacity(total);
    let (mut done, mut size) = (0, 1);
    while done < total {
        let chunk = &days[done..total.min(done + size)];
        let rows = observations_of(&session, chunk, &parameters).await?;
        let count: usize = rows.iter().map(RecordBatch::num_rows).sum();
        let excluded = flags.excluded(settings, chunk).await?;
        let hours = hours_of(settings, rows, excluded, &parameters).await?;
        split(&hours, chunk, &schema, &mut out)?;
        done += chunk.len();
        progress(RollupProgress { done, total });
        let a_day = count.div_ceil(chunk.len()).max(1);
        size = (CHUNK_ROWS / a_day).clamp(1, CHUNK_DAYS);
    }
    Ok(out)
}

/// The observations of some days, each once, with the columns of some parameters.
async fn observations_of(
    session: &Session,
    days: &[i32],
    parameters: &[String],
) -> Result<Vec<RecordBatch>, AnalyticsError> {
    let of_parameters = parameters
        .iter()
        .flat_map(|key| [sql::identifier(key), sql::identifier(&flag_column(key))]);
    let columns: Vec<String> = ["device", "observed_at", "day"]
        .map(str::to_owned)
        .into_iter()
        .chain(of_parameters)
        .collect();
    let text = format!(
        "SELECT {} FROM observations WHERE day IN ({})",
        columns.join(", "),
        sql::days(days)
    );
    session.collect(&text).await
}

/// The hourly means of observations in memory, with their local day, sorted by it.
async fn hours_of(
    settings: &Settings,
    rows: Vec<RecordBatch>,
    excluded: Vec<RecordBatch>,
    parameters: &[String],
) -> Result<Vec<RecordBatch>, AnalyticsError> {
    let Some(first) = rows.first() else {
        return Ok(Vec::new());
    };
    let context = blank(settings)?;
    context.register_table(
        "observations",
        Arc::new(MemTable::try_new(first.schema(), vec![rows])?),
    )?;
    register_readings(&context, parameters).await?;
    register_excluded(&context, excluded).await?;
    Ok(context
        .sql(&sql::bind(sql::HOURLY, &[])?)
        .await?
        .collect()
        .await?)
}

/// Cuts rows that are sorted by day into one batch a day, in the columns of the table.
pub(crate) fn split(
    rows: &[RecordBatch],
    days: &[i32],
    schema: &SchemaRef,
    out: &mut Vec<(i32, RecordBatch)>,
) -> Result<(), AnalyticsError> {
    let mut of_rows: Vec<i32> = Vec::new();
    for batch in rows {
        let day = cast(columns::any(batch, "day")?, &DataType::Date32)?;
        of_rows.extend(day.as_primitive::<Date32Type>().values());
    }
    let all = concat_batches(schema, &columns::like(rows, schema)?)?;
    for day in days {
        let start = of_rows.partition_point(|d| d < day);
        let end = of_rows.partition_point(|d| d <= day);
        out.push((*day, all.slice(start, end - start)));
    }
    Ok(())
}
