//! The message on the console when the root cannot be booted.

use core::fmt::{self, Write};

use arrayvec::{ArrayString, ArrayVec};
use rustix::io::Errno;

use crate::bytes::Lossy;
use crate::{Device, Options, Reason, Root};

/// The programs that were tried as init, and why each could not be started.
pub type Attempts<'a> = ArrayVec<(&'a [u8], Reason), 4>;

/// The reason why the boot ends here.
#[derive(Debug)]
pub enum Failure<'a> {
    /// The kernel refused something that always works: the step, and why.
    Step(&'static str, Reason),
    /// A kernel module of the archive cannot be loaded: its name, and why.
    Module(ArrayString<64>, Reason),
    /// The command line has no `root=`.
    NoRoot,
    /// `root=` has a form that we do not know.
    BadRoot(&'a [u8]),
    /// The root did not appear in time.
    NotFound(Root<'a>),
    /// The root has no file system that we know, and `rootfstype=` names none.
    NoFilesystem(ArrayString<40>),
    /// `rootflags=` is longer than mount(2) takes.
    LongFlags,
    /// The device, the file system type that was tried last, and why it could not be mounted.
    Mount(ArrayString<40>, &'a [u8], Reason),
    /// The root holds no program to start.
    NoInit(Attempts<'a>),
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Step(step, reason) => write!(f, "cannot {step}: {reason}"),
            Failure::Module(name, reason) => {
                write!(f, "cannot load the kernel module {name}: {reason}")
            }
            Failure::NoRoot => f.write_str("the command line has no root="),
            Failure::BadRoot(value) => write!(f, "root={} has an unknown form", Lossy(value)),
            Failure::NotFound(root) => write!(f, "no root device: {root} did not appear"),
            Failure::NoFilesystem(device) => write!(f, "{device} has no known file system"),
            Failure::LongFlags => f.write_str("rootflags= is too long for a mount"),
            Failure::Mount(device, kind, reason) => {
                write!(f, "cannot mount {device} as {}: {reason}", Lossy(kind))
            }
            Failure::NoInit(attempts) => match attempts.as_slice() {
                [(path, reason)] => write!(f, "cannot start {}: {reason}", Lossy(path)),
                _ => f.write_str("the root has no init"),
            },
        }
    }
}

/// Writes everything that was seen: the failure, the command line, the devices, and what to check next.
///
/// # Errors
/// Those of `out`.
pub fn report(
    out: &mut impl Write,
    failure: &Failure<'_>,
    cmdline: &[u8],
    options: &Options<'_>,
    devices: &[Device],
) -> fmt::Result {
    writeln!(out, "kindling-init: failed: {failure}")?;
    writeln!(out, "  command line: {}", Lossy(cmdline.trim_ascii()))?;
    if let Some(root) = options.root {
        writeln!(out, "  looked for:   root={}", Lossy(root))?;
    }
    if let Failure::NotFound(_) = failure {
        writeln!(out, "  waited:       {} s", options.root_timeout_s)?;
    }
    if let Failure::NoInit(attempts) = failure {
        for (path, reason) in attempts {
            writeln!(out, "  tried:        {}: {reason}", Lossy(path))?;
        }
    }
    if devices.is_empty() {
        writeln!(out, "  block devices: none")?;
    } else {
        writeln!(out, "  block devices:")?;
        for device in devices {
            writeln!(out, "    {device}")?;
        }
    }
    write!(out, "  check: ")?;
    advise(out, failure, options, devices)?;
    writeln!(out)
}

/// The next step for a person, from what was seen.
fn advise(
    out: &mut impl Write,
    failure: &Failure<'_>,
    options: &Options<'_>,
    devices: &[Device],
) -> fmt::Result {
    match failure {
        Failure::NotFound(_) | Failure::NoRoot | Failure::BadRoot(_) if devices.is_empty() => out
            .write_str(
                "attach a disk to the machine; if there is one, its driver is not in this kernel \
                 (CONFIG_VIRTIO_BLK with CONFIG_VIRTIO_PCI or CONFIG_VIRTIO_MMIO)",
            ),
        Failure::NotFound(_) | Failure::NoRoot | Failure::BadRoot(_) => {
            out.write_str("give root= as /dev/NAME, UUID=, LABEL= or PARTUUID= of a device above")?;
            let example = devices
                .iter()
                .find_map(|d| Some((d, d.filesystem.as_ref()?.uuid()?)));
            match example {
                Some((device, uuid)) => {
                    write!(out, ", for example root=UUID={uuid} for /dev/{}", device.name)
                }
                None => out.write_str("; none of them has a file system with a UUID"),
            }
        }
        Failure::NoFilesystem(_) => {
            out.write_str("is it the right device? If so, name its file system with rootfstype=")
        }
        Failure::LongFlags => out.write_str("shorten rootflags= to less than 4096 bytes"),
        Failure::Mount(_, kind, reason) => match reason.0 {
            Errno::NODEV => write!(
                out,
                "this kernel was built without {} (for ext4: CONFIG_EXT4_FS)",
                Lossy(kind)
            ),
            Errno::ACCESS | Errno::ROFS => {
                out.write_str("the disk is read-only: attach it writable, or say ro instead of rw")
            }
            Errno::UCLEAN | Errno::BADMSG | Errno::IO => {
                out.write_str("the image is damaged or cut off: verify its hash, run e2fsck -f on a copy")
            }
            _ if options.fstype.is_some() => out.write_str(
                "compare rootfstype= with the file system listed above, and rootflags= with what it takes; \
                 the kernel's own message stands before this one",
            ),
            _ => out.write_str("the kernel's own message stands before this one; is rootflags= right?"),
        },
        Failure::Module(..) => out.write_str(
            "modules are for one kernel only: are kernel and initramfs of the same bundle? The kernel's own message \
             stands before this one",
        ),
        Failure::NoInit(_) => out.write_str(
            "is it the right image? It needs an executable init of this architecture, with its interpreter; \
             init=PATH names another one",
        ),
        Failure::Step(..) => out.write_str(
            "the kernel needs CONFIG_DEVTMPFS, CONFIG_PROC_FS, CONFIG_SYSFS and CONFIG_NET; boot with loglevel=7 \
             and read its messages",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify;

    fn disk() -> Device {
        let mut head = [0; 4096];
        head[1024 + 0x38..][..2].copy_from_slice(b"\x53\xef");
        head[1024 + 0x68..][..16].copy_from_slice(&[0xab; 16]);
        head[1024 + 0x78..][..4].copy_from_slice(b"root");
        Device {
            name: ArrayString::from("vda").unwrap(),
            size: 512 << 20,
            filesystem: identify(&head),
            partuuid: None,
            unreadable: None,
        }
    }

    fn text(failure: &Failure<'_>, cmdline: &str, devices: &[Device]) -> String {
        let mut out = String::new();
        let options = Options::parse(cmdline.as_bytes());
        report(&mut out, failure, cmdline.as_bytes(), &options, devices).unwrap();
        out
    }

    #[test]
    fn a_wrong_uuid_shows_the_right_one() {
        let failure = Failure::NotFound(Root::Uuid(b"1234"));
        assert_eq!(
            text(&failure, "console=ttyS0 root=UUID=1234\n", &[disk()]),
            "kindling-init: failed: no root device: UUID=1234 did not appear
  command line: console=ttyS0 root=UUID=1234
  looked for:   root=UUID=1234
  waited:       10 s
  block devices:
    /dev/vda         512 MiB  ext4  UUID=abababab-abab-abab-abab-abababababab  LABEL=root
  check: give root= as /dev/NAME, UUID=, LABEL= or PARTUUID= of a device above, for example root=UUID=abababab-abab-abab-abab-abababababab for /dev/vda
"
        );
    }

    #[test]
    fn no_disk_names_the_driver() {
        let failure = Failure::NotFound(Root::Path(b"/dev/vda"));
        let text = text(&failure, "root=/dev/vda kindling.root_timeout=2", &[]);
        assert!(text.contains("waited:       2 s\n"), "{text}");
        assert!(text.contains("block devices: none\n"), "{text}");
        assert!(text.contains("CONFIG_VIRTIO_BLK"), "{text}");
    }

    #[test]
    fn no_init_lists_what_was_tried() {
        let mut attempts = Attempts::new();
        attempts.push((b"/sbin/init", Reason(Errno::NOENT)));
        attempts.push((b"/bin/sh", Reason(Errno::NOEXEC)));
        let text = text(&Failure::NoInit(attempts), "root=/dev/vda", &[disk()]);
        assert!(
            text.starts_with("kindling-init: failed: the root has no init\n"),
            "{text}"
        );
        assert!(
            text.contains("  tried:        /bin/sh: not a program this kernel can run (ENOEXEC)\n"),
            "{text}"
        );
    }

    #[test]
    fn a_module_of_another_kernel_is_named() {
        let name = ArrayString::from("virtio_blk").unwrap();
        let failure = Failure::Module(name, Reason(Errno::NOEXEC));
        let text = text(&failure, "root=/dev/vda", &[]);
        assert!(
            text.starts_with("kindling-init: failed: cannot load the kernel module virtio_blk: "),
            "{text}"
        );
        assert!(
            text.contains("check: modules are for one kernel only"),
            "{text}"
        );
    }

    #[test]
    fn a_hostile_command_line_stays_on_its_line() {
        let text = text(&Failure::NoRoot, "root=\x1b[2J\nkindling: ready", &[]);
        assert!(text.contains("root=?[2J?kindling: ready\n"), "{text}");
        assert!(!text.contains("\nkindling: ready"), "{text}");
    }
}
