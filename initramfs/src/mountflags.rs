//! `rootflags=`: options that are flags of mount(2), and the rest, which the file system reads.

use arrayvec::ArrayVec;
pub use rustix::mount::MountFlags;

/// Splits `rootflags=` into mount flags and the file system's own options, comma-separated and ended by a NUL.
///
/// The kernel hands all of `rootflags=` to the file system, which refuses `noatime` and its like; mount(8) and
/// every initramfs take those words for flags, and so do we. `None` where the options do not fit into a page,
/// which is the limit of mount(2).
pub fn split(rootflags: &[u8], read_only: bool) -> Option<(MountFlags, ArrayVec<u8, 4096>)> {
    let mut flags = MountFlags::empty();
    let mut options = ArrayVec::new();
    flags.set(MountFlags::RDONLY, read_only);
    for word in rootflags.split(|&byte| byte == b',') {
        match word {
            b"" | b"defaults" => {}
            b"ro" => flags |= MountFlags::RDONLY,
            b"rw" => flags -= MountFlags::RDONLY,
            b"noatime" => flags |= MountFlags::NOATIME,
            b"nodiratime" => flags |= MountFlags::NODIRATIME,
            b"relatime" => flags |= MountFlags::RELATIME,
            b"strictatime" => flags |= MountFlags::STRICTATIME,
            b"lazytime" => flags |= MountFlags::LAZYTIME,
            b"sync" => flags |= MountFlags::SYNCHRONOUS,
            b"dirsync" => flags |= MountFlags::DIRSYNC,
            b"nodev" => flags |= MountFlags::NODEV,
            b"nosuid" => flags |= MountFlags::NOSUID,
            b"noexec" => flags |= MountFlags::NOEXEC,
            word => {
                if !options.is_empty() {
                    options.try_push(b',').ok()?;
                }
                options.try_extend_from_slice(word).ok()?;
            }
        }
    }
    options.try_push(0).ok()?;
    Some((flags, options))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn flags_and_options_part() {
        let (flags, options) = split(b"noatime,data=writeback,,errors=panic", true).unwrap();
        assert_eq!(flags, MountFlags::RDONLY | MountFlags::NOATIME);
        assert_eq!(&options[..], b"data=writeback,errors=panic\0");
        let (flags, options) = split(b"rw", true).unwrap();
        assert_eq!((flags, &options[..]), (MountFlags::empty(), &b"\0"[..]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_fine(text in proptest::collection::vec(any::<u8>(), 0..5000)) {
            if let Some((_, options)) = split(&text, false) {
                prop_assert_eq!(options.last(), Some(&0));
            } else {
                prop_assert!(text.len() >= 4096);
            }
        }
    }
}
