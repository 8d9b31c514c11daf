//! Checking local days: their observations and those of the neighbouring days in memory, every test asked of them.
//!
//! Invariant: what is said of a day depends on it and its two neighbours alone, however many days are checked at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use dustwatch_config::Settings;
use dustwatch_lake::{TableKind, TableVersion, flag_column, qc_schema};

use super::suite::{Scope, Test, wanted};
use crate::rollup::split;
use crate::session::{Session, blank, parameter_columns, register_readings, view};
use crate::sql::{self, Value, identifier};
use crate::{AnalyticsError, columns};

/// Observations that are held in memory at once, about; one monitor's days are the least.
const CHUNK_ROWS: i64 = 400_000;

/// Checks days of one version of the observations.
pub(super) struct Checker<'a> {
    settings: &'a Settings,
    session: Session,
    parameters: Vec<String>,
}

/// Flags by local day, and how many observations were read for them.
pub(super) struct Checked {
    pub(super) days: Vec<(i32, RecordBatch)>,
    pub(super) observations: usize,
}

impl<'a> Checker<'a> {
    pub(super) async fn new(
        settings: &'a Settings,
        observations: &TableVersion,
    ) -> Result<Self, AnalyticsError> {
        Ok(Self {
            settings,
            session: Session::with(settings, observations, None).await?,
            parameters: parameter_columns(settings, observations.provider.as_ref()),
        })
    }

    /// The flags of local days (days since 1970, rising), in the columns of `qc_flags`; no rows for a day without.
    pub(super) async fn check(&self, days: &[i32]) -> Result<Checked, AnalyticsError> {
        let around: BTreeSet<i32> = days.iter().flat_map(|day| [day - 1, *day, day + 1]).collect();
        let around: Vec<i32> = around.into_iter().collect();
        let (mut flags, mut hours, mut observations) = (Vec::new(), Vec::new(), 0);
        for devices in self.portions(&around).await? {
            let rows = self.observations(&around, &devices).await?;
            observations += rows.iter().map(RecordBatch::num_rows).sum::<usize>();
            let context = self.portion(rows).await?;
            for test in wanted(self.settings, Scope::Monitor) {
                flags.extend(ask(&context, test, days).await?);
            }
            if wanted(self.settings, Scope::Network).next().is_some() {
                hours.extend(collect(&context, &sql::bind(sql::QC_HOURS, &[])?).await?);
            }
        }
        if !hours.is_empty() {
            let context = blank(self.settings)?;
            context.register_table("qc_hours", memory(hours)?)?;
            for test in wanted(self.settings, Scope::Network) {
                flags.extend(ask(&context, test, days).await?);
            }
        }
        let flags = columns::like(&flags, &qc_schema())?;
        let flags = Arc::new(MemTable::try_new(qc_schema(), vec![flags])?);
        Ok(Checked {
            days: by_day(self.settings, flags, days).await?,
            observations,
        })
    }

    /// Ranges of devices, first and last, each with about as many observations as fit into memory.
    async fn portions(&self, days: &[i32]) -> Result<Vec<(String, String)>, AnalyticsError> {
        if self.parameters.is_empty() {
            return Ok(Vec::new());
        }
        let text = sql::bind(sql::QC_PORTIONS, &[("days", Value::Sql(sql::days(days)))])?;
        let mut portions: Vec<(String, String)> = Vec::new();
        let mut size = 0;
        for batch in self.session.collect(&text).await? {
            let (devices, counts) = (columns::texts(&batch, "device")?, columns::integers(&batch, "n")?);
            for row in 0..batch.num_rows() {
                let (device, count) = (devices.value(row).to_owned(), counts.value(row));
                match portions.last_mut() {
                    Some(portion) if size + count <= CHUNK_ROWS => {
                        portion.1 = device;
                        size += count;
                    }
                    _ => {
                        portions.push((device.clone(), device));
                        size = count;
                    }
                }
            }
        }
        Ok(portions)
    }

    /// The observations of some days and devices, each once.
    async fn observations(
        &self,
        days: &[i32],
        (first, last): &(String, String),
    ) -> Result<Vec<RecordBatch>, AnalyticsError> {
        let of_parameters = self
            .parameters
            .iter()
            .flat_map(|key| [identifier(key), identifier(&flag_column(key))]);
        let columns: Vec<String> = of_parameters.collect();
        let values = [
            ("columns", Value::Sql(columns.join(", "))),
            ("days", Value::Sql(sql::days(days))),
            ("first", Value::Text(first.clone())),
            ("last", Value::Text(last.clone())),
        ];
        self.session
            .collect(&sql::bind(sql::QC_OBSERVATIONS, &values)?)
            .await
    }

    /// A session in which the tests are asked about observations in memory.
    async fn portion(&self, rows: Vec<RecordBatch>) -> Result<SessionContext, AnalyticsError> {
        let context = blank(self.settings)?;
        context.register_table("observations", memory(rows)?)?;
        register_readings(&context, &self.parameters).await?;
        view(&context, "qc_readings", &sql::bind(sql::QC_READINGS, &[])?).await?;
        let count = |what: &str| {
            let counted = self.parameters.iter().map(|key| {
                let value = normal(&self.parameters, key);
                format!("CASE WHEN {value} {what} THEN 1 ELSE 0 END")
            });
            Value::Sql(counted.collect::<Vec<_>>().join(" + "))
        };
        let mut values: Vec<(&str, Value)> = ["pm25", "pm10", "tsp", "humidity"]
            .map(|key| (key, Value::Sql(normal(&self.parameters, key))))
            .to_vec();
        values.push(("present", count("IS NOT NULL")));
        values.push(("nonzero", count("<> 0")));
        view(&context, "qc_rows", &sql::bind(sql::QC_ROWS, &values)?).await?;
        Ok(context)
    }
}

/// A parameter's value where the device called it normal, as SQL; null where there is no such column.
pub(super) fn normal(parameters: &[String], key: &str) -> String {
    if !parameters.iter().any(|parameter| parameter == key) {
        return "CAST(NULL AS DECIMAL(18, 6))".to_owned();
    }
    let (value, flag) = (identifier(key), identifier(&flag_column(key)));
    format!("CASE WHEN coalesce({flag}, 'N') = 'N' THEN CAST({value} AS DECIMAL(18, 6)) END")
}

/// The flags of some days that a table has, one batch a day, in one order, so that two of them can be compared.
pub(super) async fn by_day(
    settings: &Settings,
    flags: Arc<dyn TableProvider>,
    days: &[i32],
) -> Result<Vec<(i32, RecordBatch)>, AnalyticsError> {
    let context = blank(settings)?;
    context.register_table(TableKind::Qc.name(), flags)?;
    let text = sql::bind(sql::QC_SORTED, &[("days", Value::Sql(sql::days(days)))])?;
    let mut out = Vec::with_capacity(days.len());
    split(&collect(&context, &text).await?, days, &qc_schema(), &mut out)?;
    Ok(out)
}

async fn ask(
    context: &SessionContext,
    test: &Test,
    days: &[i32],
) -> Result<Vec<RecordBatch>, AnalyticsError> {
    let text = sql::bind(test.text, &[("days", Value::Sql(sql::days(days)))])?;
    let mut rows = collect(context, &text).await?;
    rows.retain(|batch| batch.num_rows() > 0);
    Ok(rows)
}

async fn collect(context: &SessionContext, text: &str) -> Result<Vec<RecordBatch>, AnalyticsError> {
    Ok(context.sql(text).await?.collect().await?)
}

fn memory(rows: Vec<RecordBatch>) -> Result<Arc<MemTable>, AnalyticsError> {
    let first = rows
        .first()
        .ok_or_else(|| AnalyticsError::Defect("no rows to check".to_owned()))?;
    Ok(Arc::new(MemTable::try_new(first.schema(), vec![rows])?))
}
