//! Carries out what the [window](super::window) decides, over the [link](super::link).
//!
//! One task: it takes messages as long as the window has room, sends what is due, and turns confirmations into
//! progress. It never waits for the link, so the link is always polled.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dustwatch_observation::{Ack, Topic, TopicKind};
use tokio::sync::mpsc;

use super::head::Head;
use super::link::{Link, LinkEvent};
use super::window::{Confirmed, StreamId, Token, Window};
use super::{Confirm, NewEpoch, OnConfirmed, Outcome, PublisherOptions};
use crate::pack::Packet;
use crate::{EdgeError, Progress, Shutdown};

/// How often overdue messages are looked for.
const TICK: Duration = Duration::from_millis(100);
/// How long nothing may be confirmed before a warning.
const WARN_AFTER: Duration = Duration::from_secs(30);
/// How often an agent tells how it is.
const HEALTH_EVERY: Duration = Duration::from_secs(60);
/// How many offers or events are taken in one go.
const BURST: usize = 256;

pub(super) struct Driver {
    options: PublisherOptions,
    progress: Arc<Progress>,
    on_confirmed: Option<OnConfirmed>,
    new_epoch: Option<NewEpoch>,
    head: Head,
    window: Window,
    link: Link<Token>,
    streams: HashMap<Arc<str>, StreamId>,
    topics: Vec<(Arc<str>, String)>,
    /// Confirmations for devices that nothing was offered of yet, and whether the broker had retained them.
    early: HashMap<String, (u64, bool)>,
    last_progress: Instant,
    warned: bool,
    last_failure: Option<String>,
    connected: bool,
    /// When to tell next how the agent is.
    health_at: Option<Instant>,
}

impl Driver {
    pub(super) fn new(
        options: PublisherOptions,
        progress: Arc<Progress>,
        on_confirmed: Option<OnConfirmed>,
        new_epoch: Option<NewEpoch>,
    ) -> Self {
        let window = Window::new(options.limits, options.resend_after);
        let link = Link::open(options.link());
        Self {
            window,
            link,
            progress,
            on_confirmed,
            new_epoch,
            head: Head::new(options.epoch.clone()),
            streams: HashMap::new(),
            topics: Vec::new(),
            early: HashMap::new(),
            last_progress: Instant::now(),
            warned: false,
            last_failure: None,
            connected: false,
            health_at: None,
            options,
        }
    }

    /// Runs until all offered messages are confirmed and nobody offers more, or until stopped.
    pub(super) async fn run(
        mut self,
        mut offers: mpsc::Receiver<Packet>,
        mut shutdown: Shutdown,
    ) -> Result<Outcome, EdgeError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut ended = false;
        let mut stop_at: Option<Instant> = None;
        loop {
            self.options.pulse.beat();
            self.send();
            if ended && self.window.len() == 0 {
                break;
            }
            tokio::select! {
                biased;
                () = shutdown.requested(), if stop_at.is_none() => {
                    // Whoever offers learns of it by a closed channel.
                    offers.close();
                    while offers.try_recv().is_ok() {}
                    ended = true;
                    stop_at = Some(Instant::now() + self.options.drain);
                },
                event = self.link.next() => self.take_events(event)?,
                offer = offers.recv(), if !ended && self.window.has_room() => match offer {
                    Some(packet) => self.take_offers(packet, &mut offers)?,
                    None => ended = true,
                },
                _ = tick.tick() => {
                    self.resend();
                    self.check_patience()?;
                    let due = self.health_at.is_some_and(|at| at <= Instant::now());
                    if due || self.options.health.as_ref().is_some_and(|health| health.take_news()) {
                        self.tell_health();
                    }
                    // Without a connection there is nothing to wait for.
                    if stop_at.is_some_and(|at| !self.connected || Instant::now() >= at) {
                        break;
                    }
                },
            }
        }
        let outcome = Outcome {
            unconfirmed: self.window.len(),
            stopped: stop_at.is_some(),
        };
        let said = self
            .options
            .own_topic(TopicKind::Status)
            .is_none_or(|status| self.link.publish(&status, b"offline".to_vec(), None, true));
        if said {
            self.link.close(Duration::from_secs(2)).await;
        }
        // Otherwise the connection breaks, and the broker publishes the will.
        Ok(outcome)
    }

    fn take_offers(&mut self, first: Packet, offers: &mut mpsc::Receiver<Packet>) -> Result<(), EdgeError> {
        self.take_offer(first)?;
        for _ in 1..BURST {
            if !self.window.has_room() {
                break;
            }
            let Ok(packet) = offers.try_recv() else { break };
            self.take_offer(packet)?;
        }
        Ok(())
    }

    fn take_offer(&mut self, packet: Packet) -> Result<(), EdgeError> {
        let now = Instant::now();
        if self.window.len() == 0 {
            self.last_progress = now;
        }
        let id = self.stream(&packet.device, now)?;
        let confirmed = self.window.offer(id, packet.message);
        self.note(id, confirmed, now);
        Ok(())
    }

    fn stream(&mut self, device: &Arc<str>, now: Instant) -> Result<StreamId, EdgeError> {
        if let Some(id) = self.streams.get(device) {
            return Ok(*id);
        }
        let highest = self.options.highest_used.as_ref();
        let highest = highest.map_or(u64::MAX, |used| used.get(&**device).copied().unwrap_or(0));
        let id = self.window.add_stream(highest);
        self.streams.insert(Arc::clone(device), id);
        self.topics
            .push((Arc::clone(device), self.options.topic(device, TopicKind::Obs)));
        if let Some((seq, retained)) = self.early.remove(&**device) {
            self.confirm_through(id, seq, retained, now)?;
        }
        Ok(id)
    }

    fn send(&mut self) {
        let now = Instant::now();
        for _ in 0..BURST {
            if !self.link.has_room() {
                return;
            }
            let Some(sending) = self.window.next(now) else {
                return;
            };
            let payload = self.head.payload(sending.body, sending.from);
            let (_, topic) = &self.topics[sending.token.stream.index()];
            if sending.again {
                self.progress.add_resent();
            } else {
                self.progress.add_sent(sending.observations);
            }
            // Without room it counts as sent and lost; the window repeats it.
            self.link.publish(topic, payload, Some(sending.token), false);
        }
    }

    fn take_events(&mut self, first: LinkEvent<Token>) -> Result<(), EdgeError> {
        self.take_event(first)?;
        for _ in 1..BURST {
            let Some(event) = self.link.try_next() else {
                return Ok(());
            };
            self.take_event(event)?;
        }
        Ok(())
    }

    fn take_event(&mut self, event: LinkEvent<Token>) -> Result<(), EdgeError> {
        let now = Instant::now();
        match event {
            LinkEvent::Up => {
                tracing::info!(broker = %self.options.broker, unconfirmed = self.window.len(), "connected");
                self.last_failure = None;
                self.connected = true;
                self.window.restart();
                if let Some(status) = self.options.own_topic(TopicKind::Status) {
                    self.link.publish(&status, b"online".to_vec(), None, true);
                }
                self.tell_health();
            }
            LinkEvent::Down { reason, refused } => {
                self.connected = false;
                tracing::warn!(broker = %self.options.broker, reason, "no connection, will try again");
                if refused && self.options.give_up_after.is_some() {
                    return Err(EdgeError::Refused {
                        broker: self.options.broker.to_string(),
                        reason,
                    });
                }
                self.last_failure = Some(reason);
            }
            LinkEvent::Delivered(token) if self.options.confirm == Confirm::Broker => {
                let confirmed = self.window.confirm_delivered(token, now);
                self.note(token.stream, confirmed, now);
            }
            LinkEvent::Delivered(_) => {}
            LinkEvent::Message {
                topic,
                payload,
                retained,
            } => self.take_message(&topic, &payload, retained, now)?,
            LinkEvent::SubscriptionRefused => {
                let reason = "it does not let us subscribe to the confirmations".to_owned();
                if self.options.confirm == Confirm::Ingester && self.options.give_up_after.is_some() {
                    return Err(EdgeError::Refused {
                        broker: self.options.broker.to_string(),
                        reason,
                    });
                }
                tracing::error!(broker = %self.options.broker, reason, "confirmations cannot arrive");
            }
        }
        Ok(())
    }

    fn take_message(
        &mut self,
        topic: &str,
        payload: &[u8],
        retained: bool,
        now: Instant,
    ) -> Result<(), EdgeError> {
        let parsed = Topic::parse(topic).ok();
        if parsed
            .as_ref()
            .is_some_and(|topic| topic.kind == TopicKind::Config)
        {
            self.take_change(payload);
            return Ok(());
        }
        let parsed = parsed.filter(|t| t.kind == TopicKind::Ack);
        let (Some(topic), Some(ack)) = (parsed, Ack::from_json(payload)) else {
            tracing::warn!(topic, "what came in is no confirmation");
            return Ok(());
        };
        if ack.epoch != self.head.epoch() || self.options.confirm != Confirm::Ingester {
            tracing::debug!(device = %topic.device, epoch = ack.epoch, "confirmation of another epoch ignored");
            return Ok(());
        }
        if let Some(&id) = self.streams.get(topic.device.as_str()) {
            return self.confirm_through(id, ack.seq, retained, now);
        }
        let early = self.early.entry(topic.device.as_str().to_owned()).or_default();
        *early = (ack.seq, retained).max(*early);
        Ok(())
    }

    /// Takes a confirmation, unless it is ahead of all numbers: then the spool went back in time, and what it numbers
    /// from here on would be taken for what was confirmed.
    fn confirm_through(
        &mut self,
        id: StreamId,
        seq: u64,
        retained: bool,
        now: Instant,
    ) -> Result<(), EdgeError> {
        if !self.window.is_ahead(id, seq, retained) {
            let confirmed = self.window.confirm_through(id, seq, now);
            self.note(id, confirmed, now);
            return Ok(());
        }
        let device = &self.topics[id.index()].0;
        let Some(new_epoch) = &mut self.new_epoch else {
            tracing::warn!(%device, seq, "a confirmation of numbers that were never used is not believed");
            return Ok(());
        };
        let before = self.head.epoch().to_owned();
        self.head.rename(new_epoch()?);
        tracing::error!(
            %device, confirmed = seq, before, epoch = self.head.epoch(),
            "numbers were confirmed that were never used: an older copy of the spool must have been put back; \
             what it holds is sent again under a new epoch"
        );
        self.window.restart();
        Ok(())
    }

    fn note(&mut self, id: StreamId, confirmed: Confirmed, now: Instant) {
        if confirmed.messages == 0 {
            return;
        }
        self.last_progress = now;
        self.warned = false;
        self.progress
            .add_confirmed(confirmed.observations, confirmed.messages);
        if let Some(on_confirmed) = &mut self.on_confirmed {
            let device = &self.topics[id.index()].0;
            on_confirmed(device, self.window.confirmed(id));
        }
    }

    /// Tells how the agent is, if it is one and there is a connection.
    fn tell_health(&mut self) {
        let topic = self.options.own_topic(TopicKind::Health);
        if let (Some(topic), Some(health)) = (topic, &self.options.health) {
            let told = self
                .link
                .publish(&topic, health.to_json(self.head.epoch()), None, true);
            self.health_at = Some(Instant::now() + if told { HEALTH_EVERY } else { TICK });
        }
    }

    /// Hands over what an operator changes; the broker says it anew at the next connection if there is no room.
    fn take_change(&self, payload: &[u8]) {
        if let Some(changes) = &self.options.changes
            && changes.try_send(payload.to_vec()).is_err()
        {
            tracing::warn!(
                "a change of the settings came while others are being applied, and is passed over"
            );
        }
    }

    fn resend(&mut self) {
        if !self.connected {
            return;
        }
        let streams = self.window.resend_overdue(Instant::now());
        if streams > 0 {
            tracing::info!(
                streams,
                unconfirmed = self.window.len(),
                "no confirmation yet, sending again"
            );
        }
    }

    fn check_patience(&mut self) -> Result<(), EdgeError> {
        let waited = self.last_progress.elapsed();
        if self.window.len() == 0 || waited < WARN_AFTER.min(self.options.give_up_after.unwrap_or(WARN_AFTER))
        {
            return Ok(());
        }
        let hint = match (&self.last_failure, self.options.confirm) {
            (Some(reason), _) => format!("no connection to {}: {reason}", self.options.broker),
            (None, Confirm::Ingester) => format!(
                "connected to {}; is an ingester running there?",
                self.options.broker
            ),
            (None, Confirm::Broker) => format!("connected to {}", self.options.broker),
        };
        if self.options.give_up_after.is_some_and(|limit| waited >= limit) {
            return Err(EdgeError::GaveUp {
                seconds: waited.as_secs(),
                unconfirmed: self.window.len(),
                hint,
            });
        }
        if !self.warned {
            self.warned = true;
            tracing::warn!(
                waited_s = waited.as_secs(),
                unconfirmed = self.window.len(),
                hint,
                "nothing is confirmed"
            );
        }
        Ok(())
    }
}
