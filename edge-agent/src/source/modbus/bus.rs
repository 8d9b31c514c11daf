//! The line that units hang on: opened when needed, one question at a time.
//!
//! Invariant: an answer is never taken for that of another question. Modbus RTU numbers nothing, so after a question without an
//! answer the line is left alone for as long again, and what came late is thrown away; a TCP connection is made anew.

use std::path::PathBuf;
use std::time::Duration;

use serial2_tokio::{CharSize, Parity as SerialParity, SerialPort, Settings, StopBits};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_modbus::client::{Context, Reader, Writer, rtu, tcp};
use tokio_modbus::slave::{Slave, SlaveContext};
use tokio_modbus::{Error, ExceptionCode};

use super::map::{LineSpeed, Parity, Read};

/// How long a connection may take to be made.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// Bits of a byte on the line, with start and stop.
const BITS_PER_BYTE: u32 = 11;

/// Where units are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusSettings {
    /// On a serial line: Modbus RTU.
    Serial {
        /// `/dev/ttyS1`.
        device: PathBuf,
        /// How fast.
        speed: LineSpeed,
    },
    /// Behind a TCP address.
    Tcp {
        /// `192.168.1.20:502`.
        address: String,
        /// RTU frames as they are, as serial servers pass them on, instead of Modbus TCP.
        rtu_frames: bool,
    },
}

impl std::fmt::Display for BusSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BusSettings::Serial { device, speed } => write!(f, "{} at {} baud", device.display(), speed.baud),
            BusSettings::Tcp { address, .. } => f.write_str(address),
        }
    }
}

/// Why a question has no answer, told apart by what an installer does about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BusError {
    /// The line is not there.
    #[error("cannot be opened: {0}")]
    Open(std::io::Error),
    /// The line broke.
    #[error("the line failed: {0}")]
    Lost(std::io::Error),
    /// Nobody answers.
    #[error(
        "no answer within {} ms: is it powered, are A and B exchanged, is its address another, does it speak at another baud rate?",
        .0.as_millis()
    )]
    Silent(Duration),
    /// It answers that it will not.
    #[error("it refuses registers {first} to {last}: {code}; is this the map of this device?")]
    Refused {
        /// The first register on the wire.
        first: u16,
        /// The last.
        last: u32,
        /// What it said.
        code: ExceptionCode,
    },
    /// It answers something else.
    #[error("it answers what was not asked: {0}")]
    Strange(String),
}

impl BusError {
    /// Whether the line itself does not work, so that no other unit can be asked either.
    pub(crate) fn is_of_line(&self) -> bool {
        matches!(self, BusError::Open(_) | BusError::Lost(_))
    }
}

/// A line, open or not.
pub(crate) struct Bus {
    settings: BusSettings,
    patience: Duration,
    open: Option<Open>,
}

struct Open {
    context: Context,
    /// A second handle of a serial port, to throw away what came too late.
    port: Option<SerialPort>,
}

impl Bus {
    /// A line that is opened with the first question. An answer is waited for `patience`.
    pub(crate) fn new(settings: BusSettings, patience: Duration) -> Self {
        Self {
            settings,
            patience,
            open: None,
        }
    }

    /// The registers of one request.
    pub(crate) async fn read(&mut self, unit: u8, read: &Read) -> Result<Vec<u16>, BusError> {
        let (first, last) = (read.address, u32::from(read.address) + u32::from(read.count) - 1);
        let answer = self.ask(unit, (first, last), async |context| match read.input {
            false => context.read_holding_registers(read.address, read.count).await,
            true => context.read_input_registers(read.address, read.count).await,
        });
        let words = answer.await?;
        if words.len() == usize::from(read.count) {
            return Ok(words);
        }
        let error = BusError::Strange(format!("{} registers instead of {}", words.len(), read.count));
        self.settle().await;
        Err(error)
    }

    /// Turns a coil on or off (function 5).
    pub(crate) async fn write_coil(&mut self, unit: u8, coil: u16, on: bool) -> Result<(), BusError> {
        let place = (coil, u32::from(coil));
        self.ask(unit, place, async |context| {
            context.write_single_coil(coil, on).await
        })
        .await
    }

    /// Asks a unit something about registers from a first to a last, and leaves the line in order.
    async fn ask<T>(
        &mut self,
        unit: u8,
        (first, last): (u16, u32),
        question: impl AsyncFnOnce(&mut Context) -> tokio_modbus::Result<T>,
    ) -> Result<T, BusError> {
        let (gap, patience) = (self.frame_gap(), self.patience);
        let open = self.opened().await?;
        tokio::time::sleep(gap).await;
        open.context.set_slave(Slave(unit));
        let answer = match timeout(patience, question(&mut open.context)).await {
            Err(_elapsed) => Err(BusError::Silent(patience)),
            Ok(Err(Error::Transport(error))) => Err(BusError::Lost(error)),
            Ok(Err(Error::Protocol(error))) => Err(BusError::Strange(error.to_string())),
            Ok(Ok(Err(code))) => Err(BusError::Refused { first, last, code }),
            Ok(Ok(Ok(said))) => Ok(said),
        };
        match &answer {
            Err(BusError::Silent(_) | BusError::Strange(_)) => self.settle().await,
            Err(BusError::Lost(_)) => self.open = None,
            _ => {}
        }
        answer
    }

    /// Lets a late answer pass by.
    async fn settle(&mut self) {
        tokio::time::sleep(self.patience).await;
        match &self.open {
            Some(Open { port: Some(port), .. }) if port.discard_input_buffer().is_ok() => {}
            _ => self.open = None,
        }
    }

    /// The silence that ends a frame: three and a half bytes, and at least 1.75 ms (Modbus over serial line 1.02, 2.5.1.1).
    fn frame_gap(&self) -> Duration {
        match &self.settings {
            BusSettings::Serial { speed, .. } => {
                let bytes = Duration::from_secs(1) * BITS_PER_BYTE * 7 / 2 / speed.baud.max(1);
                bytes.max(Duration::from_micros(1750))
            }
            BusSettings::Tcp { .. } => Duration::ZERO,
        }
    }

    async fn opened(&mut self) -> Result<&mut Open, BusError> {
        if self.open.is_none() {
            self.open = Some(open(&self.settings).await.map_err(BusError::Open)?);
        }
        Ok(self.open.as_mut().expect("it was opened just now"))
    }
}

async fn open(settings: &BusSettings) -> std::io::Result<Open> {
    let anybody = Slave::broadcast();
    match settings {
        BusSettings::Serial { device, speed } => {
            let port = SerialPort::open(device, |settings: Settings| configured(settings, *speed))?;
            port.discard_buffers()?;
            Ok(Open {
                context: rtu::attach_slave(port.try_clone()?, anybody),
                port: Some(port),
            })
        }
        BusSettings::Tcp { address, rtu_frames } => {
            let connected = timeout(CONNECT_PATIENCE, TcpStream::connect(address)).await;
            let stream = connected.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
            stream.set_nodelay(true)?;
            let context = match rtu_frames {
                true => rtu::attach_slave(stream, anybody),
                false => tcp::attach_slave(stream, anybody),
            };
            Ok(Open { context, port: None })
        }
    }
}

fn configured(mut settings: Settings, speed: LineSpeed) -> std::io::Result<Settings> {
    settings.set_raw();
    settings.set_baud_rate(speed.baud)?;
    settings.set_char_size(CharSize::Bits8);
    settings.set_parity(match speed.parity {
        Parity::None => SerialParity::None,
        Parity::Even => SerialParity::Even,
        Parity::Odd => SerialParity::Odd,
    });
    settings.set_stop_bits(match speed.stop_bits {
        2 => StopBits::Two,
        _ => StopBits::One,
    });
    Ok(settings)
}
