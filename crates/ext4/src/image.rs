//! The image file: written in large pieces from its start to its end, holes where nothing is put, and hashed meanwhile
//! if the caller wants that.
//!
//! One thread fills batches, a second one hashes them and a third one writes them. Nobody reads an image back soon
//! after it is written, so it goes past the page cache where the file system can do that: the kernel neither looks for
//! free pages nor copies the bytes into them, and the sync at the end finds nothing to do.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use kindling_base::hash::Hasher;
use kindling_base::{Context, Error, Result, files, sparse};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use crate::BLOCK;

/// Bytes of a batch: large enough that writes cost what the disk costs.
const BATCH: usize = 4 << 20;
/// Batches in turn: one is filled, one hashed and one written, and one waits for the slowest.
const BATCHES: usize = 4;

/// An image that is being written.
pub(crate) struct Image {
    batch: Batch,
    /// The hashing thread, which hands batches on to the writing one; without it, the writing thread itself.
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
    hashing: Option<JoinHandle<Result<String>>>,
    writing: JoinHandle<Result<()>>,
}

/// Bytes with their places in the image, in order.
struct Batch {
    /// A batch and what aligning it takes.
    bytes: Vec<u8>,
    /// The start of the batch in `bytes`: at a multiple of a block in memory, as direct writes need it.
    base: usize,
    used: usize,
    pieces: Vec<Piece>,
}

/// `length` bytes of a batch from `start` that belong at `offset` of the image.
struct Piece {
    offset: u64,
    start: usize,
    length: usize,
}

impl Image {
    /// Creates an image of so many blocks, all of them a hole, to be hashed or not.
    ///
    /// # Errors
    /// The file cannot be created.
    pub(crate) fn create(path: &Path, blocks: u64, hash: bool) -> Result<Self> {
        let bytes = blocks * BLOCK as u64;
        let file = files::create(path)?;
        file.set_len(bytes)
            .context(format!("cannot set the size of {}", path.display()))?;
        let (mut full, to_write) = sync_channel(BATCHES);
        let (written, empty) = sync_channel(BATCHES);
        for _ in 1..BATCHES {
            let _ = written.send(Batch::new()); // the receiver is right here
        }
        let path = path.to_owned();
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let cannot = "cannot start a thread";
        let mut hashing = None;
        if hash {
            let (to_hasher, to_hash) = sync_channel(BATCHES);
            let hashed = std::mem::replace(&mut full, to_hasher);
            let work = move || hash_batches(bytes, &to_hash, &hashed);
            hashing = Some(thread("image hasher").spawn(work).context(cannot)?);
        }
        let writing = thread("image writer")
            .spawn(move || write_batches(&file, &path, &to_write, &written))
            .context(cannot)?;
        Ok(Self {
            batch: Batch::new(),
            full,
            empty,
            hashing,
            writing,
        })
    }

    /// Most bytes of one [`Image::fill`].
    pub(crate) const MOST: usize = BATCH / 4;

    /// Puts `length` bytes, whole blocks and at most [`Image::MOST`], at a block; `fill` fills them. Blocks are put in the
    /// order of the image.
    ///
    /// # Errors
    /// An earlier batch could not be written, or `fill` failed.
    pub(crate) fn fill(
        &mut self,
        block: u64,
        length: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<()>,
    ) -> Result<()> {
        if BATCH - self.batch.used < length {
            self.flush()?;
        }
        let start = self.batch.used;
        self.batch.used += length;
        let at = self.batch.base + start;
        fill(&mut self.batch.bytes[at..at + length])?;
        self.batch.place(block * BLOCK as u64, start, length);
        Ok(())
    }

    /// Puts whole blocks at a block.
    ///
    /// # Errors
    /// An earlier batch could not be written.
    pub(crate) fn put(&mut self, block: u64, bytes: &[u8]) -> Result<()> {
        let mut at = block;
        for part in bytes.chunks(Self::MOST) {
            self.fill(at, part.len(), |buffer| {
                buffer.copy_from_slice(part);
                Ok(())
            })?;
            at += (part.len() / BLOCK) as u64;
        }
        Ok(())
    }

    /// Writes what is left and waits for it; returns the image's SHA-256 in hexadecimal, if it was to be hashed.
    ///
    /// # Errors
    /// A batch could not be written: the reason why an earlier call failed, if one did.
    pub(crate) fn finish(self) -> Result<Option<String>> {
        // A thread that is gone says itself why.
        let _ = self.full.send(self.batch);
        drop(self.full); // ends the threads when they have done all
        join(self.writing)?;
        self.hashing.map(join).transpose()
    }

    /// Hands the batch to the threads and goes on with an empty one. If they are gone, [`Image::finish`] knows why.
    fn flush(&mut self) -> Result<()> {
        let gone = || Error::internal("what writes the image ended too early");
        let next = self.empty.recv().map_err(|_| gone())?;
        let batch = std::mem::replace(&mut self.batch, next);
        self.full.send(batch).map_err(|_| gone())
    }
}

impl Batch {
    fn new() -> Self {
        let bytes = vec![0; BATCH + BLOCK];
        Self {
            base: bytes.as_ptr().align_offset(BLOCK),
            bytes,
            used: 0,
            pieces: Vec::new(),
        }
    }

    /// Says where bytes belong.
    fn place(&mut self, offset: u64, start: usize, length: usize) {
        if let Some(last) = self.pieces.last_mut()
            && last.offset + last.length as u64 == offset
        {
            last.length += length; // bytes follow each other without gaps
            return;
        }
        self.pieces.push(Piece {
            offset,
            start,
            length,
        });
    }

    fn slice(&self, start: usize, length: usize) -> &[u8] {
        &self.bytes[self.base + start..][..length]
    }
}

fn join<T>(thread: JoinHandle<Result<T>>) -> Result<T> {
    let ended = thread.join();
    ended.unwrap_or_else(|_| Err(Error::internal("a thread that writes the image panicked")))
}

/// Hashes batches until the last, and zeros between and behind them: an image of `length` bytes.
fn hash_batches(
    length: u64,
    batches: &Receiver<Batch>,
    hashed: &SyncSender<Batch>,
) -> Result<String> {
    let mut hasher = Hasher::new();
    let mut at = 0;
    let overlap = || Error::internal("blocks of the image overlap");
    for batch in batches {
        for piece in &batch.pieces {
            let gap = piece.offset.checked_sub(at).ok_or_else(overlap)?;
            sparse::zeros(&mut hasher, gap);
            hasher.update(batch.slice(piece.start, piece.length));
            at = piece.offset + piece.length as u64;
        }
        if hashed.send(batch).is_err() {
            break; // the writer has failed and says why
        }
    }
    sparse::zeros(&mut hasher, length.checked_sub(at).ok_or_else(overlap)?);
    Ok(hasher.finish())
}

/// Writes batches until the last.
fn write_batches(
    file: &File,
    path: &Path,
    batches: &Receiver<Batch>,
    written: &SyncSender<Batch>,
) -> Result<()> {
    let _ = set_direct(file, true); // where it cannot, the page cache does
    for mut batch in batches {
        for piece in &batch.pieces {
            write(file, batch.slice(piece.start, piece.length), piece.offset)
                .context(format!("cannot write {}", path.display()))?;
        }
        batch.pieces.clear();
        batch.used = 0;
        let _ = written.send(batch); // nobody waits for the last ones
    }
    Ok(())
}

/// Writes all bytes; through the page cache from when on the file system refuses direct writes of this size.
fn write(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    match file.write_all_at(bytes, offset) {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => {
            set_direct(file, false)?;
            file.write_all_at(bytes, offset)
        }
        result => result,
    }
}

/// Turns direct writes on or off.
fn set_direct(file: &File, direct: bool) -> std::io::Result<()> {
    let mut flags = fcntl_getfl(file)?;
    flags.set(OFlags::DIRECT, direct);
    Ok(fcntl_setfl(file, flags)?)
}
