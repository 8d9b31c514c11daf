//! What systemd wants to hear (`Type=notify`): `READY=1` and `STOPPING=1` on the socket that `NOTIFY_SOCKET` names.
//!
//! Without the variable nothing is said. A word that does not get through costs nothing but a log line.

#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The process takes messages.
pub(crate) const READY: &str = "READY=1";
/// The process is on its way out.
pub(crate) const STOPPING: &str = "STOPPING=1";

/// Says a word to the service manager, if there is one.
pub(crate) fn tell(word: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    if let Err(error) = send(&socket, word) {
        tracing::warn!(word, %error, "the service manager was not told");
    }
}

#[cfg(target_os = "linux")]
fn send(socket: &std::ffi::OsStr, word: &str) -> std::io::Result<()> {
    // A leading @ stands for a name outside the file system.
    let address = match socket.as_encoded_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(word.as_bytes(), &address)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn send(_socket: &std::ffi::OsStr, _word: &str) -> std::io::Result<()> {
    Ok(())
}
