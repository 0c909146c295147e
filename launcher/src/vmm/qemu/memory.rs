//! The guest's memory as a file that QEMU shares with us, so that saving a machine copies its pages and nothing else.

use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use kindling_base::{Context, Result, files};
use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, ftruncate, memfd_create};

/// A page of the guest's memory.
const PAGE: usize = 4096;
/// Bytes looked at at once, whole pages.
const PIECE: usize = 1 << 20;

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

    /// Gives back pages that are zero: whoever looked at them made them.
    ///
    /// # Errors
    /// The memory cannot be read.
    pub(super) fn drop_zeros(&self) -> Result<()> {
        let what = "cannot look through the guest's memory";
        let length = self.0.metadata().context(what)?.len();
        let mut piece = vec![0; PIECE];
        let mut at = 0;
        while at < length {
            let data = files::next_data(&self.0, at, length).context(what)?;
            at = data.start;
            while at < data.end {
                let count = PIECE.min(usize::try_from(data.end - at).unwrap_or(PIECE));
                let piece = &mut piece[..count];
                self.0.read_exact_at(piece, at).context(what)?;
                for (offset, length) in zeros(piece) {
                    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                    fallocate(&self.0, flags, at + offset as u64, length as u64).context(what)?;
                }
                at += count as u64;
            }
        }
        Ok(())
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

/// Runs of pages that are zero: offset and length in bytes.
fn zeros(piece: &[u8]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (number, page) in piece.chunks(PAGE).enumerate() {
        let at = number * PAGE;
        if page != &[0; PAGE][..page.len()] {
            continue;
        }
        match runs.last_mut() {
            Some((start, length)) if *start + *length == at => *length += page.len(),
            _ => runs.push((at, page.len())),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn zero_pages_take_no_room_and_the_rest_stays() {
        let memory = SharedMemory::new(4).unwrap();
        let mut expected = vec![0; 4 << 20];
        for at in [5, 3 * PAGE, (1 << 20) - 1, (3 << 20) + PAGE] {
            expected[at] = 7;
        }
        memory.0.write_all_at(&expected, 0).unwrap();
        assert_eq!(memory.0.metadata().unwrap().blocks() * 512, 4 << 20);
        memory.drop_zeros().unwrap();
        assert_eq!(memory.0.metadata().unwrap().blocks() * 512, 4 * PAGE as u64);
        let mut read = vec![1; expected.len()];
        memory.0.read_exact_at(&mut read, 0).unwrap();
        assert!(read == expected);
    }
}
