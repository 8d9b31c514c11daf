//! The MQTT client library, behind one door, so that it can be exchanged.
//!
//! Settings that matter: packets of any size come in (a too large one is rejected with a reason; refusing it here
//! would make the broker deliver it for ever), acknowledgements are ours to send, the session outlives the
//! connection, and reconnects wait with jitter.

use std::time::Duration;

use dustwatch_config::BrokerSettings;
use rumqttc::{AsyncClient, EventLoop, MqttOptions, Publish, QoS};

use crate::IngestError;

/// Largest packet that MQTT knows.
const ANY_SIZE: usize = 268_435_455;
/// Largest packet that we send: an acknowledgement is far smaller.
const OUTGOING_BYTES: usize = 64 * 1024;

/// Client and event loop for a client id.
pub(crate) fn connect(
    settings: &BrokerSettings,
    suffix: &str,
    persistent: bool,
    capacity: usize,
) -> Result<(AsyncClient, EventLoop), IngestError> {
    let (host, port) = address(&settings.url)?;
    let mut options = MqttOptions::new(format!("{}{suffix}", settings.client_id), host, port);
    options
        .set_keep_alive(Duration::from_secs(30))
        .set_clean_session(!persistent)
        .set_manual_acks(persistent)
        .set_max_packet_size(ANY_SIZE, OUTGOING_BYTES);
    if let Some(user) = &settings.username {
        options.set_credentials(user.clone(), settings.password.clone().unwrap_or_default());
    }
    let (client, mut eventloop) = AsyncClient::new(options, capacity);
    let mut network = eventloop.network_options.clone();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(10);
    eventloop.set_network_options(network);
    Ok((client, eventloop))
}

/// Host and port of `mqtt://HOST:PORT`; the port is 1883 when left out.
pub(crate) fn address(url: &str) -> Result<(String, u16), IngestError> {
    let fail = |message: &str| IngestError::Broker {
        url: url.to_owned(),
        message: message.to_owned(),
    };
    let rest = url
        .strip_prefix("mqtt://")
        .ok_or_else(|| fail("does not have the form mqtt://HOST:PORT"))?;
    let rest = rest.trim_end_matches('/');
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| fail("has no valid port"))?),
        None => (rest, 1883),
    };
    if host.is_empty() || host.contains(['/', '@']) {
        return Err(fail(
            "does not have the form mqtt://HOST:PORT; user and password belong into the settings",
        ));
    }
    Ok((host.trim_matches(['[', ']']).to_owned(), port))
}

/// A message that stands for a packet id, as the client wants it for an acknowledgement.
pub(crate) fn to_acknowledge(packet: u16) -> Publish {
    let mut publish = Publish::new("", QoS::AtLeastOnce, Vec::new());
    publish.pkid = packet;
    publish
}

/// Waits between attempts to connect: doubling from a quarter of a second to a minute, with jitter.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The connection works: the next wait is short again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait before the next attempt; `random` is any number.
    pub(crate) fn next(&mut self, random: u64) -> Duration {
        let ceiling = 250u64 << self.failures.min(8);
        self.failures += 1;
        let ceiling = ceiling.min(60_000);
        Duration::from_millis(ceiling / 2 + random % (ceiling / 2 + 1))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses_are_read() {
        assert_eq!(
            address("mqtt://10.1.2.3:1884").unwrap(),
            ("10.1.2.3".to_owned(), 1884)
        );
        assert_eq!(address("mqtt://broker").unwrap(), ("broker".to_owned(), 1883));
        assert_eq!(address("mqtt://[::1]:1884/").unwrap(), ("::1".to_owned(), 1884));
        for bad in ["http://x:1", "mqtt://", "mqtt://x:port", "mqtt://user@x:1"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn waits_grow_to_a_minute_and_start_over() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..12).map(|_| backoff.next(u64::MAX).as_millis()).collect();
        assert!(waits[0] <= 250 && waits[11] <= 60_000 && waits[11] >= 30_000);
        backoff.reset();
        assert!(backoff.next(0).as_millis() <= 250);
    }
}
