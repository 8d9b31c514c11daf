//! An invented monitor, to try an agent without a sensor.

use std::time::Duration;

use dustwatch_config::{Station, StationKind};
use dustwatch_observation::{DeviceId, Observation, Time};

use super::Intake;
use crate::Shutdown;
use crate::network::{Network, Troubles};

/// Observes at every interval, until stopped.
pub(super) async fn run(interval_seconds: u32, seed: u64, intake: &Intake, mut shutdown: Shutdown) {
    let Ok(device) = DeviceId::new(&intake.device) else {
        return;
    };
    let station = Station {
        name: device.to_string(),
        device,
        kind: StationKind::Site,
        township: String::new(),
        lat: None,
        lon: None,
        interval_seconds,
        model: None,
        valid_from: None,
        valid_to: None,
    };
    let network = Network::new(&[station], intake.parameters.clone(), intake.offset_seconds, seed);
    let for_ever = intake.clock.now()..Time::from_micros(i64::MAX - 1_000_000_000);
    let mut feed = network.with_troubles(Troubles::None).feed(for_ever);
    let mut observation = Observation::default();
    loop {
        let ahead = feed.due().as_micros() - intake.clock.now().as_micros();
        tokio::select! {
            () = tokio::time::sleep(Duration::from_micros(ahead.max(0).cast_unsigned())) => {}
            () = shutdown.requested() => return,
        }
        if feed.due() > intake.clock.now() {
            continue;
        }
        if !feed.next_into(&mut observation) || !intake.take(observation.clone()).await {
            return;
        }
    }
}
