//! `query`: the tables in SQL, read-only.

use anyhow::Context;
use dustwatch_analytics::{Table, query};
use dustwatch_config::Settings;
use dustwatch_lake::Lake;

use crate::cli::QueryArgs;
use crate::output::print;

/// Prints the answer to a question.
pub(crate) async fn run(settings: &Settings, args: QueryArgs) -> anyhow::Result<()> {
    print(&ask(settings, &args.sql).await?, args.printed.format)
}

/// The answer to a question as a table.
pub(crate) async fn ask(settings: &Settings, sql: &str) -> anyhow::Result<Table> {
    let lake = Lake::new(settings)?;
    let answer = query(&lake, settings, sql).await.context("query")?;
    Ok(Table::from_result(&answer)?)
}
