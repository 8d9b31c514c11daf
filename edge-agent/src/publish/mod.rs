//! Publishes messages until they are confirmed: the last step of the way, used by the agent and by both tools.
//!
//! Delivery is at least once, in order per device on each connection. A PUBACK only paces; what counts as confirmed is
//! decided by [`Confirm`]. Everything unconfirmed is sent again after each reconnect, and after a time without
//! confirmation.
//!
//! Inside: `window` decides (pure), `link` talks to the broker, `driver` joins the two.

mod backoff;
mod driver;
mod head;
mod link;
mod window;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dustwatch_observation::{Clock, DeviceId, DistrictCode, Topic, TopicKind};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use dustwatch_config::{BrokerAddress, TlsSettings};
pub use window::{Limits, Message};

pub(crate) use link::{Link, LinkEvent, LinkOptions, MAX_PAYLOAD_BYTES};

use crate::health::Health;
use crate::pack::Packet;
use crate::service::Pulse;
use crate::{EdgeError, Progress, Shutdown};
use driver::Driver;

/// What makes a message confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Confirm {
    /// The ingester's word on `…/ack`: it is durable there.
    #[default]
    Ingester,
    /// The broker's PUBACK, for brokers of others.
    Broker,
}

impl std::str::FromStr for Confirm {
    type Err = EdgeError;

    fn from_str(text: &str) -> Result<Self, EdgeError> {
        match text {
            "ingester" => Ok(Confirm::Ingester),
            "broker" => Ok(Confirm::Broker),
            _ => Err(EdgeError::Usage(format!(
                "confirm {text:?} is neither ingester nor broker"
            ))),
        }
    }
}

/// Where and how to publish.
#[derive(Clone)]
pub struct PublisherOptions {
    /// The broker.
    pub broker: BrokerAddress,
    /// How to encrypt, with `mqtts://`.
    pub tls: Option<TlsSettings>,
    /// User name, if the broker asks for one.
    pub username: Option<String>,
    /// Password, never printed.
    pub password: Option<String>,
    /// MQTT client id, unique at the broker.
    pub client_id: String,
    /// The district in every topic.
    pub district: DistrictCode,
    /// The device of an agent, which then has a status topic; `None` for a tool, which speaks for others only.
    pub device: Option<DeviceId>,
    /// The epoch that all messages carry.
    pub epoch: String,
    /// What makes a message confirmed.
    pub confirm: Confirm,
    /// How much may wait for confirmation.
    pub limits: Limits,
    /// When to send again what was not confirmed; doubled each time, up to a minute.
    pub resend_after: Duration,
    /// How long to wait for outstanding confirmations when stopped.
    pub drain: Duration,
    /// How long to go on without any confirmation; for ever when `None`, also when the broker refuses us.
    pub give_up_after: Option<Duration>,
    /// Whether it speaks for other devices too, and wants to hear what is confirmed of them.
    pub for_others: bool,
    /// The highest number of each device that the epoch used before now; a confirmation beyond makes a new epoch begin.
    /// Unknown when `None`: every confirmation is believed.
    pub highest_used: Option<HashMap<String, u64>>,
    /// Beats while the publisher works.
    pub(crate) pulse: Pulse,
    /// What an agent tells of itself.
    pub(crate) health: Option<Arc<Health>>,
    /// Takes what an operator changes from afar.
    pub(crate) changes: Option<mpsc::Sender<Vec<u8>>>,
}

impl PublisherOptions {
    /// Options for a tool that publishes for many devices.
    pub fn new(broker: BrokerAddress, district: DistrictCode, client_id: String, epoch: String) -> Self {
        Self {
            broker,
            tls: None,
            username: None,
            password: None,
            client_id,
            district,
            device: None,
            epoch,
            confirm: Confirm::default(),
            limits: Limits::default(),
            resend_after: Duration::from_secs(10),
            drain: Duration::from_secs(5),
            give_up_after: Some(Duration::from_secs(600)),
            for_others: true,
            highest_used: None,
            pulse: Pulse::default(),
            health: None,
            changes: None,
        }
    }

    fn topic(&self, device: &str, kind: TopicKind) -> String {
        // Offered devices are ids already; one that is not would only ever be refused by the ingester.
        DeviceId::new(device).map_or_else(
            |_| String::new(),
            |device| {
                Topic {
                    district: self.district.clone(),
                    device,
                    kind,
                }
                .to_string()
            },
        )
    }

    /// A topic of the agent's own device; a tool has none.
    fn own_topic(&self, kind: TopicKind) -> Option<String> {
        let device = self.device.as_ref();
        device.map(|device| self.topic(device.as_str(), kind))
    }

    pub(crate) fn link(&self) -> LinkOptions {
        let alone = self.device.as_ref().filter(|_| !self.for_others);
        let filter = alone.map_or_else(
            || Topic::filter(Some(&self.district), TopicKind::Ack),
            |device| self.topic(device.as_str(), TopicKind::Ack),
        );
        LinkOptions {
            broker: self.broker.clone(),
            tls: self.tls.clone(),
            client_id: self.client_id.clone(),
            username: self.username.clone(),
            password: self.password.clone(),
            filter,
            changes: self
                .own_topic(TopicKind::Config)
                .filter(|_| self.changes.is_some()),
            will: self
                .own_topic(TopicKind::Status)
                .map(|topic| (topic, "offline".to_owned())),
        }
    }
}

impl fmt::Debug for PublisherOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublisherOptions")
            .field("broker", &self.broker)
            .field("client_id", &self.client_id)
            .field("epoch", &self.epoch)
            .field("confirm", &self.confirm)
            .finish_non_exhaustive()
    }
}

/// Called with a device and the number up to which everything of it is confirmed.
pub type OnConfirmed = Box<dyn FnMut(&str, u64) + Send>;

/// Called when a confirmation speaks of numbers that were never used; gives the new epoch, once it is on disk.
pub type NewEpoch = Box<dyn FnMut() -> Result<String, EdgeError> + Send>;

/// What was left when a publisher ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Messages accepted and not confirmed.
    pub unconfirmed: usize,
    /// Whether it was stopped.
    pub stopped: bool,
}

/// Takes messages and publishes them until they are confirmed.
#[derive(Debug)]
pub struct Publisher {
    offers: mpsc::Sender<Packet>,
    task: JoinHandle<Result<Outcome, EdgeError>>,
}

impl Publisher {
    /// Starts to connect, in a task of its own.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(
        options: PublisherOptions,
        progress: Arc<Progress>,
        on_confirmed: Option<OnConfirmed>,
        new_epoch: Option<NewEpoch>,
        shutdown: Shutdown,
    ) -> Self {
        let (offers, receiver) = mpsc::channel(options.limits.in_advance());
        let driver = Driver::new(options, progress, on_confirmed, new_epoch);
        Self {
            offers,
            task: tokio::spawn(driver.run(receiver, shutdown)),
        }
    }

    /// Where to put messages, each device's with ascending numbers. Waits while the window is full; closed once the
    /// publisher was stopped or gave up.
    pub fn offers(&self) -> mpsc::Sender<Packet> {
        self.offers.clone()
    }

    /// Waits until everything offered is confirmed, after all other senders are dropped, or until it was stopped.
    ///
    /// # Errors
    /// [`EdgeError::Refused`] and [`EdgeError::GaveUp`], if the options say that it gives up at all.
    pub async fn finish(self) -> Result<Outcome, EdgeError> {
        drop(self.offers);
        self.task.await.map_err(|_| EdgeError::Ended("the publisher"))?
    }
}

/// A fresh epoch, different on every start: the time in hexadecimal microseconds.
pub fn fresh_epoch(clock: &dyn Clock) -> String {
    format!("{:x}", clock.now().as_micros())
}
