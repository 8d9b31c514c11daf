//! `city-bulletin import|list|check`: the city's lists of its worst townships, and what the rules make of them.

use anyhow::Context;
use dustwatch_analytics::{
    AnalyticsError, BulletinImport, CheckRequest, Period, Table, bulletin_list, check_bulletins,
    import_bulletin,
};
use dustwatch_config::Settings;
use dustwatch_lake::Lake;
use dustwatch_observation::{Clock, SystemClock};

use super::sheet::tell;
use crate::cli::CityBulletinCommand;
use crate::output::print;

/// Imports a list, prints what was imported, or checks the rules.
pub(crate) async fn run(settings: &Settings, command: CityBulletinCommand) -> anyhow::Result<()> {
    let lake = Lake::new(settings)?;
    match command {
        CityBulletinCommand::Import(args) => {
            let request = BulletinImport {
                file: args.file,
                parameter: args.parameter,
                period: period(&args.period)?,
                now: SystemClock.now(),
            };
            let imported = import_bulletin(&lake, settings, &request)
                .await
                .context("city-bulletin import")?;
            for township in &imported.withdrawn {
                eprintln!("withdrawn, for the list does not name it any more: {township}");
            }
            tell(&request.file, &imported.report, args.printed.format)
        }
        CityBulletinCommand::List {
            period: text,
            parameter,
            printed,
        } => {
            let within = text.as_deref().map(period).transpose()?;
            let found = bulletin_list(&lake, settings, parameter.as_deref(), within)
                .await
                .context("city-bulletin list")?;
            print(&Table::from_result(&found)?, printed.format)
        }
        CityBulletinCommand::Check {
            period: text,
            printed,
        } => {
            let request = CheckRequest {
                period: period(&text)?,
                now: SystemClock.now(),
            };
            let check = check_bulletins(&lake, settings, &request)
                .await
                .context("city-bulletin check")?;
            let violations: usize = check.bulletins.iter().map(|list| list.violations.len()).sum();
            eprintln!(
                "lists that lie in {}: {}; townships of {} on them: {violations}",
                request.period,
                check.bulletins.len(),
                settings.district.name
            );
            print(&check.table(), printed.format)
        }
    }
}

fn period(text: &str) -> Result<Period, AnalyticsError> {
    Ok(text.parse::<Period>()?)
}
