//! The hash of a large file with holes, such as a disk image that was just written.
//!
//! One thread reads past the page cache, because nobody needs the bytes again soon, while another one hashes. Holes are
//! not read: their zeros come from memory.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use crate::hash::Hasher;
use crate::{Context, Result, files};

/// Bytes read at once.
const CHUNK: usize = 4 << 20;
/// Alignment of direct reads, in memory and in the file: no disk has larger sectors.
const ALIGNMENT: usize = 4096;
/// Zeros are hashed in pieces of this size: they stay in the processor's cache.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// A piece of the file that the reading thread hands over.
enum Part {
    Hole(u64),
    Data(Buffer),
}

/// A chunk, aligned in memory.
struct Buffer {
    bytes: Vec<u8>,
    base: usize,
    used: usize,
}

impl Buffer {
    fn new() -> Self {
        let bytes = vec![0; CHUNK + ALIGNMENT];
        Self {
            base: bytes.as_ptr().align_offset(ALIGNMENT),
            bytes,
            used: 0,
        }
    }
}

/// Computes the SHA-256 of a file, as [`crate::hash::file`] does, but faster for a large file with holes.
///
/// # Errors
/// It cannot be read, or becomes shorter meanwhile.
pub fn hash(path: &Path) -> Result<String> {
    let file = files::open(path)?;
    let what = || format!("cannot read {}", path.display());
    let length = file.metadata().context(what())?.len();
    let (parts, to_hash) = sync_channel(2);
    let (emptied, empty) = sync_channel(2);
    for _ in 0..2 {
        let _ = emptied.send(Buffer::new()); // the receiver is right here
    }
    let mut hasher = Hasher::new();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(&file, length, parts, empty));
        for part in to_hash {
            match part {
                Part::Hole(length) => zeros(&mut hasher, length),
                Part::Data(buffer) => {
                    hasher.update(&buffer.bytes[buffer.base..][..buffer.used]);
                    let _ = emptied.send(buffer); // the reader may have all it needs
                }
            }
        }
        let read = reader.join();
        read.unwrap_or_else(|_| Err(std::io::Error::other("the reading thread panicked")))
    })
    .context(what())?;
    Ok(hasher.finish())
}

/// Adds `length` zeros to a hash.
pub fn zeros(hasher: &mut Hasher, length: u64) {
    let mut left = length;
    while left > 0 {
        let count = left.min(ZEROS.len() as u64);
        hasher.update(&ZEROS[..count as usize]);
        left -= count;
    }
}

/// Reads the file in order, and stops early if the receiver is gone.
fn read(
    file: &File,
    length: u64,
    parts: SyncSender<Part>,
    empty: Receiver<Buffer>,
) -> std::io::Result<()> {
    let _ = set_direct(file, true); // where it cannot, the page cache does
    let mut at = 0;
    while at < length {
        let Range { start, end } = files::next_data(file, at, length)?;
        // `at` is aligned, and so is all that is read but the end of the file.
        let data = start / ALIGNMENT as u64 * ALIGNMENT as u64;
        let end = end.next_multiple_of(ALIGNMENT as u64).min(length);
        if data > at && parts.send(Part::Hole(data - at)).is_err() {
            return Ok(());
        }
        at = data;
        while at < end {
            let Ok(mut buffer) = empty.recv() else {
                return Ok(());
            };
            buffer.used = (end - at).min(CHUNK as u64) as usize;
            let base = buffer.base;
            fill(file, &mut buffer.bytes[base..], buffer.used, at)?;
            at += buffer.used as u64;
            if parts.send(Part::Data(buffer)).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Reads `wanted` bytes; a direct read asks for whole sectors and gets less at the end of the file.
fn fill(file: &File, room: &mut [u8], wanted: usize, at: u64) -> std::io::Result<()> {
    let mut done = 0;
    while done < wanted {
        let end = wanted.next_multiple_of(ALIGNMENT).min(room.len());
        match file.read_at(&mut room[done..end], at + done as u64) {
            Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => done += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => {
                // Refused for its alignment: from here on through the page cache, where nothing is refused.
                if !fcntl_getfl(file)?.contains(OFlags::DIRECT) {
                    return Err(error);
                }
                set_direct(file, false)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn set_direct(file: &File, direct: bool) -> std::io::Result<()> {
    let mut flags = fcntl_getfl(file)?;
    flags.set(OFlags::DIRECT, direct);
    Ok(fcntl_setfl(file, flags)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes at offsets in a file of some length, the rest a hole.
    fn check(folder: &Path, length: u64, pieces: &[(u64, usize)]) {
        let path = folder.join("file");
        let file = files::create(&path).unwrap();
        file.set_len(length).unwrap();
        for &(offset, count) in pieces {
            let bytes: Vec<u8> = (0..count).map(|at| (at % 251) as u8 + 1).collect();
            file.write_all_at(&bytes, offset).unwrap();
        }
        assert_eq!(
            hash(&path).unwrap(),
            crate::hash::file(&path).unwrap(),
            "{length} {pieces:?}"
        );
    }

    #[test]
    fn holes_odd_lengths_and_many_chunks_hash_as_they_read() {
        let disk = tempfile::tempdir().unwrap();
        let memory = tempfile::tempdir_in("/dev/shm").unwrap();
        for folder in [disk.path(), memory.path()] {
            check(folder, 0, &[]);
            check(folder, 1 << 20, &[]);
            check(folder, 5, &[(0, 5)]);
            check(folder, 100_001, &[(0, 3), (65_537, 1000)]);
            check(folder, 3 * CHUNK as u64 + 17, &[(0, 3 * CHUNK + 17)]);
            check(folder, 64 << 20, &[(8192, 9 << 20), ((60 << 20) + 1, 5000)]);
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = hash(Path::new("/no/such/file")).unwrap_err();
        assert!(error.to_string().contains("/no/such/file"), "{error}");
    }
}
