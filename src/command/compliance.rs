//! `compliance`: did the district and its townships meet GB 3095 in a period?

use anyhow::Context;
use dustwatch_analytics::{ComplianceRequest, Period, Statement, Table, compliance};
use dustwatch_config::Settings;
use dustwatch_lake::Lake;

use super::rank::source;
use crate::cli::{ComplianceArgs, Printed};
use crate::output::print;

/// Prints a statement of compliance.
pub(crate) async fn run(settings: &Settings, args: ComplianceArgs) -> anyhow::Result<()> {
    let period: Period = args
        .period
        .parse()
        .map_err(dustwatch_analytics::AnalyticsError::from)?;
    let mut request = ComplianceRequest::new(&args.parameter, period);
    request.scope = args.scope.parse()?;
    request.source = source(&args.read);
    request.observations_version = args.read.as_of;
    let statement = compliance(&Lake::new(settings)?, settings, &request)
        .await
        .context("compliance")?;
    print_statement(&statement, args.printed)
}

/// Prints an answer, and on standard error what it was made from.
pub(super) fn print_statement(statement: &Statement, printed: Printed) -> anyhow::Result<()> {
    if let Some(version) = statement.provenance.observations_version {
        eprintln!(
            "from version {version} of the observations, {}",
            statement.provenance.source
        );
    }
    print(&Table::from_result(&statement.rows)?, printed.format)
}
