//! Small helpers around system calls that no crate wraps.

mod ioctl;
mod socket;

pub(crate) use ioctl::ioctl_at;
pub(crate) use socket::short_path;
