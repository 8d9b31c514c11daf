//! `rejected list`.

use dustwatch_config::Settings;
use dustwatch_observation::Reason;

use super::Usage;
use super::query::ask;
use crate::cli::RejectedCommand;
use crate::output::print;

/// Lists rejections, newest first.
pub(crate) async fn run(settings: &Settings, command: RejectedCommand) -> anyhow::Result<()> {
    let RejectedCommand::List {
        reason,
        limit,
        printed,
    } = command;
    let filter = match reason {
        None => String::new(),
        Some(code) => {
            let reason = Reason::from_code(&code).ok_or_else(|| {
                let codes: Vec<&str> = Reason::ALL.iter().map(|r| r.code()).collect();
                Usage(format!("reason {code:?} is none of {}", codes.join(", ")))
            })?;
            format!("WHERE reason = '{}'", reason.code())
        }
    };
    let sql = include_str!("../../analytics/sql/rejected_list.sql").replace("-- {filter}", &filter);
    print(
        &ask(settings, &format!("{sql} LIMIT {limit}")).await?,
        printed.format,
    )
}
