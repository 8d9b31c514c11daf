//! `qc run|summary|list`: what is wrong with values, told beside them.

use anyhow::Context;
use dustwatch_analytics::{
    AnalyticsError, Period, QcBy, QcFilter, QcReport, QcRequest, Table, qc_list, qc_run, qc_summary,
};
use dustwatch_config::{QC_TESTS, Settings};
use dustwatch_lake::Lake;

use super::Usage;
use super::rollup::bar_of_days;
use crate::cli::{QcCommand, QcWhich};
use crate::output::print;

/// Runs the tests, or shows what they found.
pub(crate) async fn run(settings: &Settings, command: QcCommand) -> anyhow::Result<()> {
    let lake = Lake::new(settings)?;
    match command {
        QcCommand::Run { period, rebuild } => {
            let period = period.as_deref().map(parsed).transpose()?;
            let (bar, mut progress) = bar_of_days("")?;
            let report = qc_run(&lake, settings, QcRequest { period, rebuild }, &mut progress)
                .await
                .context("quality control")?;
            bar.finish_and_clear();
            say(&report);
            Ok(())
        }
        QcCommand::Summary { period, by, printed } => {
            let by = match by.as_str() {
                "township" => QcBy::Township,
                _ => QcBy::Device,
            };
            let found = qc_summary(&lake, settings, parsed(&period)?, by)
                .await
                .context("quality control")?;
            print(&Table::from_result(&found)?, printed.format)
        }
        QcCommand::List {
            which,
            limit,
            printed,
        } => {
            let found = qc_list(&lake, settings, &filter(which, limit)?)
                .await
                .context("quality control")?;
            print(&Table::from_result(&found)?, printed.format)
        }
    }
}

fn parsed(text: &str) -> Result<Period, AnalyticsError> {
    text.parse().map_err(AnalyticsError::from)
}

fn filter(which: QcWhich, limit: u32) -> anyhow::Result<QcFilter> {
    if let Some(test) = &which.test
        && !QC_TESTS.contains(&test.as_str())
    {
        let why = match test.as_str() {
            "q10" => "is not evaluated: no column tells averages from instantaneous values".to_owned(),
            _ => format!("is none of {}", QC_TESTS.join(", ")),
        };
        return Err(Usage(format!("test {test:?} {why}")).into());
    }
    Ok(QcFilter {
        period: which.period.as_deref().map(parsed).transpose()?,
        device: which.device,
        parameter: which.parameter,
        test: which.test,
        level: which.level,
        limit,
    })
}

/// Says what a run did, on standard error.
fn say(report: &QcReport) {
    let Some(version) = report.version else {
        eprintln!("quality control: there are no observations yet");
        return;
    };
    let source = match report.source_version {
        Some(source) => format!("from version {source} of the observations"),
        None => "of some days only: run without --period for all".to_owned(),
    };
    eprintln!(
        "quality control: {} days checked, {} flags, {} days changed; version {version}, {source}",
        report.days, report.flags, report.changed_days
    );
}
