//! The SQL door: any question to the tables, and nothing but questions.
//!
//! Invariants: a statement that would change a table, a setting or a file is refused before anything runs; memory is
//! bounded, by the pool of the sessions and by the size of the result.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use dustwatch_config::Settings;
use dustwatch_lake::Lake;
use futures::StreamExt;

use crate::{AnalyticsError, Session};

/// Largest result that is held in memory.
const RESULT_LIMIT_MIB: usize = 512;

/// The rows of a question, with their columns even when there are none.
#[derive(Debug, Clone)]
pub struct QueryResult {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

/// Answers one SQL question from the newest version of every table.
///
/// # Errors
/// [`AnalyticsError::ReadOnly`] for anything but a question, [`AnalyticsError::Sql`] for a wrong text,
/// [`AnalyticsError::TooLarge`] and [`AnalyticsError::Engine`] when the answer cannot be computed.
pub async fn query(lake: &Lake, settings: &Settings, sql: &str) -> Result<QueryResult, AnalyticsError> {
    ask(&Session::open(lake, settings).await?, sql).await
}

/// Answers one SQL question from the versions that a session has pinned.
///
/// # Errors
/// As [`query`].
pub async fn ask(session: &Session, sql: &str) -> Result<QueryResult, AnalyticsError> {
    let state = session.context().state();
    let plan = state.create_logical_plan(sql).await.map_err(wrong_text)?;
    guard(&plan)?;
    let frame = session
        .context()
        .execute_logical_plan(plan)
        .await
        .map_err(wrong_text)?;
    let schema: SchemaRef = frame.schema().inner().clone();
    let mut stream = frame.execute_stream().await?;
    let (mut batches, mut bytes) = (Vec::new(), 0);
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        bytes += batch.get_array_memory_size();
        if bytes > RESULT_LIMIT_MIB << 20 {
            return Err(AnalyticsError::TooLarge {
                limit_mib: RESULT_LIMIT_MIB,
            });
        }
        batches.push(batch);
    }
    Ok(QueryResult { schema, batches })
}

/// The rows of a query of this crate's own.
pub(crate) async fn rows(context: &SessionContext, sql: &str) -> Result<QueryResult, AnalyticsError> {
    let frame = context.sql(sql).await?;
    let schema: SchemaRef = frame.schema().inner().clone();
    let batches = frame.collect().await?;
    Ok(QueryResult { schema, batches })
}

/// Refuses a plan that is not a question.
///
/// # Errors
/// [`AnalyticsError::ReadOnly`] with what the plan would do.
pub fn guard(plan: &LogicalPlan) -> Result<(), AnalyticsError> {
    let options = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    options
        .verify_plan(plan)
        .map_err(|error| AnalyticsError::ReadOnly(first_line(&error)))
}

fn wrong_text(error: DataFusionError) -> AnalyticsError {
    match error.find_root() {
        DataFusionError::SQL(..)
        | DataFusionError::Plan(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::NotImplemented(_) => AnalyticsError::Sql(first_line(&error)),
        DataFusionError::Diagnostic(..) | DataFusionError::Collection(_) => {
            AnalyticsError::Sql(first_line(&error))
        }
        _ => AnalyticsError::from(error),
    }
}

/// The message without the engine's prefix and back trace.
fn first_line(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    let text = text.lines().next().unwrap_or_default();
    text.trim_start_matches("Error during planning: ").to_owned()
}
