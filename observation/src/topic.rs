//! Topics: the only place where topic strings are built and read.
//!
//! `dust/v1/{district}/{device}/{kind}`, and one beside them: `dust/v1/ingest/{group}/durable`, where ingesters that share
//! a subscription tell each other what is in the table. Invariant: `Topic::parse(topic.to_string()) == topic`.

use std::fmt;

use crate::{DeviceId, DistrictCode};

const ROOT: &str = "dust/v1";

/// What a topic carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TopicKind {
    /// `obs`: observations, QoS 1, from the agent.
    Obs,
    /// `ack`: retained, from the ingester: what is durable.
    Ack,
    /// `status`: retained, `online` or `offline`, with last will.
    Status,
    /// `alarm`: exceedance events.
    Alarm,
    /// `config`: retained, settings down to the agent.
    Config,
    /// `health`: retained, from the agent: version, spool, sources, settings in force, last trouble.
    Health,
    /// `hj212`: a raw HJ 212 frame, from gateways that only wrap.
    Hj212,
}

impl TopicKind {
    const ALL: [TopicKind; 7] = [
        TopicKind::Obs,
        TopicKind::Ack,
        TopicKind::Status,
        TopicKind::Alarm,
        TopicKind::Config,
        TopicKind::Health,
        TopicKind::Hj212,
    ];

    /// The last level of the topic.
    pub fn as_str(self) -> &'static str {
        match self {
            TopicKind::Obs => "obs",
            TopicKind::Ack => "ack",
            TopicKind::Status => "status",
            TopicKind::Alarm => "alarm",
            TopicKind::Config => "config",
            TopicKind::Health => "health",
            TopicKind::Hj212 => "hj212",
        }
    }
}

/// Why a text is not one of our topics.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("topic {0:?} is not dust/v1/DISTRICT/DEVICE/KIND")]
pub struct TopicError(pub String);

/// A topic of one device.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic {
    /// The district's code.
    pub district: DistrictCode,
    /// The device.
    pub device: DeviceId,
    /// What it carries.
    pub kind: TopicKind,
}

impl Topic {
    /// Reads a topic.
    ///
    /// # Errors
    /// [`TopicError`] when it has another form, or its district, device or kind is none.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        let fail = || TopicError(text.chars().take(120).collect());
        let rest = text
            .strip_prefix(ROOT)
            .and_then(|r| r.strip_prefix('/'))
            .ok_or_else(fail)?;
        let mut levels = rest.split('/');
        let (Some(district), Some(device), Some(kind), None) =
            (levels.next(), levels.next(), levels.next(), levels.next())
        else {
            return Err(fail());
        };
        Ok(Self {
            district: DistrictCode::new(district).map_err(|_| fail())?,
            device: DeviceId::new(device).map_err(|_| fail())?,
            kind: TopicKind::ALL
                .into_iter()
                .find(|k| k.as_str() == kind)
                .ok_or_else(fail)?,
        })
    }

    /// The subscription filter for a kind: one district's devices, or every district's.
    pub fn filter(district: Option<&DistrictCode>, kind: TopicKind) -> String {
        let district = district.map_or("+", DistrictCode::as_str);
        format!("{ROOT}/{district}/+/{}", kind.as_str())
    }

    /// The level of a topic where the device stands, whatever else is wrong with the topic; empty when there is none.
    pub fn device_level(text: &str) -> &str {
        text.split('/').nth(3).unwrap_or_default()
    }

    /// The topic of a group of ingesters; no filter for devices' topics covers it.
    pub fn of_group(group: &str) -> String {
        format!("{ROOT}/ingest/{group}/durable")
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{ROOT}/{}/{}/{}",
            self.district,
            self.device,
            self.kind.as_str()
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_topic_reads_back(device in "[A-Za-z0-9_.:-]{1,64}", district in "[0-9]{6}", kind in 0usize..6) {
            let topic = Topic {
                district: DistrictCode::new(&district).unwrap(),
                device: DeviceId::new(&device).unwrap(),
                kind: TopicKind::ALL[kind],
            };
            prop_assert_eq!(Topic::parse(&topic.to_string()), Ok(topic));
        }
    }

    #[test]
    fn the_device_of_any_topic_can_be_told() {
        assert_eq!(
            Topic::device_level("dust/v1/110109/110109-DY-0001/obs"),
            "110109-DY-0001"
        );
        assert_eq!(Topic::device_level("dust/v1/110109/a device/obs"), "a device");
        assert_eq!(Topic::device_level("dust/v1"), "");
        assert!(Topic::parse(&Topic::of_group("dust")).is_err());
    }

    #[test]
    fn what_is_no_topic_of_ours_is_refused() {
        for text in [
            "",
            "dust/v1/110109/x",
            "dust/v2/110109/x/obs",
            "dust/v1/1101/x/obs",
            "dust/v1/110109/a+b/obs",
            "dust/v1/110109//obs",
            "dust/v1/110109/x/obs/more",
            "dust/v1/110109/x/other",
        ] {
            assert!(Topic::parse(text).is_err(), "{text}");
        }
    }
}
