//! The judge: whether a message and an observation belong here.
//!
//! Pure: what it says depends on the message, the registry and the settings alone.

use std::sync::Arc;

use dustwatch_config::{Registry, Settings, UnknownDevice};
use dustwatch_lake::LocalDays;
use dustwatch_observation::{Observation, Reason, Time, Topic, TopicKind};

use crate::delivery::Journaled;

/// Earliest time that an observation may have: 2000-01-01, long before any monitor of this kind.
const EARLIEST: Time = Time::from_millis(946_684_800_000);

/// Decides whether a message and an observation belong here.
pub(crate) struct Judge {
    registry: Arc<Registry>,
    unknown_device: UnknownDevice,
    future_tolerance_micros: i64,
    max_payload_bytes: u32,
    days: LocalDays,
    /// The device and day that were looked up last and found: neighbouring observations have the same.
    stands: Option<(String, i32)>,
}

impl Judge {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            registry: settings.registry.clone(),
            unknown_device: settings.broker.unknown_device,
            future_tolerance_micros: i64::from(settings.broker.future_tolerance_seconds) * 1_000_000,
            max_payload_bytes: settings.broker.max_payload_bytes,
            days: LocalDays::new(settings.district.timezone),
            stands: None,
        }
    }

    /// Takes up another registry.
    pub(crate) fn follow(&mut self, registry: Arc<Registry>) {
        self.registry = registry;
        self.stands = None;
    }

    /// The topic of a message that is read here.
    pub(crate) fn topic(&self, message: &Journaled) -> Result<Topic, (Reason, String)> {
        let topic = Topic::parse(&message.topic).map_err(|e| (Reason::BadTopic, e.to_string()))?;
        if !matches!(topic.kind, TopicKind::Obs | TopicKind::Hj212) {
            return Err((
                Reason::BadTopic,
                format!("{} is not read here", topic.kind.as_str()),
            ));
        }
        if message.sent_bytes > self.max_payload_bytes {
            let (sent, max, kept) = (message.sent_bytes, self.max_payload_bytes, message.payload.len());
            return Err((
                Reason::TooLarge,
                format!("{sent} bytes, {max} are taken; the first {kept} are kept"),
            ));
        }
        Ok(topic)
    }

    /// The local day of a time, in days since 1970; 0 when a table has none for it.
    pub(crate) fn day_of(&mut self, time: Time) -> i32 {
        self.days.day_of(time).unwrap_or(0)
    }

    /// A registered device publishes under the district of its township.
    pub(crate) fn in_its_district(&self, topic: &Topic) -> Result<(), (Reason, String)> {
        let entries = self.registry.entries(topic.device.as_str());
        let mut districts = entries
            .filter_map(|s| self.registry.township(&s.township))
            .map(|t| t.district.as_str());
        let Some(first) = districts.next() else {
            return Ok(());
        };
        if first == topic.district.as_str() || districts.any(|d| d == topic.district.as_str()) {
            return Ok(());
        }
        let detail = format!(
            "device {} stands in district {first}, the topic says {}",
            topic.device, topic.district
        );
        Err((Reason::DistrictMismatch, detail))
    }

    /// The local day that an observation belongs to, or why it is not taken.
    pub(crate) fn observation(
        &mut self,
        observation: &Observation,
        received_at: Time,
    ) -> Result<i32, (Reason, String)> {
        let time = observation.time;
        if time.as_micros()
            > received_at
                .as_micros()
                .saturating_add(self.future_tolerance_micros)
        {
            return Err((
                Reason::FutureTime,
                format!("time {time} is later than {received_at}, when it was received"),
            ));
        }
        let day = self.days.day_of(time).filter(|_| time >= EARLIEST);
        let day = day.ok_or_else(|| (Reason::PastTime, format!("time {time} is before {EARLIEST}")))?;
        if self.unknown_device == UnknownDevice::Reject {
            self.known(&observation.device, day)?;
        }
        Ok(day)
    }

    fn known(&mut self, device: &str, day: i32) -> Result<(), (Reason, String)> {
        if self
            .stands
            .as_ref()
            .is_some_and(|(stood, on)| *on == day && stood == device)
        {
            return Ok(());
        }
        let date = chrono::NaiveDate::default() + chrono::Duration::days(day.into());
        if self.registry.station_on(device, date).is_some() {
            let (stood, on) = self.stands.get_or_insert_default();
            device.clone_into(stood);
            *on = day;
            return Ok(());
        }
        let detail = if self.registry.knows(device) {
            format!("device {device} stood nowhere on {date}, by valid_from and valid_to in stations.csv")
        } else {
            format!("device {device} is not in stations.csv")
        };
        Err((Reason::UnknownDevice, detail))
    }
}
