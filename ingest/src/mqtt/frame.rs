//! Cutting a stream of bytes into MQTT packets.
//!
//! Invariant: the buffer holds at most what one read brought and one packet of the largest size taken. Of a larger
//! PUBLISH only the beginning is kept, with its length made to fit; the rest is passed over as it comes.

use bytes::{Buf, BytesMut};

/// Bytes kept of an oversized PUBLISH: any topic, usual properties, and enough of the payload to see whose it is.
const KEPT: usize = 72 * 1024;
/// Packet type of a PUBLISH, in the upper half of the first byte.
const PUBLISH: u8 = 3;

/// A packet's bytes, header included.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) bytes: BytesMut,
    /// Bytes that were sent beyond these.
    pub(crate) cut: usize,
}

/// The stream is not MQTT.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// A length of more than four bytes.
    #[error("the broker sent a packet with a malformed length")]
    Length,
    /// Only a PUBLISH may be large.
    #[error("the broker sent a packet of type {0} of {1} bytes")]
    TooLarge(u8, usize),
}

/// Bytes read and not yet cut.
#[derive(Debug)]
pub(crate) struct Frames {
    buffer: BytesMut,
    /// Bytes still to come of an oversized packet that was cut.
    passing: usize,
    max: usize,
}

impl Frames {
    /// An empty stream; packets up to `max` bytes are kept whole.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            passing: 0,
            max: max.max(KEPT),
        }
    }

    /// Where to read to: what is left of the present buffer, or a new one of this many bytes when little is left.
    pub(crate) fn room(&mut self, bytes: usize) -> &mut BytesMut {
        if self.buffer.capacity() - self.buffer.len() < bytes / 4 {
            self.buffer.reserve(bytes);
        }
        &mut self.buffer
    }

    /// The next packet, if it has come.
    ///
    /// # Errors
    /// [`FrameError`] when what came is no MQTT: the connection is of no further use.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        let passed = self.passing.min(self.buffer.len());
        self.buffer.advance(passed);
        self.passing -= passed;
        let Some((header, length)) = self.header()? else {
            return Ok(None);
        };
        let total = header + length;
        if total <= self.max {
            return Ok((self.buffer.len() >= total).then(|| Frame {
                bytes: self.buffer.split_to(total),
                cut: 0,
            }));
        }
        let kind = self.buffer[0] >> 4;
        if kind != PUBLISH {
            return Err(FrameError::TooLarge(kind, total));
        }
        if self.buffer.len() < KEPT {
            return Ok(None);
        }
        let mut bytes = self.buffer.split_to(KEPT);
        write_length(&mut bytes[1..header], KEPT - header);
        self.passing = total - KEPT;
        Ok(Some(Frame {
            bytes,
            cut: total - KEPT,
        }))
    }

    /// Bytes of the fixed header and of what follows it; `None` until they are known.
    fn header(&self) -> Result<Option<(usize, usize)>, FrameError> {
        let mut length = 0usize;
        for (at, byte) in self.buffer.iter().skip(1).take(4).enumerate() {
            length |= usize::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                return Ok(Some((at + 2, length)));
            }
        }
        if self.buffer.len() >= 5 {
            Err(FrameError::Length)
        } else {
            Ok(None)
        }
    }
}

/// Writes a remaining length into exactly these bytes.
fn write_length(out: &mut [u8], mut length: usize) {
    let last = out.len() - 1;
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = (length & 0x7f) as u8 | if at < last { 0x80 } else { 0 };
        length >>= 7;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use rumqttc::mqttbytes::QoS;
    use rumqttc::mqttbytes::v4::{Packet, Publish};

    fn publish(topic: &str, payload: Vec<u8>, packet: u16) -> BytesMut {
        let mut publish = Publish::new(topic, QoS::AtLeastOnce, payload);
        publish.pkid = packet;
        let mut bytes = BytesMut::new();
        publish.write(&mut bytes).unwrap();
        bytes
    }

    fn feed(frames: &mut Frames, stream: &[u8], piece: usize) -> Vec<Frame> {
        let mut out = Vec::new();
        for part in stream.chunks(piece) {
            frames.room(part.len()).extend_from_slice(part);
            while let Some(frame) = frames.next().unwrap() {
                out.push(frame);
            }
        }
        out
    }

    proptest! {
        #[test]
        fn packets_come_out_as_they_went_in_however_the_stream_is_cut(
            sizes in prop::collection::vec(0usize..900, 1..20), piece in 1usize..700,
        ) {
            let packets: Vec<_> = sizes.iter().map(|n| publish("a/b", vec![7; *n], 3)).collect();
            let stream: Vec<u8> = packets.iter().flat_map(|p| p.to_vec()).collect();
            let got = feed(&mut Frames::new(1 << 20), &stream, piece);
            prop_assert_eq!(got.len(), packets.len());
            for (frame, packet) in got.iter().zip(&packets) {
                prop_assert_eq!(&frame.bytes, packet);
                prop_assert_eq!(frame.cut, 0);
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let mut frames = Frames::new(1 << 20);
            frames.room(bytes.len()).extend_from_slice(&bytes);
            while let Ok(Some(_)) = frames.next() {}
        }
    }

    #[test]
    fn an_oversized_publish_keeps_its_head_and_the_next_packet_follows() {
        let mut stream = publish("dust/v1/110109/d/obs", vec![b'x'; 3 << 20], 9).to_vec();
        stream.extend_from_slice(&publish("next", b"y".to_vec(), 10));
        let mut frames = Frames::new(1 << 20);
        let got = feed(&mut frames, &stream, 10_000);
        assert_eq!(got.len(), 2);
        let (mut first, cut) = (got[0].bytes.clone(), got[0].cut);
        let Packet::Publish(first) = Packet::read(&mut first, usize::MAX).unwrap() else {
            panic!("no PUBLISH");
        };
        assert_eq!((first.topic.as_str(), first.pkid), ("dust/v1/110109/d/obs", 9));
        assert_eq!(first.payload.len() + cut, 3 << 20);
        assert!(frames.buffer.capacity() < 1 << 20);
        let Packet::Publish(next) = Packet::read(&mut got[1].bytes.clone(), usize::MAX).unwrap() else {
            panic!("no PUBLISH");
        };
        assert_eq!((next.topic.as_str(), next.pkid), ("next", 10));
    }

    #[test]
    fn what_is_no_mqtt_is_refused() {
        let mut frames = Frames::new(1 << 20);
        frames
            .room(6)
            .extend_from_slice(&[0x30, 0xff, 0xff, 0xff, 0xff, 0x01]);
        assert_eq!(frames.next().unwrap_err(), FrameError::Length);
    }
}
