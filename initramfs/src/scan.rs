//! The block devices that the kernel has.

use core::fmt::Write;
use core::mem::MaybeUninit;

use arrayvec::{ArrayString, ArrayVec};
use kindling_init::{Device, Devices, HEAD_BYTES, PartUuid, Reason, identify, partuuid};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{FileType, Mode, OFlags, RawDir, SeekFrom};
use rustix::io::Errno;

/// All block devices that have a size, sorted by name, without RAM disks.
///
/// # Errors
/// /sys cannot be read.
pub(crate) fn devices() -> Result<Devices, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let class = rustix::fs::open("/sys/class/block", flags, Mode::empty())?;
    let mut devices = Devices::new();
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(&class, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().ok() else {
            continue;
        };
        if name.starts_with('.') || name.starts_with("ram") {
            continue;
        }
        let Ok(name) = ArrayString::from(name) else {
            continue;
        };
        if let Some(device) = look(&class, name) {
            let _ = devices.try_push(device); // one more than a table holds
        }
    }
    devices.sort_unstable_by_key(|device| device.name);
    Ok(devices)
}

/// Looks at one device; `None` where it is empty, as an unused loop device is.
fn look(class: &OwnedFd, name: ArrayString<32>) -> Option<Device> {
    // The `size` file counts sectors of 512 bytes, whatever the device's own are.
    let size = number(class, &name, "size")?.checked_mul(512)?;
    if size == 0 {
        return None;
    }
    let mut device = Device {
        name,
        size,
        filesystem: None,
        partuuid: partition(class, &name),
        unreadable: None,
    };
    let mut head = [0; HEAD_BYTES];
    match open_device(&name).and_then(|file| read_at(&file, 0, &mut head)) {
        Ok(read) => device.filesystem = identify(head.get(..read).unwrap_or_default()),
        Err(errno) => device.unreadable = Some(Reason(errno)),
    }
    Some(device)
}

/// The PARTUUID of a partition, read from the table of its disk.
fn partition(class: &OwnedFd, name: &str) -> Option<PartUuid> {
    let number_on_disk = u32::try_from(number(class, name, "partition")?).ok()?;
    // The link ends in `/block/vda/vda1`: the disk is the folder around the partition.
    let mut buffer = [MaybeUninit::uninit(); 512];
    let (link, _) = rustix::fs::readlinkat_raw(class, name, &mut buffer).ok()?;
    let disk = core::str::from_utf8(link).ok()?.rsplit('/').nth(1)?;
    let sector = number(class, disk, "queue/logical_block_size").unwrap_or(512);
    let file = open_device(disk).ok()?;
    partuuid(
        |offset, buffer| read_at(&file, offset, buffer) == Ok(buffer.len()),
        sector,
        number_on_disk,
    )
}

/// The number in a device's file of sysfs.
fn number(class: &OwnedFd, device: &str, file: &str) -> Option<u64> {
    let mut path = ArrayString::<64>::new();
    write!(path, "{device}/{file}").ok()?;
    let mut text = ArrayVec::<u8, 32>::new();
    read_file(class, &path, &mut text).ok()?;
    core::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

/// Whether this is a block device that has a size already: some get their node first and their content later.
pub(crate) fn has_content(path: &str) -> bool {
    let size = rustix::fs::stat(path)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_block_device())
        .then(|| rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok())
        .flatten()
        .and_then(|device| rustix::fs::seek(device, SeekFrom::End(0)).ok());
    size.is_some_and(|size| size > 0)
}

fn open_device(name: &str) -> Result<OwnedFd, Errno> {
    let mut path = ArrayString::<40>::new();
    write!(path, "/dev/{name}").map_err(|_| Errno::NAMETOOLONG)?;
    rustix::fs::open(
        path.as_str(),
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

/// Fills `buffer` from `offset`; returns how many bytes there were.
pub(crate) fn read_at(file: &OwnedFd, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match rustix::io::pread(file, rest, offset + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(done)
}

/// Reads a file of /proc or /sys, as much of it as the buffer holds.
pub(crate) fn read_file<const N: usize>(
    folder: impl AsFd,
    path: &str,
    into: &mut ArrayVec<u8, N>,
) -> Result<(), Errno> {
    let file = rustix::fs::openat(
        folder,
        path,
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let mut buffer = [0; N];
    let read = read_at(&file, 0, &mut buffer)?;
    let _ = into.try_extend_from_slice(buffer.get(..read).unwrap_or_default()); // both hold N bytes
    Ok(())
}
