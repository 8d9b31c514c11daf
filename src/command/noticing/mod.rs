//! Notices that are due: made once, kept in a folder, sent to whoever is to have them.
//!
//! Each look makes what is due and not there yet, and sends what was not delivered yet. What has been sent where stands in
//! `deliveries.json` beside the notices. Invariants: an issue is made once, since its register says that it is there,
//! whatever was stopped when; a receiver that does not answer keeps nothing from the others, is tried again, and is told
//! of in the log and by `notice list`.

mod deliveries;
mod due;
mod list;
mod message;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::NaiveDate;
use clap::ValueEnum;
use dustwatch_analytics::Period;
use dustwatch_config::{DueSettings, Registry, Settings};
use dustwatch_edge::Shutdown;
use dustwatch_lake::{Lake, TableKind};
use dustwatch_observation::{Clock, SystemClock};
use tokio::sync::watch;

use super::notice::{issues, write_again, write_issue};
use super::up::as_registered;
use crate::cli::NoticeFormat;
use deliveries::Deliveries;
pub(crate) use list::list;

/// How often it is looked whether something is due.
const LOOK: Duration = Duration::from_secs(5);

/// Looks again and again, until a shutdown is asked for. Does nothing without `[notice.due]`.
pub(crate) async fn keep_noticing(
    settings: Settings,
    registry: watch::Receiver<Arc<Registry>>,
    mut shutdown: Shutdown,
) {
    let Some(due) = settings.notice.due.clone() else {
        return;
    };
    let mut tick = tokio::time::interval(LOOK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut said = String::new();
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = shutdown.requested() => return,
        }
        let settings = as_registered(&settings, &registry);
        match look(&settings, &due, &SystemClock).await {
            Ok(()) => said.clear(),
            Err(error) => {
                // The same fault every five seconds is one fault.
                let text = format!("{error:#}");
                if text != said {
                    tracing::error!(error = text, "notices are late, trying again");
                }
                said = text;
            }
        }
    }
}

/// Makes what is due, then sends what is not delivered.
async fn look(settings: &Settings, due: &DueSettings, clock: &dyn Clock) -> anyhow::Result<()> {
    let now = clock
        .now()
        .to_chrono()
        .context("the clock is out of the calendar")?
        .with_timezone(&settings.district.timezone)
        .naive_local();
    let made = async {
        for period in due::periods(due, now) {
            make(settings, due, period, now.date()).await?;
        }
        anyhow::Ok(())
    };
    // A notice that cannot be made keeps nobody from getting the others.
    let made = made.await;
    if !due.deliver.is_empty() && due.out.exists() {
        send(due, now).await?;
    }
    made
}

/// Makes the notice of a period that has none, and completes one that a crash kept from getting all its documents.
async fn make(
    settings: &Settings,
    due: &DueSettings,
    period: Period,
    today: NaiveDate,
) -> anyhow::Result<()> {
    let formats = formats(due)?;
    let issued = match due.out.exists() {
        true => issues(&due.out)?,
        false => Vec::new(),
    };
    let period_text = period.to_string();
    let of_period: Vec<&String> = issued
        .iter()
        .filter(|(_, register)| register.provenance.period == period_text)
        .map(|(stem, _)| stem)
        .collect();
    for stem in &of_period {
        let is_whole = |format: &NoticeFormat| due.out.join(format!("{stem}.{}", format.ending())).exists();
        if !formats.iter().all(is_whole) {
            // From the versions that it printed: what has come since is no part of it.
            let register = due.out.join(format!("{stem}.json"));
            write_again(settings, &register, &due.out, &formats).await?;
            tracing::info!(notice = stem, "a notice lacked documents, and has them");
        }
    }
    if of_period.is_empty() && has_data(settings, period).await? {
        let files = write_issue(settings, period, today, &due.out, &formats).await?;
        tracing::info!(%period, files = files.len(), folder = %due.out.display(), "a notice was due and is made");
    }
    Ok(())
}

/// A week that nobody observed has no notice.
async fn has_data(settings: &Settings, period: Period) -> anyhow::Result<bool> {
    let lake = Lake::new(settings)?;
    let Some(version) = lake.version(TableKind::Observations).await? else {
        return Ok(false);
    };
    let days = lake.days(version).await?;
    Ok(days.range(period.day_numbers()).next().is_some())
}

/// The formats of the settings, and Markdown where somebody is told, which is what they are sent.
fn formats(due: &DueSettings) -> anyhow::Result<Vec<NoticeFormat>> {
    let parsed = due.formats.iter().map(|word| NoticeFormat::from_str(word, true));
    let mut formats = parsed
        .collect::<Result<Vec<_>, String>>()
        .map_err(|error| anyhow::anyhow!("notice.due.formats: {error}"))?;
    if !due.deliver.is_empty() && !formats.contains(&NoticeFormat::Md) {
        formats.push(NoticeFormat::Md);
    }
    Ok(formats)
}

/// Sends the issues of the last days to everyone who has not got them.
async fn send(due: &DueSettings, now: chrono::NaiveDateTime) -> anyhow::Result<()> {
    let mut deliveries = Deliveries::load(&due.out)?;
    for (stem, register) in issues(&due.out)? {
        if !due::is_news(register.issued_on, now.date()) {
            continue;
        }
        for way in &due.deliver {
            if !deliveries.is_time(&stem, &way.name, now) {
                continue;
            }
            let sent = message::send(way, &due.out, &stem, &register).await;
            match &sent {
                Ok(()) => tracing::info!(notice = stem, way = way.name, "a notice is delivered"),
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(
                        notice = stem,
                        way = way.name,
                        error,
                        "a notice is not delivered, trying again"
                    );
                }
            }
            deliveries.note(&stem, &way.name, now, sent.map_err(|error| format!("{error:#}")))?;
        }
    }
    Ok(())
}
