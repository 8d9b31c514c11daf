//! Tries everything that an agent will need, once, and says what it found: for the installer, before leaving.

use std::sync::Arc;
use std::time::Duration;

use dustwatch_observation::Clock;
use tokio::sync::mpsc;

use crate::Trouble;
use crate::health::Health;
use crate::publish::{Link, LinkEvent, PublisherOptions};
use crate::settings::{AgentSettings, SourceSettings, UartSettings};
use crate::source::modbus::{Bus, ModbusSettings, read_unit};
use crate::source::{Intake, Scanner, open_uart, try_exec};
use crate::spool::Spool;
use crate::switch::Switches;

/// How long a source may take to say something.
const SOURCE_PATIENCE: Duration = Duration::from_secs(10);
/// How long the broker may take to answer.
const BROKER_PATIENCE: Duration = Duration::from_secs(5);

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was tried.
    pub what: String,
    /// Whether it works.
    pub ok: bool,
    /// What was seen.
    pub detail: String,
}

/// Tries the spool, every source and the broker.
///
/// # Panics
/// Outside a tokio runtime.
pub async fn check(
    settings: &AgentSettings,
    password: Option<String>,
    clock: Arc<dyn Clock>,
) -> Vec<Finding> {
    let mut findings = vec![spool(settings)];
    for (index, source) in settings.sources.iter().enumerate() {
        let (detail, ok) = match source_once(source, settings, &clock).await {
            Ok(detail) => (detail, true),
            Err(detail) => (detail, false),
        };
        findings.push(Finding {
            what: format!("source {}", index + 1),
            ok,
            detail,
        });
    }
    findings.push(broker(settings, password).await);
    findings
}

fn spool(settings: &AgentSettings) -> Finding {
    let what = format!("spool {}", settings.spool.display());
    match Spool::open(&settings.spool, &settings.device, false) {
        Ok(spool) => Finding {
            what,
            ok: true,
            detail: format!("epoch {}, {} records so far", spool.epoch(), spool.last()),
        },
        Err(error) => Finding {
            what,
            ok: false,
            detail: error.to_string(),
        },
    }
}

async fn source_once(
    source: &SourceSettings,
    settings: &AgentSettings,
    clock: &Arc<dyn Clock>,
) -> Result<String, String> {
    let (records, _kept) = mpsc::channel(1);
    let (switches, _seen) = Switches::new(&[]);
    let health = Health::new(&[], Arc::clone(clock), Trouble::default());
    let intake = Intake::new(settings, Arc::clone(clock), records, switches, health);
    match source {
        SourceSettings::Simulate { interval_seconds, .. } => {
            Ok(format!("invented, every {interval_seconds} s"))
        }
        SourceSettings::Uart(source) => {
            let line = source.device.display();
            let heard = tokio::time::timeout(SOURCE_PATIENCE, uart_once(source)).await;
            match heard {
                Ok(Ok(said)) => Ok(format!("{line}: {said}")),
                Ok(Err(error)) => Err(format!("{line}: {error}")),
                Err(_elapsed) => Err(format!(
                    "{line}: nothing that this module says for {} s; is it another module, or are TX and RX exchanged?",
                    SOURCE_PATIENCE.as_secs()
                )),
            }
        }
        SourceSettings::Modbus(source) => modbus_once(source, settings).await,
        SourceSettings::Hj212(source) => match tokio::net::TcpListener::bind(source.listen).await {
            Ok(_) => Ok(format!(
                "HJ 212: {} is free; values come once {} there",
                source.listen,
                match &source.loggers {
                    None => "a logger connects".to_owned(),
                    Some(loggers) => format!("the {} loggers of the list connect", loggers.len()),
                }
            )),
            Err(error) => Err(format!(
                "HJ 212: loggers cannot connect to {}: {error}",
                source.listen
            )),
        },
        SourceSettings::Exec { command } => {
            let tried = tokio::time::timeout(SOURCE_PATIENCE, try_exec(command, &intake)).await;
            let said =
                tried.unwrap_or_else(|_| Err(format!("says nothing for {} s", SOURCE_PATIENCE.as_secs())));
            said.map(|what| format!("{}: {what}", command[0]))
                .map_err(|what| format!("{}: {what}", command[0]))
        }
    }
}

/// What a serial module says first.
async fn uart_once(source: &UartSettings) -> std::io::Result<String> {
    let mut bytes = open_uart(source)?;
    let mut scanner = Scanner::new(source.module);
    while let Some(read) = bytes.recv().await {
        if let Some(particles) = scanner.push(&read?).first() {
            let tenths = |value: u32| format!("{}.{}", value / 10, value % 10);
            return Ok(format!(
                "PM2.5 {}, PM10 {} µg/m³",
                tenths(particles.pm25),
                tenths(particles.pm10)
            ));
        }
    }
    Err(std::io::Error::other("the line was closed"))
}

/// What every unit of a bus says when it is asked once.
async fn modbus_once(source: &ModbusSettings, settings: &AgentSettings) -> Result<String, String> {
    let mut bus = Bus::new(source.bus.clone(), source.timeout);
    let (mut lines, mut ok) = (vec![source.bus.to_string()], true);
    for unit in &source.units {
        let who = format!("unit {} ({})", unit.address, unit.map.name);
        match read_unit(&mut bus, unit, source.retries).await {
            Err(error) if error.is_of_line() => return Err(format!("{}: {error}", source.bus)),
            Err(error) => {
                ok = false;
                lines.push(format!("{who}: {error}"));
            }
            Ok(values) => {
                let said: Vec<String> = unit
                    .map
                    .parameters()
                    .map(|id| {
                        let parameter = settings.parameters.get(id);
                        let value = values.iter().find(|(of, _)| *of == id);
                        let value = value.map_or("no data".to_owned(), |(_, value)| {
                            format!("{value} {}", parameter.unit)
                        });
                        format!("{} {value}", parameter.key)
                    })
                    .collect();
                lines.push(format!("{who}: {}", said.join(", ")));
            }
        }
    }
    if ok {
        Ok(lines.join("\n"))
    } else {
        Err(lines.join("\n"))
    }
}

async fn broker(settings: &AgentSettings, password: Option<String>) -> Finding {
    let what = format!("broker {}", settings.broker);
    let client_id = format!("dustwatch-check-{}", settings.device);
    let mut options = PublisherOptions::new(
        settings.broker.clone(),
        settings.district.clone(),
        client_id,
        String::new(),
    );
    options.tls = settings.tls.clone();
    options.username = settings.username.clone();
    options.password = password;
    let mut link: Link<()> = Link::open(options.link());
    let answer = tokio::time::timeout(BROKER_PATIENCE, link.next()).await;
    let (ok, detail) = match answer {
        Ok(LinkEvent::Up) => (true, "lets us in".to_owned()),
        Ok(LinkEvent::Down { reason, .. }) => (false, reason),
        Ok(other) => (false, format!("unexpected answer: {other:?}")),
        Err(_) => (false, format!("no answer for {} s", BROKER_PATIENCE.as_secs())),
    };
    link.close(Duration::from_secs(1)).await;
    Finding { what, ok, detail }
}
