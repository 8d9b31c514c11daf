//! Sessions: the tables at pinned versions, as views that state the rules.
//!
//! A session sees `observations` (each counted once), `readings`, `flags_daily`, `hourly`, `daily`, `township_daily`,
//! `district_daily`, the same with the hours of a statement of compliance, `area_daily` and `aqi_daily`, `rejected`,
//! `rejected_replays`, and the configuration as `stations`, `townships`, `parameters`, `standards`, `limits`,
//! `breakpoints`, `dustfall_points`, the lists and settings of quality control; its `qc_flags`, `qc_excluded` and
//! `corrected`; the tables that people hand in (`enforcement`, `city_bulletin`, `dustfall`, …), each
//! entry once; the tables as they are stored are `observations_rows`, `hourly_rows` and so on. docs/sql.md tells them. All
//! sessions of a process share one bounded memory pool. Timestamps are UTC; `local_day` and `local_time` know the district's time zone.
//!
//! Invariant: what a session reads does not move while it lives.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Date32Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::datasource::{MemTable, ViewTable};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use dustwatch_config::Settings;
use dustwatch_lake::{Lake, TableKind, TableVersion, flag_column};

use crate::counted::Counted;
use crate::sql::{self, Value};
use crate::views::Views;
use crate::{AnalyticsError, alarms, dimensions, dustfall, functions, qc, questions};

/// Memory that all queries of a process may use together; beyond it sorts and aggregates spill to disk.
const MEMORY_LIMIT: usize = 1 << 30;

/// Largest spill of all queries together.
const SPILL_LIMIT: u64 = 16 << 30;

static RUNTIME: LazyLock<Result<Arc<RuntimeEnv>, String>> = LazyLock::new(|| {
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(MEMORY_LIMIT)))
        .with_max_temp_directory_size(SPILL_LIMIT)
        .build_arc()
        .map_err(|error| error.to_string())
});

/// The tables at pinned versions, ready to be asked.
#[derive(Clone)]
pub struct Session {
    context: SessionContext,
    views: Arc<Views>,
    observations_version: Option<u64>,
    hourly_version: Option<u64>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("observations_version", &self.observations_version)
            .field("hourly_version", &self.hourly_version)
            .finish_non_exhaustive()
    }
}

/// Hourly means computed just now, and the local days (days since 1970) that they replace in the rollup.
#[derive(Debug, Clone)]
pub(crate) struct FreshHours {
    pub(crate) days: Vec<i32>,
    pub(crate) rows: Vec<RecordBatch>,
}

impl Session {
    /// The newest version of every table. `hourly` is the rollup as it stands; a warning tells when it is behind.
    ///
    /// # Errors
    /// [`AnalyticsError::Lake`] when a table cannot be read.
    pub async fn open(lake: &Lake, settings: &Settings) -> Result<Self, AnalyticsError> {
        let observations = lake.read(TableKind::Observations, None).await?;
        let hourly = lake.read(TableKind::Hourly, None).await?;
        let source = lake.rollup_source().await?;
        if source != observations.version {
            tracing::warn!(
                rollup.source = source,
                observations.version = observations.version,
                "the rollup is behind the observations: hourly and daily means lack the newest data until it is rolled up"
            );
        }
        let session = Self::with(settings, &observations, Some((&hourly, None))).await?;
        let rejected = lake.read(TableKind::Rejected, None).await?;
        session.context.register_table("rejected", rejected.provider)?;
        let replays = lake.read(TableKind::Replays, None).await?;
        session
            .context
            .register_table("rejected_replays", replays.provider)?;
        qc::register(&session.context, lake, settings, observations.version).await?;
        alarms::register(&session.context, lake.read(TableKind::Alarms, None).await?).await?;
        for kind in TableKind::ALL.into_iter().filter(|kind| !kind.key().is_empty()) {
            register_handed_in(&session.context, &lake.read(kind, None).await?).await?;
        }
        dustfall::register(&session.context, settings).await?;
        Ok(session)
    }

    /// These versions of tables that people hand in, beside the configuration and nothing else.
    pub(crate) async fn of_handed_in(
        settings: &Settings,
        tables: &[TableVersion],
    ) -> Result<Self, AnalyticsError> {
        let (context, views) = prepared(settings)?;
        let session = Self {
            context,
            views,
            observations_version: None,
            hourly_version: None,
        };
        for table in tables {
            register_handed_in(&session.context, table).await?;
        }
        Ok(session)
    }

    /// These versions; without hourly means the views on them are left out.
    pub(crate) async fn with(
        settings: &Settings,
        observations: &TableVersion,
        hourly: Option<(&TableVersion, Option<&FreshHours>)>,
    ) -> Result<Self, AnalyticsError> {
        let (context, views) = prepared(settings)?;
        context.register_table("observations_rows", observations.provider.clone())?;
        let columns = parameter_columns(settings, observations.provider.as_ref());
        register_observations(&context, &observations.provider).await?;
        views.define("readings", of_parameters(sql::READINGS, &columns)?);
        views.define("flags_daily", of_parameters(sql::FLAGS_DAILY, &columns)?);
        let mut session = Self {
            context,
            views,
            observations_version: observations.version,
            hourly_version: None,
        };
        if let Some((rollup, fresh)) = hourly {
            session.register_hourly(rollup, fresh).await?;
        }
        Ok(session)
    }

    async fn register_hourly(
        &mut self,
        rollup: &TableVersion,
        fresh: Option<&FreshHours>,
    ) -> Result<(), AnalyticsError> {
        let context = &self.context;
        context.register_table("hourly_rows", rollup.provider.clone())?;
        match fresh {
            None => context
                .register_table("hourly", rollup.provider.clone())
                .map(|_| ())?,
            Some(fresh) => {
                let schema = dustwatch_lake::hourly_schema();
                let rows = MemTable::try_new(schema, vec![fresh.rows.clone()])?;
                context.register_table("hourly_fresh", Arc::new(rows))?;
                let days = Schema::new(vec![Field::new("day", DataType::Date32, false)]);
                let days = RecordBatch::try_new(
                    Arc::new(days),
                    vec![Arc::new(Date32Array::from(fresh.days.clone()))],
                )?;
                context.register_table(
                    "fresh_days",
                    Arc::new(MemTable::try_new(days.schema(), vec![vec![days]])?),
                )?;
                self.views.define("hourly", sql::bind(sql::HOURLY_CURRENT, &[])?);
            }
        }
        self.hourly_version = rollup.version;
        self.define_days("", "day_min_hours")?;
        self.define_days("compliance_", "compliance_day_min_hours")?;
        self.views.define("area_daily", sql::bind(sql::AREA_DAILY, &[])?);
        self.views.define("aqi_daily", sql::bind(sql::AQI_DAILY, &[])?);
        Ok(())
    }

    /// The views of days under one rule of validity: `daily`, `township_daily`, `district_daily`, with a prefix.
    fn define_days(&self, prefix: &str, day_min_hours: &str) -> Result<(), AnalyticsError> {
        let named = |name: &str| Value::Sql(format!("{prefix}{name}"));
        let values = [
            ("day_min_hours", Value::Sql(day_min_hours.to_owned())),
            ("daily", named("daily")),
            ("township_daily", named("township_daily")),
        ];
        for (name, text) in [
            ("daily", sql::DAILY),
            ("township_daily", sql::TOWNSHIP_DAILY),
            ("district_daily", sql::DISTRICT_DAILY),
        ] {
            self.views
                .define(&format!("{prefix}{name}"), sql::bind(text, &values)?);
        }
        Ok(())
    }

    /// The engine's session, for doors that speak other protocols. It allows everything: guard it.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// The version of `observations` that it reads; `None` when the table has not been made.
    pub fn observations_version(&self) -> Option<u64> {
        self.observations_version
    }

    /// The version of `hourly` that it reads; `None` when the table has not been made or is not read.
    pub fn hourly_version(&self) -> Option<u64> {
        self.hourly_version
    }

    /// The rows that a query of this crate gives.
    pub(crate) async fn collect(&self, sql: &str) -> Result<Vec<RecordBatch>, AnalyticsError> {
        Ok(self.context.sql(sql).await?.collect().await?)
    }
}

/// A session with the configuration's tables and the functions, and no other tables.
pub(crate) fn blank(settings: &Settings) -> Result<SessionContext, AnalyticsError> {
    Ok(prepared(settings)?.0)
}

/// The same, with the schema that its views are defined in.
fn prepared(settings: &Settings) -> Result<(SessionContext, Arc<Views>), AnalyticsError> {
    let partitions = std::thread::available_parallelism().map_or(2, usize::from).max(2);
    let config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_information_schema(true)
        .set_str("datafusion.execution.time_zone", "+00:00")
        // `pm25 = 35.2` compares exact decimals; as a double, 35.2 would equal no stored value.
        .set_bool("datafusion.sql_parser.parse_float_as_decimal", true);
    let runtime = RUNTIME
        .as_ref()
        .map_err(|message| AnalyticsError::Defect(message.clone()))?;
    let context = SessionContext::new_with_config_rt(config, runtime.clone());
    let views = Views::install(&context)?;
    functions::register(&context, settings.district.timezone);
    questions::register(&context, settings);
    for (name, table) in dimensions::tables(settings)? {
        context.register_table(name, table)?;
    }
    Ok((context, views))
}

/// Registers a table that people hand in: as stored under its name and `_rows`, each entry once under its name.
pub(crate) async fn register_handed_in(
    context: &SessionContext,
    table: &TableVersion,
) -> Result<(), AnalyticsError> {
    let name = table.kind.name();
    let rows = format!("{name}_rows");
    context.register_table(&rows, table.provider.clone())?;
    let key: Vec<String> = table
        .kind
        .key()
        .iter()
        .map(|column| sql::identifier(column))
        .collect();
    let values = [("rows", Value::Sql(rows)), ("key", Value::Sql(key.join(", ")))];
    view(context, name, &sql::bind(sql::HANDED_IN, &values)?).await
}

/// The table `observations` over `observations_rows`.
async fn register_observations(
    context: &SessionContext,
    rows: &Arc<dyn TableProvider>,
) -> Result<(), AnalyticsError> {
    let named = ["day", "device", "observed_at", "received_at", "epoch", "seq"];
    let schema = rows.schema();
    let others = schema
        .fields()
        .iter()
        .map(|field| field.name())
        .filter(|name| !named.contains(&name.as_str()));
    let others: Vec<String> = others
        .map(|name| format!("{} DESC NULLS LAST", sql::identifier(name)))
        .collect();
    let text = sql::bind(sql::OBSERVATIONS, &[("others", Value::Sql(others.join(", ")))])?;
    let rule = context.sql(&text).await?.into_unoptimized_plan();
    context.register_table("observations", Arc::new(Counted::new(rows.clone(), rule, text)))?;
    Ok(())
}

/// The view `readings` over `observations`: one branch a parameter.
pub(crate) async fn register_readings(
    context: &SessionContext,
    parameters: &[String],
) -> Result<(), AnalyticsError> {
    view(context, "readings", &of_parameters(sql::READINGS, parameters)?).await
}

/// A text once for each parameter.
fn of_parameters(text: &str, parameters: &[String]) -> Result<String, AnalyticsError> {
    let mut branches = Vec::with_capacity(parameters.len());
    for key in parameters {
        let values = [
            ("parameter", Value::Text(key.clone())),
            ("value", Value::Sql(sql::identifier(key))),
            ("flag", Value::Sql(sql::identifier(&flag_column(key)))),
        ];
        branches.push(sql::bind(text, &values)?);
    }
    Ok(branches.join("UNION ALL\n"))
}

/// The parameters that a table has columns for: one that the configuration gained has none until it is written.
pub(crate) fn parameter_columns(settings: &Settings, table: &dyn TableProvider) -> Vec<String> {
    let schema = table.schema();
    let has = |name: &str| schema.column_with_name(name).is_some();
    let keys = settings.parameters.iter().map(|(_, p)| p.key.clone());
    keys.filter(|key| has(key) && has(&flag_column(key))).collect()
}

/// Registers a query under a name.
pub(crate) async fn view(context: &SessionContext, name: &str, text: &str) -> Result<(), AnalyticsError> {
    let plan = context.sql(text).await?.into_unoptimized_plan();
    context.register_table(name, Arc::new(ViewTable::new(plan, Some(text.to_owned()))))?;
    Ok(())
}
