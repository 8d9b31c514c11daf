//! The MQTT client library, behind one door, so that it can be exchanged.
//!
//! Settings that matter: packets of any size come in (a too large one is rejected with a reason; refusing it here
//! would make the broker deliver it for ever), acknowledgements are ours to send, the session outlives the
//! connection, and reconnects wait with jitter.

use std::time::Duration;

use dustwatch_config::{AddressError, BrokerAddress, BrokerSettings};
use rumqttc::{AsyncClient, EventLoop, MqttOptions, TlsConfiguration, Transport};

use crate::IngestError;

/// Largest packet that MQTT knows.
const ANY_SIZE: usize = 268_435_455;
/// Largest packet that we send: an acknowledgement is far smaller.
const OUTGOING_BYTES: usize = 64 * 1024;

/// Silence after which a sign of life is asked for; twice that, and the peer is gone: no later than on the receiving
/// connection.
const KEEP_ALIVE: Duration = Duration::from_secs(12);

/// Client and event loop for a client id.
pub(crate) fn connect(
    settings: &BrokerSettings,
    suffix: &str,
    persistent: bool,
    capacity: usize,
) -> Result<(AsyncClient, EventLoop), IngestError> {
    let address = address(&settings.url)?;
    let mut options = MqttOptions::new(
        format!("{}{suffix}", settings.client_id),
        address.host(),
        address.port(),
    );
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_session(!persistent)
        .set_manual_acks(persistent)
        .set_max_packet_size(ANY_SIZE, OUTGOING_BYTES);
    if let Some(tls) = &settings.tls {
        let config = TlsConfiguration::Rustls(tls.client_config()?);
        options.set_transport(Transport::tls_with_config(config));
    }
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

/// The address of a setting.
pub(crate) fn address(url: &str) -> Result<BrokerAddress, IngestError> {
    url.parse()
        .map_err(|error: AddressError| IngestError::Broker(error))
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
    use super::*;

    #[test]
    fn waits_grow_to_a_minute_and_start_over() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..12).map(|_| backoff.next(u64::MAX).as_millis()).collect();
        assert!(waits[0] <= 250 && waits[11] <= 60_000 && waits[11] >= 30_000);
        backoff.reset();
        assert!(backoff.next(0).as_millis() <= 250);
    }
}
