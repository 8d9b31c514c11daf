//! A client that publishes what it is told to, good or bad, and listens for confirmations.

use std::time::{Duration, Instant};

use rumqttc::{Client, Connection, Event, Incoming, MqttOptions, QoS, Transport};

use super::authority::Authority;

const PATIENCE: Duration = Duration::from_secs(60);
/// Largest packet that it sends.
const LARGEST: usize = 32 << 20;

/// A connection to the broker.
pub(crate) struct Wire {
    client: Client,
    connection: Connection,
}

impl Wire {
    /// Connects under a name and listens for every confirmation.
    pub(crate) fn connect(port: u16, name: &str) -> Self {
        Self::listen(MqttOptions::new(name, "127.0.0.1", port), "dust/v1/+/+/ack")
    }

    /// Connects under a name and listens to a filter.
    pub(crate) fn connect_to(port: u16, name: &str, filter: &str) -> Self {
        Self::listen(MqttOptions::new(name, "127.0.0.1", port), filter)
    }

    /// Connects over TLS, under the name in the certificate, and listens.
    pub(crate) fn connect_secured(port: u16, authority: &Authority, name: &str, filter: &str) -> Self {
        let mut options = MqttOptions::new(format!("wire-{name}"), "127.0.0.1", port);
        options.set_transport(Transport::tls_with_config(authority.client(name).into()));
        Self::listen(options, filter)
    }

    fn listen(mut options: MqttOptions, filter: &str) -> Self {
        options
            .set_max_packet_size(LARGEST, LARGEST)
            .set_keep_alive(Duration::from_secs(30));
        let (client, connection) = Client::new(options, 10_000);
        let mut wire = Self { client, connection };
        wire.client
            .subscribe(filter, QoS::AtLeastOnce)
            .expect("the queue has room");
        wire.wait("SUBACK", |event| {
            matches!(event, Incoming::SubAck(_)).then_some(())
        });
        wire
    }

    /// Publishes with QoS 1 and waits for the broker's word.
    pub(crate) fn publish(&mut self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.client
            .publish(topic, QoS::AtLeastOnce, false, payload.into())
            .expect("the queue has room");
        self.wait("PUBACK", |event| {
            matches!(event, Incoming::PubAck(_)).then_some(())
        });
    }

    /// Publishes what the broker does not allow, and waits until it answers or hangs up, as its version has it.
    pub(crate) fn publish_in_vain(mut self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.client
            .publish(topic, QoS::AtLeastOnce, false, payload.into())
            .expect("the queue has room");
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            let event = self.connection.recv_timeout(Duration::from_millis(200));
            if let Ok(Ok(Event::Incoming(Incoming::PubAck(_))) | Err(_)) = event {
                return;
            }
        }
        panic!("no word about {topic} within {PATIENCE:?}");
    }

    /// Publishes with QoS 0: nobody answers.
    pub(crate) fn publish_unanswered(&mut self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.client
            .publish(topic, QoS::AtMostOnce, false, payload.into())
            .expect("the queue has room");
    }

    /// Publishes an observation with a number, the only one that its agent still holds, and waits until the ingester
    /// has confirmed it: everything that was published before it has then been taken as well.
    pub(crate) fn publish_and_confirm(&mut self, topic: &str, epoch: &str, seq: u64, rest: &str) {
        let payload = format!("{{\"epoch\":\"{epoch}\",\"from\":{seq},\"seq\":{seq},{rest}}}");
        let ack_topic = topic.replace("/obs", "/ack");
        self.client
            .publish(topic, QoS::AtLeastOnce, false, payload)
            .expect("the queue has room");
        self.wait("confirmation", |event| {
            let Incoming::Publish(publish) = event else {
                return None;
            };
            let ack: serde_json::Value = serde_json::from_slice(&publish.payload).ok()?;
            (publish.topic == ack_topic && ack["epoch"] == epoch && ack["seq"].as_u64()? >= seq).then_some(())
        });
    }

    /// Waits for a message: its topic and payload.
    pub(crate) fn message(&mut self) -> (String, String) {
        self.wait("message", |event| match event {
            Incoming::Publish(publish) => Some((
                publish.topic.clone(),
                String::from_utf8_lossy(&publish.payload).into_owned(),
            )),
            _ => None,
        })
    }

    fn wait<T>(&mut self, what: &str, fits: impl Fn(&Incoming) -> Option<T>) -> T {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            match self.connection.recv_timeout(Duration::from_millis(200)) {
                Ok(Ok(Event::Incoming(event))) => {
                    if let Some(found) = fits(&event) {
                        return found;
                    }
                }
                Ok(Err(error)) => {
                    panic!("the broker ended the connection while waiting for a {what}: {error}")
                }
                Ok(Ok(_)) | Err(_) => {}
            }
        }
        panic!("no {what} within {PATIENCE:?}");
    }
}
