//! The packets that a subscriber needs, in MQTT 3.1.1 and MQTT 5, by the client library's codecs.
//!
//! Version 5 is for shared subscriptions; everything else is asked for in 3.1.1, which every broker speaks.

use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::{QoS, v4};
use rumqttc::v5::mqttbytes::{QoS as QoS5, v5};

use super::frame::Frame;

/// A packet's largest size, for the codecs: [`super::frame`] has decided already.
const ANY_SIZE: usize = 268_435_455;
/// Packet id of the SUBSCRIBE: the only packet with an id that we send.
const SUBSCRIBE_ID: u16 = 1;
/// Version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// 3.1.1
    V4,
    /// 5
    V5,
}

/// A packet from the broker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    /// The connection stands, or is refused with a reason.
    Connected {
        session_present: bool,
        refused: Option<String>,
    },
    /// A message; without an id, with QoS 0, the broker waits for no acknowledgement.
    Publish {
        topic: String,
        payload: Bytes,
        id: Option<u16>,
    },
    /// The subscription stands, or is refused with a reason.
    Subscribed { refused: Option<String> },
    /// The broker ends the connection.
    Disconnect(String),
    /// An answer that only shows that the broker lives.
    Other,
}

/// What came is not MQTT of this version.
#[derive(Debug, thiserror::Error)]
#[error("the broker sent what is not MQTT: {0}")]
pub(crate) struct ProtocolError(String);

/// Who connects.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) client_id: String,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) keep_alive_seconds: u16,
    /// How long a version 5 broker keeps the session, in seconds; 3.1.1 has no limit.
    pub(crate) session_seconds: u32,
}

impl Version {
    /// A CONNECT that takes up the session where it was left.
    pub(crate) fn connect(self, login: &Login) -> Result<BytesMut, ProtocolError> {
        let credentials = login
            .username
            .clone()
            .map(|user| (user, login.password.clone().unwrap_or_default()));
        let mut out = BytesMut::new();
        match self {
            Self::V4 => {
                let mut connect = v4::Connect::new(login.client_id.clone());
                connect.clean_session = false;
                connect.keep_alive = login.keep_alive_seconds;
                if let Some((user, password)) = credentials {
                    connect.set_login(user, password);
                }
                connect.write(&mut out).map_err(unwritten)?;
            }
            Self::V5 => {
                let mut properties = v5::ConnectProperties::new();
                properties.session_expiry_interval = Some(login.session_seconds);
                let connect = v5::Connect {
                    keep_alive: login.keep_alive_seconds,
                    client_id: login.client_id.clone(),
                    clean_start: false,
                    properties: Some(properties),
                };
                let credentials = credentials.map(|(username, password)| v5::Login { username, password });
                connect.write(&None, &credentials, &mut out).map_err(unwritten)?;
            }
        }
        Ok(out)
    }

    /// A SUBSCRIBE to these filters with QoS 1.
    pub(crate) fn subscribe(self, filters: &[String]) -> Result<BytesMut, ProtocolError> {
        let mut out = BytesMut::new();
        match self {
            Self::V4 => {
                let filters = filters
                    .iter()
                    .map(|f| v4::SubscribeFilter::new(f.clone(), QoS::AtLeastOnce));
                let mut subscribe = v4::Subscribe::new_many(filters);
                subscribe.pkid = SUBSCRIBE_ID;
                subscribe.write(&mut out).map_err(unwritten)?;
            }
            Self::V5 => {
                let filters = filters.iter().map(|f| v5::Filter::new(f, QoS5::AtLeastOnce));
                let mut subscribe = v5::Subscribe::new_many(filters, None);
                subscribe.pkid = SUBSCRIBE_ID;
                subscribe.write(&mut out).map_err(unwritten)?;
            }
        }
        Ok(out)
    }

    /// Reads a packet.
    pub(crate) fn read(self, mut frame: Frame) -> Result<Packet, ProtocolError> {
        match self {
            Self::V4 => v4::Packet::read(&mut frame.bytes, ANY_SIZE)
                .map(from_v4)
                .map_err(|e| ProtocolError(format!("{e:?}"))),
            Self::V5 => v5::Packet::read(&mut frame.bytes, Some(ANY_SIZE as u32))
                .map(from_v5)
                .map_err(|e| ProtocolError(format!("{e:?}"))),
        }
    }
}

/// A PUBACK, the same in both versions, is written to `out`.
pub(crate) fn acknowledge(id: u16, out: &mut Vec<u8>) {
    let [high, low] = id.to_be_bytes();
    out.extend_from_slice(&[0x40, 2, high, low]);
}

/// A PINGREQ.
pub(crate) const PING: [u8; 2] = [0xc0, 0];
/// A DISCONNECT: we go, and come back to the same session.
pub(crate) const DISCONNECT: [u8; 2] = [0xe0, 0];

fn unwritten(error: impl std::fmt::Debug) -> ProtocolError {
    ProtocolError(format!("not sent: {error:?}"))
}

fn from_v4(packet: v4::Packet) -> Packet {
    match packet {
        v4::Packet::ConnAck(ack) => Packet::Connected {
            session_present: ack.session_present,
            refused: (ack.code != v4::ConnectReturnCode::Success).then(|| format!("{:?}", ack.code)),
        },
        v4::Packet::Publish(publish) => Packet::Publish {
            id: (publish.qos != QoS::AtMostOnce).then_some(publish.pkid),
            topic: publish.topic,
            payload: publish.payload,
        },
        v4::Packet::SubAck(ack) => Packet::Subscribed {
            refused: ack
                .return_codes
                .iter()
                .find(|code| **code == v4::SubscribeReasonCode::Failure)
                .map(|code| format!("{code:?}")),
        },
        v4::Packet::Disconnect => Packet::Disconnect("no reason given".to_owned()),
        _ => Packet::Other,
    }
}

fn from_v5(packet: v5::Packet) -> Packet {
    match packet {
        v5::Packet::ConnAck(ack) => Packet::Connected {
            session_present: ack.session_present,
            refused: (ack.code != v5::ConnectReturnCode::Success).then(|| format!("{:?}", ack.code)),
        },
        v5::Packet::Publish(publish) => Packet::Publish {
            id: (publish.qos != QoS5::AtMostOnce).then_some(publish.pkid),
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            payload: publish.payload,
        },
        v5::Packet::SubAck(ack) => Packet::Subscribed {
            refused: ack
                .return_codes
                .iter()
                .find(|code| !matches!(code, v5::SubscribeReasonCode::Success(_)))
                .map(|code| format!("{code:?}")),
        },
        v5::Packet::Disconnect(disconnect) => Packet::Disconnect(format!("{:?}", disconnect.reason_code)),
        _ => Packet::Other,
    }
}
