//! What systemd hands to a service and wants to hear of it.

use std::io;
use std::net::TcpListener;
use std::os::fd::{FromRawFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The first descriptor that is passed: SD_LISTEN_FDS_START of sd_listen_fds(3).
const FIRST_PASSED: RawFd = 3;

/// The listening socket that was passed to this process; nothing where it was started by somebody else. To be called
/// once.
pub fn passed_listener() -> Option<TcpListener> {
    let number = |name| std::env::var(name).ok()?.parse::<u32>().ok();
    let is_ours = number("LISTEN_PID") == Some(std::process::id());
    if !is_ours || number("LISTEN_FDS").is_none_or(|count| count == 0) {
        return None;
    }
    #[expect(
        unsafe_code,
        reason = "no crate here takes over descriptors from systemd"
    )]
    // SAFETY: LISTEN_PID says that this descriptor was passed to this process; nothing else here uses it.
    Some(unsafe { TcpListener::from_raw_fd(FIRST_PASSED) })
}

/// Says that the service is ready: sd_notify(3). Nothing happens where nobody waits for it.
///
/// # Errors
/// Whoever waits cannot be told.
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
