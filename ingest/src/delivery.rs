//! What travels between the first stages: a delivery from the broker, and its form in the journal.

use bytes::Bytes;
use dustwatch_journal::Position;
use dustwatch_observation::Time;

/// What is needed to acknowledge a message: its packet id, and the number of the one connection that it is valid on.
/// When that has ended the receipt is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// Connections are counted from the start of the process.
    pub(crate) connection: u64,
    /// MQTT packet id.
    pub(crate) packet: u16,
}

/// A message as it came from the broker.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) received_at: Time,
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    /// Bytes that were sent: more than the payload has when it was cut for being too large.
    pub(crate) sent_bytes: u32,
    /// Absent when the broker waits for none, with QoS 0.
    pub(crate) receipt: Option<Receipt>,
}

/// What goes from receive to journal.
#[derive(Debug)]
pub(crate) enum Hop {
    /// Messages that were read together.
    Deliveries(Vec<Delivery>),
    /// Nothing more is to be taken: the ingester shuts down.
    End,
}

/// A message that is in the journal, or comes from there after a restart.
#[derive(Debug, Clone)]
pub(crate) struct Journaled {
    pub(crate) position: Position,
    pub(crate) received_at: Time,
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    /// Bytes that were sent, as in [`Delivery`].
    pub(crate) sent_bytes: u32,
    /// Present while the broker still waits for it, that is with `ack_after = "lake"`.
    pub(crate) receipt: Option<Receipt>,
    /// Whether it is of our shard. One that is not is only here for its receipt, which goes out in the order of arrival;
    /// it is not in the journal, and its position is that of the last one that is.
    pub(crate) ours: bool,
}

/// Bytes of a record before the topic.
const HEAD: usize = 15;

/// Writes a delivery as a journal record: version 1, receive time (µs), bytes sent, length of the topic (all little
/// endian), topic, payload.
pub(crate) fn encode_record(delivery: &Delivery, out: &mut Vec<u8>) {
    out.clear();
    out.push(1);
    out.extend_from_slice(&delivery.received_at.as_micros().to_le_bytes());
    out.extend_from_slice(&delivery.sent_bytes.to_le_bytes());
    let topic = &delivery.topic.as_bytes()[..delivery.topic.len().min(usize::from(u16::MAX))];
    out.extend_from_slice(&(topic.len() as u16).to_le_bytes());
    out.extend_from_slice(topic);
    out.extend_from_slice(&delivery.payload);
}

/// Reads a journal record back; `None` when it was not written by [`encode_record`].
pub(crate) fn decode_record(position: Position, record: Vec<u8>) -> Option<Journaled> {
    let (head, rest) = record.split_at_checked(HEAD)?;
    if head[0] != 1 {
        return None;
    }
    let micros = i64::from_le_bytes(head[1..9].try_into().ok()?);
    let sent_bytes = u32::from_le_bytes(head[9..13].try_into().ok()?);
    let topic_len = usize::from(u16::from_le_bytes(head[13..15].try_into().ok()?));
    let topic = String::from_utf8(rest.get(..topic_len)?.to_vec()).ok()?;
    let payload = Bytes::from(record).slice(HEAD + topic_len..);
    Some(Journaled {
        position,
        received_at: Time::from_micros(micros),
        topic,
        payload,
        sent_bytes,
        receipt: None,
        ours: true,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_record_reads_back(micros: i64, topic in "[ -~]{0,80}", payload: Vec<u8>) {
            let delivery = Delivery {
                received_at: Time::from_micros(micros), topic: topic.clone(), payload: payload.clone().into(),
                sent_bytes: 9, receipt: None,
            };
            let mut record = Vec::new();
            encode_record(&delivery, &mut record);
            let back = decode_record(Position::new(7), record).unwrap();
            prop_assert_eq!(back.received_at, Time::from_micros(micros));
            prop_assert_eq!((back.topic, back.sent_bytes), (topic, 9));
            prop_assert_eq!(&back.payload[..], &payload[..]);
        }

        #[test]
        fn any_bytes_are_survived(record: Vec<u8>) {
            let _ = decode_record(Position::new(1), record);
        }
    }
}
