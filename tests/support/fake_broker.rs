//! A broker that a test plays itself, packet by packet, to see what the ingester sends on the wire.
//!
//! The ingester's second connection, for confirmations, is served without the test; the first one is its to answer.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{Packet, Publish, Subscribe};
use rumqttc::mqttbytes::{Error, QoS};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);
const PINGRESP: [u8; 2] = [0xd0, 0];

/// Accepts what comes to a port.
pub(crate) struct FakeBroker {
    conversations: Receiver<Conversation>,
}

/// The receiving connection of the ingester, from its CONNECT on.
pub(crate) struct Conversation {
    stream: TcpStream,
    buffer: BytesMut,
}

impl FakeBroker {
    /// Listens until the test ends.
    pub(crate) fn listen(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let (out, conversations) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let out = out.clone();
                std::thread::spawn(move || greet(stream, &out));
            }
        });
        Self { conversations }
    }

    /// The next receiving connection; its CONNECT is not answered yet.
    #[track_caller]
    pub(crate) fn accept(&self) -> Conversation {
        self.conversations
            .recv_timeout(PATIENCE)
            .expect("the ingester connects")
    }
}

fn greet(stream: TcpStream, out: &Sender<Conversation>) {
    let _ = stream.set_nodelay(true);
    let mut conversation = Conversation {
        stream,
        buffer: BytesMut::new(),
    };
    match conversation.next() {
        Some(Packet::Connect(connect)) if connect.client_id.ends_with("-ack") => conversation.serve(),
        Some(Packet::Connect(connect)) => {
            assert!(!connect.clean_session, "the session outlives the connection");
            let _ = out.send(conversation);
        }
        _ => {}
    }
}

impl Conversation {
    /// CONNACK.
    pub(crate) fn welcome(&mut self, session_present: bool) {
        self.send(&[0x20, 2, u8::from(session_present), 0]);
    }

    #[track_caller]
    pub(crate) fn expect_subscribe(&mut self) -> Subscribe {
        match self.next() {
            Some(Packet::Subscribe(subscribe)) => subscribe,
            other => panic!("a SUBSCRIBE was to come, not {other:?}"),
        }
    }

    /// SUBACK, for every filter the same.
    pub(crate) fn answer(&mut self, subscribe: &Subscribe, code: u8) {
        let filters = subscribe.filters.len();
        let [high, low] = subscribe.pkid.to_be_bytes();
        let mut packet = vec![0x90, 2 + filters as u8, high, low];
        packet.extend(std::iter::repeat_n(code, filters));
        self.send(&packet);
    }

    /// Welcomes, and grants the subscription.
    #[track_caller]
    pub(crate) fn begin(&mut self) {
        self.welcome(false);
        let subscribe = self.expect_subscribe();
        self.answer(&subscribe, 1);
    }

    /// PUBLISH with QoS 1.
    pub(crate) fn publish(&mut self, id: u16, topic: &str, payload: impl Into<Vec<u8>>) {
        let mut publish = Publish::new(topic, QoS::AtLeastOnce, payload);
        publish.pkid = id;
        let mut packet = BytesMut::new();
        publish.write(&mut packet).expect("a PUBLISH can be written");
        self.send(&packet);
    }

    /// The next packets are PUBACKs with exactly these ids.
    #[track_caller]
    pub(crate) fn expect_acks(&mut self, ids: impl IntoIterator<Item = u16>) {
        for id in ids {
            match self.next() {
                Some(Packet::PubAck(ack)) => assert_eq!(ack.pkid, id, "acknowledged out of turn"),
                other => panic!("a PUBACK for {id} was to come, not {other:?}"),
            }
        }
    }

    /// The ingester ends the connection.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        match self.next() {
            None | Some(Packet::Disconnect) => {}
            other => panic!("an end was to come, not {other:?}"),
        }
    }

    /// Sends bytes, whatever they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the ingester listens");
    }

    /// The next packet but PINGREQs, which are answered; `None` at the end of the connection.
    #[track_caller]
    fn next(&mut self) -> Option<Packet> {
        let since = Instant::now();
        let tick = Some(Duration::from_millis(100));
        self.stream
            .set_read_timeout(tick)
            .expect("a socket takes a timeout");
        loop {
            match Packet::read(&mut self.buffer, usize::MAX) {
                Ok(Packet::PingReq) => {
                    self.send(&PINGRESP);
                    continue;
                }
                Ok(packet) => return Some(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => panic!("the ingester sent what is no MQTT: {error:?}"),
            }
            assert!(since.elapsed() < PATIENCE, "nothing came within {PATIENCE:?}");
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(read) => self.buffer.extend_from_slice(&bytes[..read]),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return None,
            }
        }
    }

    /// Does what a broker does, for the connection of the confirmations.
    fn serve(mut self) {
        let _ = self.stream.write_all(&[0x20, 2, 0, 0]);
        let mut last = Instant::now();
        while last.elapsed() < PATIENCE {
            let Some(packet) = self.next() else { return };
            last = Instant::now();
            match packet {
                Packet::Subscribe(subscribe) => self.answer(&subscribe, 1),
                Packet::Publish(publish) => {
                    let [high, low] = publish.pkid.to_be_bytes();
                    self.send(&[0x40, 2, high, low]);
                }
                _ => {}
            }
        }
    }
}
