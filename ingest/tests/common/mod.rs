//! An ingester in a folder, and a client that publishes to it.
#![allow(clippy::unwrap_used, unreachable_pub)]

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use dustwatch_config::Settings;
use dustwatch_observation::Ack;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::sync::mpsc;

pub const DEVICE: &str = "110109-DY-0001";

pub fn settings(folder: &Path) -> Settings {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let file = folder.join("dustwatch.toml");
    let text = format!(
        "[broker]\nurl = \"mqtt://127.0.0.1:{port}\"\n[journal]\ndir = \"journal\"\n\
         [lake]\nuri = \"lake\"\ncommit_interval_seconds = 1\n"
    );
    std::fs::write(&file, text).unwrap();
    Settings::load(Some(&file)).unwrap()
}

/// A client that publishes and hears the acknowledgements.
pub async fn client(settings: &Settings, id: &str) -> (AsyncClient, mpsc::UnboundedReceiver<Ack>) {
    let port = settings.broker.url.rsplit_once(':').unwrap().1.parse().unwrap();
    let mut options = MqttOptions::new(id, "127.0.0.1", port);
    options.set_max_packet_size(1 << 20, 8 << 20).set_inflight(50);
    let (client, mut eventloop) = AsyncClient::new(options, 100);
    client
        .subscribe(format!("dust/v1/110109/{DEVICE}/ack"), QoS::AtLeastOnce)
        .await
        .unwrap();
    let (out, acks) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            match eventloop.poll().await {
                Ok(Event::Incoming(Packet::Publish(p))) => {
                    drop(out.send(Ack::from_json(&p.payload).unwrap()))
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    });
    (client, acks)
}

pub async fn publish(client: &AsyncClient, payload: impl Into<Vec<u8>>) {
    let topic = format!("dust/v1/110109/{DEVICE}/obs");
    client
        .publish(topic, QoS::AtLeastOnce, false, payload)
        .await
        .unwrap();
}

pub fn observation(seq: u64, from: u64, tsp: &str) -> String {
    let minute = 1_565_020_800_000u64 + seq * 60_000;
    format!(
        "{{\"epoch\":\"e1\",\"from\":{from},\"seq\":{seq},\"time\":{minute},\"tsp\":{tsp},\"pm25\":35.2}}"
    )
}

pub async fn wait_for_ack(acks: &mut mpsc::UnboundedReceiver<Ack>, seq: u64) {
    let reached = async { while acks.recv().await.unwrap().seq < seq {} };
    tokio::time::timeout(Duration::from_secs(20), reached)
        .await
        .expect("the last number is confirmed in time");
}
