//! Connections over vsock, Firecracker's channel.

use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread;

use crate::session::{Greeting, serve};

/// A socket that takes connections.
#[derive(Debug)]
pub struct Listener(OwnedFd);

/// Listens at `port`.
///
/// # Errors
/// The kernel has no vsock, or the port is taken.
#[expect(unsafe_code, reason = "neither std nor rustix has vsock addresses")]
pub fn listen(port: u32) -> io::Result<Listener> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    // SAFETY: it takes no pointers; a result that is not negative is a descriptor that nobody else owns.
    let socket = unsafe {
        let fd = check(libc::socket(libc::AF_VSOCK, kind, 0))?;
        OwnedFd::from_raw_fd(fd)
    };
    // SAFETY: integers and padding, for which zero is a value.
    let mut address: libc::sockaddr_vm = unsafe { std::mem::zeroed() };
    address.svm_family = libc::AF_VSOCK as libc::sa_family_t;
    address.svm_cid = libc::VMADDR_CID_ANY;
    address.svm_port = port;
    // SAFETY: the address is valid for its length during the call, and the descriptor is open.
    unsafe {
        check(libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_vm>() as libc::socklen_t,
        ))?;
        check(libc::listen(socket.as_raw_fd(), 16))?;
    }
    Ok(Listener(socket))
}

impl Listener {
    /// Serves every connection from the host; returns why it cannot go on.
    pub fn serve(&self) -> io::Error {
        loop {
            let (connection, cid) = match self.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.raw_os_error() == Some(libc::ECONNABORTED) => continue,
                Err(error) => return error,
            };
            // A process of this guest that could connect here would be root.
            if cid != libc::VMADDR_CID_HOST {
                continue;
            }
            let spawned = thread::Builder::new().name("vsock".into()).spawn(move || {
                let writer = connection.try_clone()?;
                serve(&mut &connection, writer, Greeting::Expected)
            });
            drop(spawned); // without room for a thread the connection closes, which the host sees
        }
    }

    /// The next connection and the context that it comes from.
    #[expect(unsafe_code, reason = "neither std nor rustix has vsock addresses")]
    fn accept(&self) -> io::Result<(File, u32)> {
        // SAFETY: integers and padding, for which zero is a value.
        let mut address: libc::sockaddr_vm = unsafe { std::mem::zeroed() };
        let mut length = size_of::<libc::sockaddr_vm>() as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` bytes to the address; the result is a descriptor of our own.
        let connection = unsafe {
            let fd = check(libc::accept4(
                self.0.as_raw_fd(),
                (&raw mut address).cast(),
                &raw mut length,
                libc::SOCK_CLOEXEC,
            ))?;
            OwnedFd::from_raw_fd(fd)
        };
        Ok((File::from(connection), address.svm_cid))
    }
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}
