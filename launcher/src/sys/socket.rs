//! Unix sockets in folders whose paths are long.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// The path of a socket through its open folder: a socket's address has at most 107 bytes (`unix(7)`), a VM's folder may
/// have more.
pub(crate) fn short_path(folder: &File, socket: impl AsRef<Path>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(socket)
}
