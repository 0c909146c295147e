//! Error numbers in words.

use core::fmt;

use rustix::io::Errno;

/// An error number that shows itself as a sentence, with its symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(pub Errno);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.0 {
            Errno::PERM => "operation not permitted (EPERM)",
            Errno::NOENT => "no such file or folder (ENOENT)",
            Errno::IO => "input/output error (EIO)",
            Errno::NXIO => "no such device or address (ENXIO)",
            Errno::NOEXEC => "not a program this kernel can run (ENOEXEC)",
            Errno::NOMEM => "out of memory (ENOMEM)",
            Errno::ACCESS => "permission denied (EACCES)",
            Errno::NOTBLK => "not a block device (ENOTBLK)",
            Errno::BUSY => "device or resource busy (EBUSY)",
            Errno::NODEV => "this kernel has no such driver or file system (ENODEV)",
            Errno::NOTDIR => "not a folder (ENOTDIR)",
            Errno::ISDIR => "is a folder (EISDIR)",
            Errno::INVAL => "invalid argument (EINVAL)",
            Errno::NOSPC => "no space left (ENOSPC)",
            Errno::ROFS => "read-only (EROFS)",
            Errno::LOOP => "too many symbolic links (ELOOP)",
            Errno::NAMETOOLONG => "name too long (ENAMETOOLONG)",
            Errno::NOSYS => "this kernel lacks the system call (ENOSYS)",
            Errno::OPNOTSUPP => "operation not supported (EOPNOTSUPP)",
            Errno::AFNOSUPPORT => "this kernel lacks the address family (EAFNOSUPPORT)",
            Errno::PROTONOSUPPORT => "this kernel lacks the protocol (EPROTONOSUPPORT)",
            Errno::LIBBAD => "a shared library or interpreter is broken (ELIBBAD)",
            Errno::OVERFLOW => "value too large (EOVERFLOW)",
            // EFSCORRUPTED and EFSBADCRC of the file systems (include/uapi/linux/fs.h).
            Errno::UCLEAN => "the file system is corrupted (EUCLEAN)",
            Errno::BADMSG => "a checksum of the file system is wrong (EBADMSG)",
            Errno::NOMEDIUM => "no medium in the drive (ENOMEDIUM)",
            other => return write!(f, "error number {}", other.raw_os_error()),
        };
        f.write_str(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_and_unknown_numbers() {
        assert_eq!(
            Reason(Errno::INVAL).to_string(),
            "invalid argument (EINVAL)"
        );
        assert_eq!(
            Reason(Errno::from_raw_os_error(133)).to_string(),
            "error number 133"
        );
    }
}
