//! Announcements: what a process has to say to the broker now and then, alarms for one.
//!
//! Place on the way: beside it. A connection is made for the occasion and ends with it, since occasions are rare and nothing
//! may be said to be told that the broker has not confirmed.

use std::collections::HashSet;
use std::time::Duration;

use dustwatch_config::BrokerSettings;
use dustwatch_observation::Topic;
use rumqttc::{Event, Incoming, Outgoing, QoS};

use crate::IngestError;
use crate::link::connect;

/// Time that a whole announcement may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Messages under way at once: what the library takes before it is polled.
const WINDOW: usize = 64;

/// Publishes messages, in their order, and returns once the broker has confirmed each of them (QoS 1, not retained).
///
/// # Errors
/// [`IngestError::Announce`] when the broker did not confirm all of them: any number may have been sent, so all are to be
/// sent again. [`IngestError::Broker`], [`IngestError::Tls`] when the settings cannot be used.
pub async fn announce(broker: &BrokerSettings, messages: &[(Topic, Vec<u8>)]) -> Result<(), IngestError> {
    let told = tokio::time::timeout(PATIENCE, publish(broker, messages)).await;
    told.unwrap_or_else(|_elapsed| {
        Err(IngestError::Announce(format!(
            "the broker did not confirm within {} seconds",
            PATIENCE.as_secs()
        )))
    })
}

async fn publish(broker: &BrokerSettings, messages: &[(Topic, Vec<u8>)]) -> Result<(), IngestError> {
    let fail = |error: &dyn std::fmt::Display| IngestError::Announce(error.to_string());
    let (client, mut eventloop) = connect(broker, "-announce", false, WINDOW + 2)?;
    let mut left = messages.iter();
    let mut waiting: HashSet<u16> = HashSet::new();
    let (mut handed, mut confirmed) = (0, 0);
    while confirmed < messages.len() {
        while handed - confirmed < WINDOW
            && let Some((topic, payload)) = left.next()
        {
            client
                .try_publish(topic.to_string(), QoS::AtLeastOnce, false, payload.clone())
                .map_err(|e| fail(&e))?;
            handed += 1;
        }
        match eventloop.poll().await.map_err(|e| fail(&e))? {
            Event::Outgoing(Outgoing::Publish(packet)) => {
                waiting.insert(packet);
            }
            Event::Incoming(Incoming::PubAck(ack)) if waiting.remove(&ack.pkid) => confirmed += 1,
            _ => {}
        }
    }
    // The broker has everything; how the connection ends does not matter any more.
    let _ = client.try_disconnect();
    let _ = tokio::time::timeout(Duration::from_secs(1), eventloop.poll()).await;
    Ok(())
}
