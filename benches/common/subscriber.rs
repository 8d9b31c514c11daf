//! Who listens while a bench publishes: the baseline that forgets, and the confirmations of an ingester.

use std::collections::HashMap;
use std::time::Duration;

use dustwatch_observation::Ack;
use rumqttc::{AsyncClient, Client, Event, Incoming, MqttOptions, QoS};

use super::process::{Fallible, Running};

/// First argument of a bench when it is to be the subscriber that forgets; port and number of messages follow.
pub(crate) const FORGET: &str = "--forget";
const OBS: &str = "dust/v1/+/+/obs";
const ACKS: &str = "dust/v1/+/+/ack";
const ANY_SIZE: usize = 268_435_455;

/// Is the subscriber that forgets, if the arguments of the process say so.
pub(crate) fn forgets_by_arguments() -> bool {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_none_or(|first| first != FORGET) {
        return false;
    }
    let number = |at: usize| arguments[at].parse::<u64>().unwrap();
    forget(number(2) as u16, number(3));
    true
}

/// Starts this program anew as the subscriber that forgets so many messages.
pub(crate) fn forgetting(port: u16, messages: u64) -> Fallible<Running> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    Running::start(&program, &[FORGET, &port.to_string(), &messages.to_string()])
}

/// What the ingester says on the devices' confirmation topics.
pub(crate) struct Confirmations {
    connection: rumqttc::Connection,
    client: Client,
    reached: HashMap<String, u64>,
}

impl Confirmations {
    pub(crate) fn listen(port: u16) -> Self {
        let mut options = MqttOptions::new("bench-confirmations", "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(30));
        let (client, connection) = Client::new(options, 100);
        client.subscribe(ACKS, QoS::AtMostOnce).unwrap();
        let mut confirmations = Self {
            connection,
            client,
            reached: HashMap::new(),
        };
        while !matches!(
            confirmations.connection.recv(),
            Ok(Ok(Event::Incoming(Incoming::SubAck(_))))
        ) {}
        confirmations
    }

    /// Waits until so many observations are durable.
    pub(crate) fn wait(&mut self, observations: u64, ingester: &mut Running) -> Fallible<()> {
        while self.reached.values().sum::<u64>() < observations {
            match self.connection.recv_timeout(Duration::from_millis(200)) {
                Ok(Ok(Event::Incoming(Incoming::Publish(publish)))) => {
                    if let Some(ack) = Ack::from_json(&publish.payload) {
                        self.reached.insert(publish.topic, ack.seq);
                    }
                }
                Ok(Err(error)) => return Err(format!("the broker ended the connection: {error}")),
                _ if ingester.has_ended() => return Err(format!("the ingester ended:\n{}", ingester.said())),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Confirmations {
    fn drop(&mut self) {
        let _ = self.client.try_disconnect();
    }
}

/// The baseline: a persistent session, QoS 1, own acknowledgements, sent at once; counts the messages and forgets them.
fn forget(port: u16, messages: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut options = MqttOptions::new("bench-forgets", "127.0.0.1", port);
        options
            .set_keep_alive(Duration::from_secs(30))
            .set_clean_session(false)
            .set_manual_acks(true)
            .set_max_packet_size(ANY_SIZE, 64 * 1024);
        // Room for an acknowledgement of each packet id that there is.
        let (client, mut eventloop) = AsyncClient::new(options, 1 << 16);
        let mut network = eventloop.network_options.clone();
        network.set_tcp_nodelay(true);
        eventloop.set_network_options(network);
        client.subscribe(OBS, QoS::AtLeastOnce).await.unwrap();
        let mut counted = 0;
        while counted < messages {
            match eventloop.poll().await.unwrap() {
                Event::Incoming(Incoming::SubAck(_)) => println!("ready"),
                Event::Incoming(Incoming::Publish(publish)) => {
                    counted += 1;
                    client.try_ack(&publish).unwrap();
                }
                _ => {}
            }
        }
        println!("counted {counted}");
    });
}
