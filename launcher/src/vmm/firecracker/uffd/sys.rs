//! The system calls of userfaultfd (`linux/userfaultfd.h`, userfaultfd(2), ioctl_userfaultfd(2)).
//!
//! By rustix rather than by the crate `userfaultfd`, which generates its bindings with libclang when it is built: three
//! ioctls and one structure are all that a handler needs.

use std::fs::File;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::ioctl::{self, Opcode};
use rustix::mm::{UserfaultfdFlags, userfaultfd};

use crate::sys::ioctl_at;

const UFFDIO_COPY: Opcode = ioctl::opcode::read_write::<Copy>(0xaa, 0x03);
const UFFDIO_ZEROPAGE: Opcode = ioctl::opcode::read_write::<ZeroPage>(0xaa, 0x04);

const UFFD_EVENT_PAGEFAULT: u8 = 0x12;
const UFFD_EVENT_REMOVE: u8 = 0x15;

/// Bytes of `struct uffd_msg`.
const MESSAGE: usize = 32;

/// `struct uffdio_copy`.
#[repr(C)]
struct Copy {
    dst: u64,
    src: u64,
    len: u64,
    mode: u64,
    copied: i64,
}

/// `struct uffdio_zeropage`.
#[repr(C)]
struct ZeroPage {
    start: u64,
    len: u64,
    mode: u64,
    zeroed: i64,
}

/// A message of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Somebody waits for the page of this address.
    Fault(u64),
    /// The guest's balloon gave this range of addresses back.
    Remove(u64, u64),
    /// Something that was not asked for.
    Other(u8),
}

/// The result of putting a page in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// It is there.
    Done,
    /// It was there before.
    Before,
    /// Not yet: an event has to be read first.
    Later,
    /// The process is gone.
    Gone,
}

/// Whether this process may handle page faults of the kernel's, too: what a guest's are.
pub(crate) fn available() -> Result<(), String> {
    let device = File::options()
        .read(true)
        .write(true)
        .open("/dev/userfaultfd");
    if device.is_ok() {
        return Ok(());
    }
    #[expect(unsafe_code, reason = "userfaultfd has no safe wrapper")]
    // SAFETY: a descriptor is made and closed again; no memory is registered with it.
    let made = unsafe { userfaultfd(UserfaultfdFlags::CLOEXEC | UserfaultfdFlags::NONBLOCK) };
    match made {
        Ok(_) => Ok(()),
        Err(Errno::NOSYS) => Err("the kernel has no userfaultfd".to_owned()),
        Err(Errno::PERM) => Err(
            "this user may not handle the kernel's page faults (vm.unprivileged_userfaultfd is 0)"
                .to_owned(),
        ),
        Err(error) => Err(error.to_string()),
    }
}

/// Events that have come; never waits.
///
/// # Errors
/// The descriptor cannot be read.
pub(super) fn events(uffd: &OwnedFd) -> Result<Vec<Event>, Errno> {
    let mut buffer = [0; 64 * MESSAGE];
    let length = match rustix::io::read(uffd, &mut buffer) {
        Ok(length) => length,
        Err(Errno::AGAIN | Errno::INTR) => 0,
        Err(error) => return Err(error),
    };
    Ok(buffer[..length].chunks_exact(MESSAGE).map(event).collect())
}

fn event(message: &[u8]) -> Event {
    let long = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&message[at..at + 8]);
        u64::from_ne_bytes(bytes)
    };
    match message[0] {
        UFFD_EVENT_PAGEFAULT => Event::Fault(long(16)),
        UFFD_EVENT_REMOVE => Event::Remove(long(8), long(16)),
        other => Event::Other(other),
    }
}

/// Puts `bytes`, whole pages, at `address` of the other process, and wakes who waits for them.
///
/// # Errors
/// The kernel refuses.
pub(super) fn copy(uffd: &OwnedFd, bytes: &[u8], address: u64) -> Result<Filled, Errno> {
    let mut request = Copy {
        dst: address,
        src: bytes.as_ptr() as u64,
        len: bytes.len() as u64,
        mode: 0,
        copied: 0,
    };
    let result = call(uffd, UFFDIO_COPY, &mut request);
    // A copy in part is fine: the rest is asked for again, by a fault or the next prefetch.
    filled(result)
}

/// Puts a page of zeros at `address`.
///
/// # Errors
/// The kernel refuses.
pub(super) fn zero(uffd: &OwnedFd, address: u64, length: u64) -> Result<Filled, Errno> {
    let mut request = ZeroPage {
        start: address,
        len: length,
        mode: 0,
        zeroed: 0,
    };
    filled(call(uffd, UFFDIO_ZEROPAGE, &mut request))
}

fn filled(result: Result<(), Errno>) -> Result<Filled, Errno> {
    match result {
        Ok(()) => Ok(Filled::Done),
        // There already, or no part of the guest's memory any more: nobody waits for it.
        Err(Errno::EXIST | Errno::NOENT) => Ok(Filled::Before),
        Err(Errno::AGAIN) => Ok(Filled::Later),
        Err(Errno::SRCH) => Ok(Filled::Gone),
        Err(error) => Err(error),
    }
}

pub(super) fn call<T>(uffd: &OwnedFd, opcode: Opcode, request: &mut T) -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "userfaultfd is driven by ioctls")]
    // SAFETY: each caller passes the structure of its opcode; the kernel reads the bytes that it points to, which live
    // as long as the call.
    unsafe {
        ioctl_at(uffd, opcode, request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_are_those_of_the_kernel() {
        // _IOWR(0xaa, 3, struct uffdio_copy) and _IOWR(0xaa, 4, struct uffdio_zeropage).
        assert_eq!(UFFDIO_COPY, 0xc028_aa03);
        assert_eq!(UFFDIO_ZEROPAGE, 0xc020_aa04);
    }

    #[test]
    fn events_are_read_from_their_places() {
        let mut message = [0; MESSAGE];
        message[0] = UFFD_EVENT_PAGEFAULT;
        message[16..24].copy_from_slice(&0x1234_5000u64.to_ne_bytes());
        assert_eq!(event(&message), Event::Fault(0x1234_5000));
        message[0] = UFFD_EVENT_REMOVE;
        message[8..16].copy_from_slice(&0x1000u64.to_ne_bytes());
        assert_eq!(event(&message), Event::Remove(0x1000, 0x1234_5000));
        message[0] = 0x13;
        assert_eq!(event(&message), Event::Other(0x13));
    }
}
