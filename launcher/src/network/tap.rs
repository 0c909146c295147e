//! TAP devices, by the ioctls of `/dev/net/tun` (`linux/if_tun.h`).

use std::fs::File;
use std::os::fd::AsFd;

use kindling_base::{Context, Error, Result};
use rustix::io::Errno;
use rustix::ioctl::{self, Opcode};

use super::config::NAME_LIMIT;
use crate::sys::ioctl_at;

const DEVICE: &str = "/dev/net/tun";

const TUNSETIFF: Opcode = ioctl::opcode::write::<i32>(b'T', 202);
const TUNSETPERSIST: Opcode = ioctl::opcode::write::<i32>(b'T', 203);
#[cfg(test)]
const TUNGETIFF: Opcode = ioctl::opcode::read::<u32>(b'T', 210);
const TUNSETVNETHDRSZ: Opcode = ioctl::opcode::write::<i32>(b'T', 216);

const IFF_TAP: u16 = 0x0002;
const IFF_NO_PI: u16 = 0x1000;
const IFF_VNET_HDR: u16 = 0x4000;

/// Bytes of `struct virtio_net_hdr_v1`, which a virtio 1.x card puts before each frame. A TAP without it hands the
/// guest frames that begin twelve bytes too late: the link is up and nothing arrives.
const VNET_HEADER: i32 = 12;

/// `struct ifreq` of `linux/if.h` on 64-bit machines, as TUNSETIFF uses it.
#[repr(C)]
struct Request {
    name: [u8; NAME_LIMIT + 1],
    flags: u16,
    rest: [u8; 22],
}

/// An open TAP; it stays when this is dropped if it was made persistent.
#[derive(Debug)]
pub(super) struct Tap(File);

impl Tap {
    /// Makes the TAP `name`, which stays until it is deleted, with room for a virtio header before each frame.
    pub(super) fn make(name: &str) -> Result<Self> {
        let tap = Self::open(name)?;
        let what = || format!("cannot set up the TAP `{name}`");
        tap.value(TUNSETVNETHDRSZ, &VNET_HEADER).context(what())?;
        #[expect(unsafe_code, reason = "an ioctl that takes a number")]
        // SAFETY: TUNSETPERSIST takes its argument as a number, not as an address.
        let made = unsafe {
            ioctl::ioctl(
                tap.0.as_fd(),
                ioctl::IntegerSetter::<TUNSETPERSIST>::new_usize(1),
            )
        };
        made.context(what())?;
        Ok(tap)
    }

    /// Opens the TAP `name`, making it where it does not exist.
    pub(super) fn open(name: &str) -> Result<Self> {
        let file = File::options().read(true).write(true).open(DEVICE);
        let file = file.map_err(|error| {
            Error::user(format!("cannot open {DEVICE}"))
                .because(error)
                .hint("load the module with `modprobe tun`, and run as root: networks with TAPs need it")
        })?;
        let mut request = Request {
            name: [0; NAME_LIMIT + 1],
            flags: IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
            rest: [0; 22],
        };
        let length = name.len().min(NAME_LIMIT);
        request.name[..length].copy_from_slice(&name.as_bytes()[..length]);
        let tap = Self(file);
        match tap.value(TUNSETIFF, &request) {
            Ok(()) => Ok(tap),
            Err(Errno::BUSY) => Err(Error::user(format!("the TAP `{name}` is in use by another process"))
                .hint("`kindling ps` shows which VM has it; `kindling gc` clears what a crash left")),
            Err(Errno::PERM) => Err(Error::user(format!("no permission to make the TAP `{name}`"))
                .hint("networks with TAPs need root; without it, `--network user` needs no privileges")),
            Err(error) => Err(error).context(format!("cannot make the TAP `{name}`")),
        }
    }

    /// Whether frames carry a virtio header.
    #[cfg(test)]
    pub(super) fn has_vnet_header(&self) -> bool {
        let mut request = Request {
            name: [0; NAME_LIMIT + 1],
            flags: 0,
            rest: [0; 22],
        };
        self.value(TUNGETIFF, &raw mut request).unwrap();
        request.flags & IFF_VNET_HDR != 0
    }

    fn value<T>(&self, opcode: Opcode, value: *const T) -> Result<(), Errno> {
        #[expect(unsafe_code, reason = "the TUN device is set up by ioctls")]
        // SAFETY: each opcode of this file reads or writes no more than the type that its callers pass.
        unsafe {
            ioctl_at(&self.0, opcode, value.cast_mut())
        }
    }
}
