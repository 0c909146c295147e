//! Waiting for the root device by the kernel's events.

use core::fmt::Write;
use core::time::Duration;

use arrayvec::ArrayString;
use kindling_init::{Failure, Lossy, Reason, Root, is_block_event};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, netlink};
use rustix::time::ClockId;

use crate::console::KernelLog;
use crate::scan;

/// The multicast group in which the kernel itself sends (udev's own is 2).
const KERNEL_GROUP: u32 = 1;

/// A running clock that never jumps.
pub(crate) struct Clock(Duration);

impl Clock {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self(now())
    }

    /// Microseconds since the start.
    pub(crate) fn elapsed_us(&self) -> u128 {
        (now() - self.0).as_micros()
    }
}

fn now() -> Duration {
    Duration::try_from(rustix::time::clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

/// The path of the root device, as soon as it is there.
pub(crate) fn for_root(root: Root<'_>, timeout_s: u32) -> Result<ArrayString<40>, Failure<'_>> {
    let deadline = now() + Duration::from_secs(timeout_s.into());
    // Listening begins before the first look, so that nothing can appear unseen between the two.
    let events =
        listen().map_err(|errno| Failure::Step("listen to the kernel's events", Reason(errno)))?;
    if let Some(path) = find(root)? {
        return Ok(path);
    }
    let _ = writeln!(KernelLog::info(), "waiting for {root}");
    loop {
        let left = deadline.saturating_sub(now());
        match next_event(&events, left) {
            // Events were lost because too many came at once: something may have come with them.
            Ok(true) | Err(Errno::NOBUFS) => {
                if let Some(path) = find(root)? {
                    return Ok(path);
                }
            }
            Ok(false) | Err(Errno::INTR) => {}
            Err(errno) => {
                return Err(Failure::Step("receive the kernel's events", Reason(errno)));
            }
        }
        if left.is_zero() {
            return Err(Failure::NotFound(root));
        }
    }
}

/// Looks for the root among the devices that are there now.
fn find(root: Root<'_>) -> Result<Option<ArrayString<40>>, Failure<'_>> {
    let mut path = ArrayString::new();
    if let Root::Path(wanted) = root {
        let fits = write!(path, "{}", Lossy(wanted)).is_ok();
        return Ok((fits && scan::has_content(&path)).then_some(path));
    }
    let devices =
        scan::devices().map_err(|errno| Failure::Step("list the block devices", Reason(errno)))?;
    let mut matching = devices.iter().filter(|device| root.matches(device));
    let Some(first) = matching.next() else {
        return Ok(None);
    };
    for other in matching {
        let mut log = KernelLog::warning();
        let _ = writeln!(
            log,
            "{root} is both {} and {}; taking the first",
            first.name, other.name
        );
    }
    Ok(write!(path, "/dev/{}", first.name).is_ok().then_some(path))
}

fn listen() -> Result<OwnedFd, Errno> {
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        Some(netlink::KOBJECT_UEVENT),
    )?;
    rustix::net::bind(&socket, &netlink::SocketAddrNetlink::new(0, KERNEL_GROUP))?;
    Ok(socket)
}

/// Whether a block device came or changed; `false` after `timeout` or after an event of another kind.
fn next_event(events: &OwnedFd, timeout: Duration) -> Result<bool, Errno> {
    let timeout = Timespec::try_from(timeout).map_err(|_| Errno::INVAL)?;
    let mut ready = [PollFd::new(events, PollFlags::IN)];
    if rustix::event::poll(&mut ready, Some(&timeout))? == 0 {
        return Ok(false);
    }
    let mut message = [0; 4096]; // the kernel's own buffer is 2048 (UEVENT_BUFFER_SIZE)
    let (length, _) = rustix::net::recv(events, &mut message[..], RecvFlags::empty())?;
    Ok(is_block_event(message.get(..length).unwrap_or_default()))
}
