//! The system call filter that makes fsync and its kin do nothing.

use kindling_base::{Error, Result};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// Makes fsync and its kin do nothing in this process and its children: the tree is thrown away if the machine stops, and
/// dpkg's database asks for thousands of them. As `systemd-nspawn --suppress-sync` does it.
pub(crate) fn ignore_syncs() -> Result<()> {
    let what = "cannot make a system call filter";
    let calls = [
        libc::SYS_fsync,
        libc::SYS_fdatasync,
        libc::SYS_sync,
        libc::SYS_syncfs,
        libc::SYS_sync_file_range,
        libc::SYS_msync,
    ];
    let architecture = std::env::consts::ARCH
        .try_into()
        .map_err(|error: seccompiler::BackendError| Error::internal(what).because(error))?;
    let filter = SeccompFilter::new(
        calls.into_iter().map(|call| (call, Vec::new())).collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(0),
        architecture,
    );
    let program: BpfProgram = filter
        .and_then(TryInto::try_into)
        .map_err(|error| Error::internal(what).because(error))?;
    seccompiler::apply_filter(&program).map_err(|error| Error::internal(what).because(error))
}
