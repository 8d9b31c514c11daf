//! The embedded broker: for a machine that has no other.
//!
//! It keeps messages in memory only and forgets everything when the process ends. Nothing is lost by that: an agent
//! keeps what it sent until the ingester has confirmed it; a device that goes by the PUBACK alone wants another broker. It listens on loopback unless told otherwise.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

use crate::IngestError;
use crate::link::address;

/// Connections at the same time.
const MAX_CONNECTIONS: usize = 10_000;
/// Largest payload that a client may publish: above what the ingester takes, so that it can say what is wrong.
const MAX_PAYLOAD_BYTES: usize = 20 << 20;

/// A broker in this process; it runs until the process ends.
#[derive(Debug)]
pub struct EmbeddedBroker {
    address: SocketAddr,
}

impl EmbeddedBroker {
    /// Starts a broker at the address of `mqtt://HOST:PORT` and returns when it answers.
    ///
    /// # Errors
    /// [`IngestError::Broker`] when the address cannot be used, [`IngestError::Listen`] when something listens there already.
    pub fn start(url: &str) -> Result<Self, IngestError> {
        let fail = |message: String| IngestError::Listen {
            url: url.to_owned(),
            message,
        };
        let address = address(url)?;
        let listen = (address.host(), address.port())
            .to_socket_addrs()
            .map_err(|e| fail(e.to_string()))?
            .next()
            .ok_or_else(|| fail("has no address".to_owned()))?;
        // The broker's own thread could only log that the port is taken.
        drop(std::net::TcpListener::bind(listen).map_err(|e| fail(format!("cannot listen there: {e}")))?);
        let mut broker = Broker::new(config(listen));
        std::thread::Builder::new()
            .name("broker".to_owned())
            .spawn(move || {
                if let Err(error) = broker.start() {
                    tracing::error!(%error, "embedded broker ended");
                }
            })
            .map_err(|e| fail(e.to_string()))?;
        for _ in 0..200 {
            if TcpStream::connect_timeout(&listen, Duration::from_millis(100)).is_ok() {
                tracing::info!(%listen, "embedded broker listens");
                return Ok(Self { address: listen });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(fail("does not answer".to_owned()))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn config(listen: SocketAddr) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: 10_000,
        max_payload_size: MAX_PAYLOAD_BYTES,
        max_inflight_count: 500,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server = ServerSettings {
        name: "dustwatch".to_owned(),
        listen,
        tls: None,
        next_connection_delay_ms: 1,
        connections,
    };
    Config {
        id: 0,
        router: RouterConfig {
            max_connections: MAX_CONNECTIONS,
            max_outgoing_packet_count: 200,
            max_segment_size: 64 << 20,
            max_segment_count: 16,
            ..RouterConfig::default()
        },
        v4: Some(HashMap::from([("v4".to_owned(), server)])),
        ..Config::default()
    }
}
