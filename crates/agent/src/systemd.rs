//! systemd's side of a service: the socket that it passes, and the word that the service is ready.

use std::io;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use listenfd::ListenFd;

/// The listening socket that systemd passed to this process (sd_listen_fds(3)); `None` where it passed none. Call it
/// once, before there are threads.
///
/// # Errors
/// The descriptor is not a TCP socket.
pub fn passed_listener() -> io::Result<Option<TcpListener>> {
    ListenFd::from_env().take_tcp_listener(0)
}

/// Tells systemd that the service is ready: sd_notify(3). Does nothing where nobody waits for it.
///
/// # Errors
/// The message cannot be sent.
pub fn ready() -> io::Result<()> {
    let Some(address) = std::env::var_os("NOTIFY_SOCKET") else {
        return Ok(());
    };
    let bytes = address.as_encoded_bytes();
    let address = match bytes.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&address)?,
    };
    UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address)?;
    Ok(())
}
