//! The virtio-serial port, QEMU's channel.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SocketFlags, SocketType, bind, netlink, recv, socket_with,
};

use crate::session::{Greeting, serve as serve_channel};

/// The kernel's list of ports.
const PORTS: &str = "/sys/class/virtio-ports";

/// The pause before a look for a host that has closed its end. The kernel tells of its return by a
/// signal only (SIGIO), and `poll` says at once that it is not there.
const PAUSE: Duration = Duration::from_millis(100);

/// The multicast group in which the kernel itself sends its events (udev's own is 2).
const KERNEL_GROUP: u32 = 1;

/// The device of the port of this name, as soon as there is one: where its driver is a module, udev loads that after this
/// program has started. A guest without such a port waits here for ever, and is served over another channel.
///
/// # Errors
/// The kernel does not tell of its events.
pub fn wait(name: &str) -> io::Result<PathBuf> {
    let kind = Some(netlink::KOBJECT_UEVENT);
    let (family, flags) = (AddressFamily::NETLINK, SocketFlags::CLOEXEC);
    let events = socket_with(family, SocketType::DGRAM, flags, kind)?;
    bind(&events, &netlink::SocketAddrNetlink::new(0, KERNEL_GROUP))?;
    // Listening begins before the first look, so that no port can appear unseen between the two.
    loop {
        if let Some(path) = find(name) {
            return Ok(path);
        }
        let mut event = [0; 4096]; // the kernel's own buffer is 2048 (UEVENT_BUFFER_SIZE)
        match recv(&events, &mut event[..], RecvFlags::empty()) {
            // Events were lost because too many came at once: the port may have come with them.
            Ok(_) | Err(Errno::NOBUFS | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The device of the port of this name. Not through the links below `/dev/virtio-ports`, which udev makes later.
fn find(name: &str) -> Option<PathBuf> {
    std::fs::read_dir(PORTS).ok()?.flatten().find_map(|entry| {
        let found = std::fs::read_to_string(entry.path().join("name")).ok()?;
        (found.trim_end() == name).then(|| Path::new("/dev").join(entry.file_name()))
    })
}

/// Serves the host over the port at `path`; returns why it cannot go on.
pub fn serve(path: &Path) -> io::Error {
    loop {
        // Non-blocking, because the driver spins with interrupts off until the host has taken what a blocking write
        // gave it (`__send_to_port` in the kernel's `drivers/char/virtio_console.c`).
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let port = match open(path, flags, Mode::empty()) {
            Ok(port) => File::from(port),
            Err(error) => return error.into(),
        };
        let writer = match port.try_clone() {
            Ok(writer) => Port(writer),
            Err(error) => return error,
        };
        // It ended or broke; the next turn tells whether the port is still there.
        let _ = serve_channel(&mut Port(port), writer, Greeting::Asked);
        thread::sleep(PAUSE);
    }
}

/// An open port, which waits where it would block.
struct Port(File);

impl Port {
    /// Calls `act` until it does not say that it would block.
    fn when(
        &mut self,
        ready: PollFlags,
        mut act: impl FnMut(&mut File) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            match act(&mut self.0) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            let mut fds = [PollFd::new(&self.0, ready)];
            poll(&mut fds, None)?;
            if fds[0].revents().contains(PollFlags::HUP) && ready == PollFlags::OUT {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
    }
}

impl Read for Port {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.when(PollFlags::IN, |port| port.read(buffer))
    }
}

impl Write for Port {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.when(PollFlags::OUT, |port| port.write(buffer))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
