//! A block device as PID 1 saw it.

use core::fmt;

use arrayvec::{ArrayString, ArrayVec};

use crate::bytes::Lossy;
use crate::{Filesystem, PartUuid, Reason};

/// All block devices, by name. A microVM has a handful; what goes beyond this is neither used nor shown.
pub type Devices = ArrayVec<Device, 32>;

/// A block device with content of some size.
#[derive(Clone, Debug)]
pub struct Device {
    /// The kernel's name: `vda1`. The kernel's limit is 32 bytes (`DISK_NAME_LEN`).
    pub name: ArrayString<32>,
    /// Size in bytes.
    pub size: u64,
    /// The file system on it, if we know its format.
    pub filesystem: Option<Filesystem>,
    /// The identity of a partition.
    pub partuuid: Option<PartUuid>,
    /// The error of reading it.
    pub unreadable: Option<Reason>,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/dev/{:<7} ", self.name.as_str())?;
        match self.size {
            size if size < 1 << 20 => write!(f, "{:>7} KiB", size >> 10)?,
            size => write!(f, "{:>7} MiB", size >> 20)?,
        }
        match (&self.filesystem, self.unreadable) {
            (Some(filesystem), _) => {
                write!(f, "  {}", filesystem.kind)?;
                if let Some(uuid) = filesystem.uuid() {
                    write!(f, "  UUID={uuid}")?;
                }
                if let Some(label) = filesystem.label() {
                    write!(f, "  LABEL={}", Lossy(label))?;
                }
            }
            (None, Some(reason)) => write!(f, "  cannot be read: {reason}")?,
            (None, None) => write!(f, "  no known file system")?,
        }
        if let Some(partuuid) = &self.partuuid {
            write!(f, "  PARTUUID={partuuid}")?;
        }
        Ok(())
    }
}
