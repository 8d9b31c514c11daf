//! UART: particle modules on a serial line, Plantower PMS5003 and PMS7003, Nova SDS011.
//!
//! A module speaks about once a second by itself. Its values are averaged over the reporting interval and kept as one
//! observation at the interval's beginning; an interval in which less than half of what was expected came is kept with the
//! flag of a broken link (HJ 212-2017, table 8, B), so that it is seen and not counted; one without any is not kept, and said.
//!
//! Invariant: a byte sequence counts only if head, length and checksum are right; noise before and behind it does not matter.

mod frames;
mod mean;

use std::path::PathBuf;
use std::time::Duration;

use dustwatch_observation::{Flag, Observation};
use serial2::SerialPort;
use tokio::sync::mpsc;

use super::Intake;
use crate::Shutdown;
pub use frames::Module;
pub(crate) use frames::{Particles, Scanner};
use mean::Mean;

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

/// Reads until stopped; a line that fails is opened again.
pub(super) async fn run(settings: &UartSettings, intake: &Intake, mut shutdown: Shutdown) {
    loop {
        let ended = tokio::select! {
            ended = listen(settings, intake) => ended,
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

/// Opens the line and reads; returns why it cannot any more, or well when the spool is closed.
async fn listen(settings: &UartSettings, intake: &Intake) -> std::io::Result<()> {
    let mut bytes = open(settings)?;
    let mut scanner = Scanner::new(settings.module);
    let mut mean: Option<Mean> = None;
    let step = i64::from(settings.interval_seconds) * 1_000_000;
    loop {
        // An interval ends by itself, even when the module has fallen silent.
        let read = tokio::time::timeout(Duration::from_secs(1), bytes.recv()).await;
        let now = intake.clock.now().as_micros();
        let start = now.div_euclid(step) * step;
        if let Some(over) = mean.take_if(|mean| mean.start != start) {
            if over.count == 0 {
                tracing::warn!(device = %settings.device.display(), "the module was silent for an interval");
            } else if !intake.take(observation(settings, intake, &over)).await {
                return Ok(());
            }
        }
        let mean = mean.get_or_insert_with(|| Mean::new(start));
        match read {
            Err(_elapsed) => {}
            Ok(None) => return Err(std::io::Error::other("the line was closed")),
            Ok(Some(read)) => {
                for particles in scanner.push(&read?) {
                    mean.add(particles);
                }
            }
        }
    }
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

/// What an interval came to.
fn observation(settings: &UartSettings, intake: &Intake, mean: &Mean) -> Observation {
    let mut observation = Observation::new(intake.parameters.len());
    observation.time = dustwatch_observation::Time::from_micros(mean.start);
    let expected = u64::from(settings.interval_seconds) * A_MINUTE / 60;
    let flag = if mean.count * 2 < expected {
        Flag::LinkError
    } else {
        Flag::Normal
    };
    for (key, value) in mean.values() {
        if let Some(id) = intake.parameters.find(key) {
            let reading = observation.reading_mut(id);
            reading.value = Some(value);
            reading.flag = flag;
        }
    }
    observation
}
