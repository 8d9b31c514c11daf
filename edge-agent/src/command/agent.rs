//! `dustwatch-edge run` and `dustwatch-edge check`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use comfy_table::{Table, presets};
use dustwatch_edge::agent::run_agent;
use dustwatch_edge::check::{Finding, check};
use dustwatch_edge::settings::AgentSettings;
use dustwatch_edge::{EdgeError, Progress, Shutdown, Trouble};
use dustwatch_observation::SystemClock;

use super::broker::BrokerArgs;

#[derive(Debug, clap::Args)]
pub(super) struct AgentArgs {
    /// The agent's settings.
    #[arg(long, value_name = "FILE", default_value = "edge.toml")]
    config: PathBuf,
    #[command(flatten)]
    broker: BrokerArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    agent: AgentArgs,
    /// How the findings are printed.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

impl AgentArgs {
    fn settings(&self) -> Result<AgentSettings, EdgeError> {
        let mut settings = AgentSettings::load(&self.config)?;
        let broker = self
            .broker
            .over(&settings.broker, settings.tls, settings.username)?;
        (settings.broker, settings.tls, settings.username) = (broker.address, broker.tls, broker.username);
        Ok(settings)
    }
}

/// Runs the agent until stopped; what is unconfirmed is kept, so that is no failure.
pub(super) async fn run(args: AgentArgs, trouble: Trouble) -> anyhow::Result<bool> {
    let settings = args.settings()?;
    let password = std::env::var(dustwatch_config::PASSWORD_VARIABLE).ok();
    let progress = Arc::new(Progress::default());
    run_agent(
        settings,
        password,
        Arc::new(SystemClock),
        progress,
        trouble,
        Shutdown::on_signals(),
    )
    .await?;
    Ok(true)
}

/// Tries everything once and prints what was found.
pub(super) async fn run_check(args: CheckArgs) -> anyhow::Result<bool> {
    let settings = args.agent.settings()?;
    let password = std::env::var(dustwatch_config::PASSWORD_VARIABLE).ok();
    let findings = check(&settings, password, Arc::new(SystemClock)).await;
    print(&findings, args.format);
    Ok(findings.iter().all(|finding| finding.ok))
}

fn print(findings: &[Finding], format: Format) {
    let word = |finding: &Finding| if finding.ok { "ok" } else { "failed" };
    match format {
        Format::Table => {
            let mut table = Table::new();
            table
                .load_preset(presets::UTF8_BORDERS_ONLY)
                .set_header(["what", "state", "detail"]);
            for finding in findings {
                table.add_row([&finding.what, word(finding), &finding.detail]);
            }
            println!("{table}");
        }
        Format::Csv => {
            println!("what,state,detail");
            for finding in findings {
                let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
                println!(
                    "{},{},{}",
                    quoted(&finding.what),
                    word(finding),
                    quoted(&finding.detail)
                );
            }
        }
        Format::Json => {
            let list: Vec<_> = findings
                .iter()
                .map(|f| serde_json::json!({"what": f.what, "state": word(f), "detail": f.detail}))
                .collect();
            println!("{}", serde_json::Value::Array(list));
        }
    }
}
