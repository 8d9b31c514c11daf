//! Keeping alarms up to date and telling them: on a device's topic `…/alarm`, and to a webhook.
//!
//! Each look evaluates the days that commits touched since the last one, and tells what changed between the version of the
//! table `alarms` that was told last and the newest. Which version that is stands in `alarms-told.json` beside the journal,
//! for each way of telling, and moves only when everything up to it was confirmed. So whatever dies in between, nothing of the
//! last day is left out; what was told and not noted is told again, and the same (device, rule, started_at) says that it is the same.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use dustwatch_analytics::{AlarmEvent, AlarmRequest, AlarmState, alarm_news, alarms_run};
use dustwatch_config::{Registry, Settings};
use dustwatch_edge::Shutdown;
use dustwatch_ingest::announce;
use dustwatch_lake::Lake;
use dustwatch_observation::{Clock, DeviceId, SystemClock, Time, Topic, TopicKind};
use tokio::sync::watch;

use super::up::as_registered;

/// Alarms that began earlier than this before now are history, and wake nobody.
const NEWS_HOURS: i64 = 24;
/// Longest wait for the webhook's answer.
const WEBHOOK_PATIENCE: Duration = Duration::from_secs(15);
const TOLD_FILE: &str = "alarms-told.json";

/// Looks again and again, until a shutdown is asked for. A failure is said and tried again with the next look.
pub(crate) async fn keep_alarming(
    settings: Settings,
    registry: watch::Receiver<Arc<Registry>>,
    mut shutdown: Shutdown,
) {
    let mut tick = tokio::time::interval(Duration::from_secs(settings.alarm.every_seconds));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = shutdown.requested() => return,
        }
        let settings = as_registered(&settings, &registry);
        if let Err(error) = look(&settings, &SystemClock).await {
            tracing::error!(error = format!("{error:#}"), "alarms are late, trying again");
        }
    }
}

/// Evaluates what is new and tells it.
async fn look(settings: &Settings, clock: &dyn Clock) -> anyhow::Result<()> {
    let lake = Lake::new(settings)?;
    let request = AlarmRequest {
        until: Some(clock.now()),
        ..AlarmRequest::default()
    };
    let report = alarms_run(&lake, settings, request, |_| {}).await?;
    let Some(version) = report.version else {
        return Ok(());
    };
    let mut told = Told::load(&settings.journal.dir)?;
    let since = clock.now().plus_micros(-NEWS_HOURS * 3_600_000_000);
    // Neither way waits for the other: a broker that is down keeps nothing from the webhook.
    let published = async {
        if settings.alarm.publish {
            let tell = async |events: &[AlarmEvent]| publish(settings, events).await;
            told.tell("publish", version, &lake, settings, since, tell)
                .await?;
        }
        anyhow::Ok(())
    };
    let published = published.await.context("publishing alarms");
    if let Some(url) = &settings.alarm.webhook {
        let tell = async |events: &[AlarmEvent]| post(settings, url.address(), events).await;
        told.tell("webhook", version, &lake, settings, since, tell)
            .await
            .context("alarm.webhook")?;
    }
    published
}

/// Each event on its device's topic.
async fn publish(settings: &Settings, events: &[AlarmEvent]) -> anyhow::Result<()> {
    announce(&settings.broker, &messages(settings, events)?).await?;
    Ok(())
}

fn messages(settings: &Settings, events: &[AlarmEvent]) -> anyhow::Result<Vec<(Topic, Vec<u8>)>> {
    let message = |event: &AlarmEvent| {
        let topic = Topic {
            district: settings.district.code.clone(),
            device: DeviceId::new(&event.device)?,
            kind: TopicKind::Alarm,
        };
        Ok((topic, serde_json::to_vec(event)?))
    };
    events.iter().map(message).collect()
}

/// All events in one request; any answer of success counts as told.
async fn post(settings: &Settings, url: &str, events: &[AlarmEvent]) -> anyhow::Result<()> {
    let body = serde_json::json!({ "district": settings.district.code.as_str(), "alarms": events });
    let client = reqwest::Client::builder().timeout(WEBHOOK_PATIENCE).build()?;
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .body(serde_json::to_vec(&body)?);
    let answer = request.send().await.map_err(reqwest::Error::without_url)?;
    if !answer.status().is_success() {
        bail!("the answer was {}", answer.status());
    }
    Ok(())
}

/// The version of `alarms` that each way of telling has told.
struct Told {
    file: PathBuf,
    versions: BTreeMap<String, u64>,
}

impl Told {
    fn load(dir: &Path) -> anyhow::Result<Self> {
        let file = dir.join(TOLD_FILE);
        let versions = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                let file = file.display();
                tracing::warn!(%file, %error, "what was told is not known any more: the alarms of a day are told again");
                BTreeMap::new()
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("reading {}", file.display())),
        };
        Ok(Self { file, versions })
    }

    /// Tells what is new up to a version, and notes it.
    async fn tell(
        &mut self,
        way: &'static str,
        version: u64,
        lake: &Lake,
        settings: &Settings,
        since: Time,
        tell: impl AsyncFnOnce(&[AlarmEvent]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        // A table that was made anew begins with lower versions.
        let old = self.versions.get(way).copied().filter(|old| *old <= version);
        if old == Some(version) {
            return Ok(());
        }
        let events = match alarm_news(lake, settings, old, version, since).await {
            Ok(events) => events,
            Err(error) if old.is_some() => {
                tracing::warn!(%error, old, "the alarms that were told last cannot be read: those of a day are told again");
                alarm_news(lake, settings, None, version, since).await?
            }
            Err(error) => return Err(error.into()),
        };
        if !events.is_empty() {
            tell(&events).await?;
            for event in &events {
                say(way, event);
            }
        }
        self.versions.insert(way.to_owned(), version);
        self.save()
    }

    /// Replaces the file whole: a crash leaves the old one or the new one.
    fn save(&self) -> anyhow::Result<()> {
        let beside = self.file.with_extension("json.new");
        let write = || -> std::io::Result<()> {
            if let Some(dir) = self.file.parent() {
                std::fs::create_dir_all(dir)?;
            }
            let mut file = std::fs::File::create(&beside)?;
            file.write_all(&serde_json::to_vec(&self.versions)?)?;
            file.sync_all()?;
            std::fs::rename(&beside, &self.file)
        };
        write().with_context(|| format!("writing {}", self.file.display()))
    }
}

fn say(way: &str, event: &AlarmEvent) {
    let state = match event.state {
        AlarmState::Raised => "raised",
        AlarmState::Withdrawn => "withdrawn",
    };
    tracing::info!(
        way,
        state,
        device = event.device,
        rule = event.rule,
        started_at = event.started_at,
        peak = event.peak,
        threshold = event.threshold,
        "alarm told"
    );
}
