//! One connection to the broker: the handshake, then a reader and a writer that know nothing of each other.
//!
//! Invariant: a connection that says nothing for longer than its keep-alive allows is an error, so that a peer that
//! vanished without a word is noticed.

use std::time::Duration;

use dustwatch_config::{BrokerAddress, ConfigError, TlsSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;

use super::frame::{FrameError, Frames};
use super::protocol::{DISCONNECT, Login, PING, Packet, ProtocolError, Version, acknowledge};
use super::transport::{Stream, connect};

/// Seconds between our PINGREQs, and what the broker is told.
const KEEP_ALIVE_SECONDS: u16 = 15;
/// Longest silence of a broker that answers PINGREQs.
const SILENCE: Duration = Duration::from_secs(25);
/// Longest wait for a connection to stand.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Bytes asked for at a time.
const READ: usize = 256 * 1024;

/// Where to connect, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: BrokerAddress,
    pub(crate) tls: Option<TlsSettings>,
    pub(crate) version: Version,
    pub(crate) client_id: String,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    /// How long a version 5 broker keeps the session, in seconds.
    pub(crate) session_seconds: u32,
    /// Packets up to this size are read whole.
    pub(crate) max_packet: usize,
}

/// Why a connection ended, or did not begin: try again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Files(#[from] ConfigError),
    #[error("{0}")]
    Tls(String),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    #[error("the broker closed the connection")]
    Closed,
    #[error("the broker ended the connection: {0}")]
    Disconnected(String),
    #[error("the broker refused the connection: {0}")]
    Refused(String),
    #[error("the broker refused the subscription ({0}), check its access rules")]
    SubscriptionRefused(String),
    #[error("the broker said nothing for {} s", .0.as_secs())]
    Silent(Duration),
}

/// The receiving half.
pub(crate) struct Reader {
    stream: ReadHalf<Box<dyn Stream>>,
    frames: Frames,
    version: Version,
}

/// The sending half.
pub(crate) struct Writer {
    stream: WriteHalf<Box<dyn Stream>>,
    version: Version,
    out: Vec<u8>,
}

/// Connects; true when the broker kept the session.
pub(crate) async fn open(target: &Target) -> Result<(Reader, Writer, bool), ConnectionError> {
    timeout(HANDSHAKE, handshake(target))
        .await
        .unwrap_or(Err(ConnectionError::Silent(HANDSHAKE)))
        .map_err(|error| match (&error, &target.tls) {
            (ConnectionError::Io(io), Some(tls)) => tls.explain(io).map_or(error, ConnectionError::Tls),
            _ => error,
        })
}

async fn handshake(target: &Target) -> Result<(Reader, Writer, bool), ConnectionError> {
    let login = Login {
        client_id: target.client_id.clone(),
        username: target.username.clone(),
        password: target.password.clone(),
        keep_alive_seconds: KEEP_ALIVE_SECONDS,
        session_seconds: target.session_seconds,
    };
    // Read again for each connection, so that a renewed certificate counts.
    let tls = target.tls.as_ref().map(TlsSettings::client_config).transpose()?;
    let mut stream = connect(&target.address, tls).await?;
    stream.write_all(&target.version.connect(&login)?).await?;
    stream.flush().await?;
    let (read, write) = tokio::io::split(stream);
    let mut reader = Reader {
        stream: read,
        frames: Frames::new(target.max_packet),
        version: target.version,
    };
    let session_present = loop {
        match reader.next()? {
            Some((
                Packet::Connected {
                    refused: Some(reason),
                    ..
                },
                _,
            )) => {
                return Err(ConnectionError::Refused(reason));
            }
            Some((Packet::Connected { session_present, .. }, _)) => break session_present,
            Some((packet, _)) => {
                return Err(ConnectionError::Disconnected(format!(
                    "{packet:?} before CONNACK"
                )));
            }
            None => {
                reader.read().await?;
            }
        }
    };
    let writer = Writer {
        stream: write,
        version: target.version,
        out: Vec::new(),
    };
    Ok((reader, writer, session_present))
}

impl Reader {
    /// Waits for bytes and reads what has gathered; how many they were.
    pub(crate) async fn read(&mut self) -> Result<usize, ConnectionError> {
        let read = self.stream.read_buf(self.frames.room(READ));
        match timeout(SILENCE, read).await {
            Ok(Ok(0)) => Err(ConnectionError::Closed),
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(ConnectionError::Silent(SILENCE)),
        }
    }

    /// The next packet of what has been read, and how many bytes of its payload were cut off.
    pub(crate) fn next(&mut self) -> Result<Option<(Packet, usize)>, ConnectionError> {
        let Some(frame) = self.frames.next()? else {
            return Ok(None);
        };
        let cut = frame.cut;
        Ok(Some((self.version.read(frame)?, cut)))
    }
}

impl Writer {
    /// How often [`Writer::ping`] is to be called.
    pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(KEEP_ALIVE_SECONDS as u64);

    /// Asks for the topics.
    pub(crate) async fn subscribe(&mut self, filters: &[String]) -> Result<(), ConnectionError> {
        let packet = self.version.subscribe(filters)?;
        self.write(&packet).await
    }

    /// Acknowledges messages, all in one write.
    pub(crate) async fn acknowledge(
        &mut self,
        ids: impl Iterator<Item = u16>,
    ) -> Result<(), ConnectionError> {
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        ids.for_each(|id| acknowledge(id, &mut out));
        let written = self.write(&out).await;
        self.out = out;
        written
    }

    /// Asks the broker for a sign of life.
    pub(crate) async fn ping(&mut self) -> Result<(), ConnectionError> {
        self.write(&PING).await
    }

    /// Says that we go.
    pub(crate) async fn disconnect(&mut self) -> Result<(), ConnectionError> {
        self.write(&DISCONNECT).await?;
        Ok(self.stream.shutdown().await?)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }
}
