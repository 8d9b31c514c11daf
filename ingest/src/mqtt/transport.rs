//! The byte stream under a connection: TCP, or TLS over it.

use std::sync::Arc;

use dustwatch_config::BrokerAddress;
use rumqttc::tokio_rustls::TlsConnector;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A byte stream in both directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects to a broker. With a TLS configuration there is no way round TLS.
pub(crate) async fn connect(
    address: &BrokerAddress,
    tls: Option<Arc<ClientConfig>>,
) -> std::io::Result<Box<dyn Stream>> {
    let socket = TcpStream::connect((address.host(), address.port())).await?;
    socket.set_nodelay(true)?;
    let Some(tls) = tls else {
        return Ok(Box::new(socket));
    };
    let name = ServerName::try_from(address.host().to_owned())
        .map_err(|e| std::io::Error::new(std::io::ErrorKind::InvalidInput, e))?;
    let stream = TlsConnector::from(tls).connect(name, socket).await?;
    Ok(Box::new(stream))
}
