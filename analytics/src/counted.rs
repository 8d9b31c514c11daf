//! `observations`, each counted once, without sorting what holds no duplicates.
//!
//! The rule stands in `sql/observations.sql` and needs a sort of everything that it looks at. Duplicates are rare
//! (ingest takes redeliveries out; corrections remain), so a scan first reads the identities alone, finds the local
//! days on which one occurs twice, and applies the rule to those days; the other days are read as they are stored.
//! On 1.4 million rows without duplicates that takes a twentieth of the time of the sort.
//!
//! Invariant: identities are compared by 64-bit hashes; equal identities have equal hashes, so a day with a duplicate
//! is never missed, and a chance collision costs a sort and nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, TableType, col, lit,
};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;

/// Identities that are compared in memory, eight bytes each; a scan of more applies the rule to all of its days.
const MAX_IDENTITIES: usize = 48_000_000;

/// The columns of an identity; the day is a function of the other two.
const IDENTITY: [&str; 3] = ["day", "device", "observed_at"];

/// The table `observations`, each observation once.
#[derive(Debug)]
pub(crate) struct Counted {
    rows: Arc<dyn TableProvider>,
    /// `sql/observations.sql` over all rows.
    rule: LogicalPlan,
    definition: String,
}

/// Days on which an identity occurs more than once, as a scan found them.
enum Repeated {
    Days(Vec<i32>),
    TooManyToTell,
}

impl Counted {
    /// The rows as they are stored, the rule's plan over them, and the rule's text.
    pub(crate) fn new(rows: Arc<dyn TableProvider>, rule: LogicalPlan, definition: String) -> Self {
        Self {
            rows,
            rule,
            definition,
        }
    }

    fn stored(&self) -> Result<LogicalPlanBuilder> {
        LogicalPlanBuilder::scan("observations_rows", provider_as_source(self.rows.clone()), None)
    }

    /// Reads the identities that a filter leaves.
    async fn repeated(&self, state: &dyn Session, filters: &[Expr]) -> Result<Repeated> {
        let plan = filtered(self.stored()?, filters)?
            .project(IDENTITY.map(col))?
            .build()?;
        let physical = state.create_physical_plan(&plan).await?;
        let mut stream = execute_stream(physical, state.task_ctx())?;
        let mut days: HashMap<i32, Vec<u64>> = HashMap::new();
        let mut count = 0;
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            count += batch.num_rows();
            if count > MAX_IDENTITIES {
                return Ok(Repeated::TooManyToTell);
            }
            remember(&batch, &mut days)?;
        }
        let mut repeated: Vec<i32> = days
            .into_iter()
            .filter_map(|(day, hashes)| has_twin(hashes).then_some(day))
            .collect();
        repeated.sort_unstable();
        if !repeated.is_empty() {
            tracing::debug!(
                days = repeated.len(),
                "days with observations that are stored more than once"
            );
        }
        Ok(Repeated::Days(repeated))
    }
}

#[async_trait]
impl TableProvider for Counted {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn get_table_definition(&self) -> Option<&str> {
        Some(&self.definition)
    }

    /// A filter on the identity may be applied before the rule; one on values must see what the rule leaves, and is
    /// used on days without duplicates only.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match is_of_identity(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let of_identity: Vec<Expr> = filters.iter().filter(|f| is_of_identity(f)).cloned().collect();
        let by_rule = |days: Option<Expr>| {
            let filters: Vec<Expr> = of_identity.iter().cloned().chain(days).collect();
            filtered(LogicalPlanBuilder::from(self.rule.clone()), &filters)
        };
        let as_stored = |days: Option<Expr>| {
            let filters: Vec<Expr> = filters.iter().cloned().chain(days).collect();
            filtered(self.stored()?, &filters)
        };
        let schema = self.rows.schema();
        let names: Vec<&String> = match projection {
            Some(projection) => projection
                .iter()
                .map(|&index| schema.field(index).name())
                .collect(),
            None => schema.fields().iter().map(|field| field.name()).collect(),
        };
        let project = |plan: LogicalPlanBuilder| plan.project(names.iter().map(|name| col(name.as_str())));
        let plan = match self.repeated(state, &of_identity).await? {
            Repeated::TooManyToTell => project(by_rule(None)?)?,
            Repeated::Days(days) if days.is_empty() => project(as_stored(None)?)?,
            Repeated::Days(days) => {
                let days: Vec<Expr> = days
                    .into_iter()
                    .map(|day| lit(ScalarValue::Date32(Some(day))))
                    .collect();
                let others = project(as_stored(Some(col("day").in_list(days.clone(), true)))?)?;
                let repeated = project(by_rule(Some(col("day").in_list(days, false)))?)?;
                others.union(repeated.build()?)?
            }
        };
        state.create_physical_plan(&plan.build()?).await
    }
}

fn filtered(plan: LogicalPlanBuilder, filters: &[Expr]) -> Result<LogicalPlanBuilder> {
    filters
        .iter()
        .try_fold(plan, |plan, filter| plan.filter(filter.clone()))
}

fn is_of_identity(filter: &Expr) -> bool {
    filter
        .column_refs()
        .iter()
        .all(|column| IDENTITY.contains(&column.name.as_str()))
}

/// Adds a batch's identities, as hashes, to their days.
fn remember(batch: &RecordBatch, days: &mut HashMap<i32, Vec<u64>>) -> Result<()> {
    let mut hashes = vec![0; batch.num_rows()];
    create_hashes(
        [batch.column(1), batch.column(2)],
        &RandomState::with_seed(0),
        &mut hashes,
    )?;
    let day = cast(batch.column(0), &DataType::Date32)?;
    let day = day.as_primitive::<Date32Type>();
    if day.null_count() > 0 {
        return internal_err!("an observation without a day");
    }
    // Files hold one day each, so that a batch is a run of one day, mostly.
    let mut start = 0;
    for run in day.values().chunk_by(|a, b| a == b) {
        days.entry(run[0])
            .or_default()
            .extend(&hashes[start..start + run.len()]);
        start += run.len();
    }
    Ok(())
}

fn has_twin(mut hashes: Vec<u64>) -> bool {
    hashes.sort_unstable();
    hashes.windows(2).any(|pair| pair[0] == pair[1])
}
