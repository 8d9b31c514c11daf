//! UART: particle modules on a serial line, Plantower PMS5003 and PMS7003, Nova SDS011.
//!
//! A module speaks about once a second by itself; what it says goes to the interval's means.
//!
//! Invariant: a byte sequence counts only if head, length and checksum are right; noise before and behind it does not matter.

mod frames;

use std::path::PathBuf;
use std::time::Duration;

use dustwatch_observation::{Decimal, ParameterId, ParameterSet};
use serial2::SerialPort;
use tokio::sync::mpsc;

use super::average::Samples;
use crate::Shutdown;
pub use frames::Module;
pub(crate) use frames::Scanner;

/// Wait before a line that cannot be opened is tried again.
const OPEN_PAUSE: Duration = Duration::from_secs(5);
/// How long a read waits, and so how long the line takes to notice that nobody listens any more.
const READ_PATIENCE: Duration = Duration::from_millis(500);
/// Both modules speak at 9600 baud, 8N1.
const BAUD: u32 = 9600;
/// Values a module sends a minute, about, in the slower of its modes (PMS: 2.3 s).
const A_MINUTE: u64 = 26;

/// A source of this kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UartSettings {
    /// The line, `/dev/ttyS1`.
    pub device: PathBuf,
    /// What is on it.
    pub module: Module,
    /// The reporting interval; divides an hour.
    pub interval_seconds: u32,
}

impl UartSettings {
    /// Samples that an interval should bring, by parameter.
    pub(crate) fn expected(&self, parameters: &ParameterSet) -> Vec<(ParameterId, u64)> {
        let count = (u64::from(self.interval_seconds) * A_MINUTE / 60).max(1);
        let ids = [parameters.find("pm25"), parameters.find("pm10")];
        ids.into_iter().flatten().map(|id| (id, count)).collect()
    }
}

/// Reads until stopped; a line that fails is opened again.
pub(super) async fn run(
    settings: &UartSettings,
    parameters: &ParameterSet,
    samples: &Samples,
    mut shutdown: Shutdown,
) {
    loop {
        let ended = tokio::select! {
            ended = listen(settings, parameters, samples) => ended,
            () = shutdown.requested() => return,
        };
        let Err(error) = ended else { return };
        tracing::error!(device = %settings.device.display(), %error, "the serial line fails, trying again");
        tokio::select! {
            () = tokio::time::sleep(OPEN_PAUSE) => {}
            () = shutdown.requested() => return,
        }
    }
}

/// Opens the line and reads; returns why it cannot any more, or well when nobody takes samples any more.
async fn listen(
    settings: &UartSettings,
    parameters: &ParameterSet,
    samples: &Samples,
) -> std::io::Result<()> {
    let (pm25, pm10) = (parameters.find("pm25"), parameters.find("pm10"));
    let mut bytes = open(settings)?;
    let mut scanner = Scanner::new(settings.module);
    while let Some(read) = bytes.recv().await {
        for particles in scanner.push(&read?) {
            let tenths =
                |id: Option<ParameterId>, value: u32| id.map(|id| (id, Decimal::new(i64::from(value), 1)));
            let said = [tenths(pm25, particles.pm25), tenths(pm10, particles.pm10)];
            if !samples.offer(said.into_iter().flatten().collect()).await {
                return Ok(());
            }
        }
    }
    Err(std::io::Error::other("the line was closed"))
}

/// The line's bytes, read on a thread of their own until nobody listens any more.
pub(crate) fn open(settings: &UartSettings) -> std::io::Result<mpsc::Receiver<std::io::Result<Vec<u8>>>> {
    let mut port = SerialPort::open(&settings.device, BAUD)?;
    port.set_read_timeout(READ_PATIENCE)?;
    let (sender, receiver) = mpsc::channel(16);
    std::thread::Builder::new()
        .name("uart".to_owned())
        .spawn(move || {
            let mut buffer = [0; 256];
            while !sender.is_closed() {
                let read = match port.read(&mut buffer) {
                    Ok(0) => continue,
                    Ok(length) => Ok(buffer[..length].to_vec()),
                    Err(error) if error.kind() == std::io::ErrorKind::TimedOut => continue,
                    Err(error) => Err(error),
                };
                let failed = read.is_err();
                if sender.blocking_send(read).is_err() || failed {
                    return;
                }
            }
        })?;
    Ok(receiver)
}
