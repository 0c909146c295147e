//! The guest's memory as a file that QEMU shares with us, so that saving a machine copies its pages and nothing else.

use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;

use kindling_base::{Context, Result};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

/// Memory without a name: it goes when the last process that has it ends, and takes only what was touched.
#[derive(Debug)]
pub(super) struct SharedMemory(File);

impl SharedMemory {
    /// `mib` MiB of zeros.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) fn new(mib: u32) -> Result<Self> {
        let what = "cannot make a file for the guest's memory";
        let file = memfd_create("guest-memory", MemfdFlags::CLOEXEC).context(what)?;
        ftruncate(&file, u64::from(mib) << 20).context(what)?;
        Ok(Self(file.into()))
    }

    /// The descriptor, which QEMU inherits.
    pub(super) fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// A path that opens it in any process that has the descriptor.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.descriptor()))
    }
}
