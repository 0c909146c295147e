//! The image file: large writes on a thread of their own, holes where nothing is put.
//!
//! Nobody reads an image back soon after it is written, so it goes past the page cache where the file system
//! can do that: the kernel neither looks for free pages nor copies the bytes into them, and the sync at the end
//! finds nothing to do.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use kindling_base::{Context, Error, Result, files};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use crate::BLOCK;

/// Bytes of a batch: large enough that writes cost what the disk costs.
const BATCH: usize = 4 << 20;
/// Batches in turn: one is filled while another is written.
const BATCHES: usize = 2;

/// An image that is being written.
pub(crate) struct Image {
    batch: Batch,
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
    writer: Option<JoinHandle<Result<()>>>,
}

/// Bytes with their places in the image.
struct Batch {
    /// A batch and what aligning it takes.
    bytes: Vec<u8>,
    /// Where the batch starts in `bytes`: at a multiple of a block in memory, as direct writes need it.
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
    /// Creates an image of so many blocks, all of them a hole.
    ///
    /// # Errors
    /// The file cannot be created.
    pub(crate) fn create(path: &Path, blocks: u64) -> Result<Self> {
        let file = files::create(path)?;
        file.set_len(blocks * BLOCK as u64)
            .context(format!("cannot set the size of {}", path.display()))?;
        let (full, to_write) = sync_channel(BATCHES);
        let (written, empty) = sync_channel(BATCHES);
        for _ in 1..BATCHES {
            let _ = written.send(Batch::new()); // the receiver is right here
        }
        let path = path.to_owned();
        let writer = std::thread::Builder::new()
            .name("image writer".to_owned())
            .spawn(move || write_batches(&file, &path, &to_write, &written))
            .context("cannot start a thread")?;
        Ok(Self {
            batch: Batch::new(),
            full,
            empty,
            writer: Some(writer),
        })
    }

    /// Room for `length` bytes (at most [`Image::MOST`]) that `fill` fills; returns where they are, for
    /// [`Image::place`].
    ///
    /// # Errors
    /// An earlier batch could not be written, or `fill` failed.
    pub(crate) fn buffer(
        &mut self,
        length: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<()>,
    ) -> Result<usize> {
        if BATCH - self.batch.used < length {
            self.flush()?;
        }
        let start = self.batch.used;
        self.batch.used += length;
        let at = self.batch.base + start;
        fill(&mut self.batch.bytes[at..at + length])?;
        Ok(start)
    }

    /// Most bytes of one [`Image::buffer`].
    pub(crate) const MOST: usize = BATCH / 4;

    /// Bytes that [`Image::buffer`] returned last.
    pub(crate) fn buffered(&self, start: usize, length: usize) -> &[u8] {
        self.batch.slice(start, length)
    }

    /// Says that buffered bytes belong at a block; bytes that are placed nowhere are dropped.
    pub(crate) fn place(&mut self, block: u64, start: usize, length: usize) {
        let offset = block * BLOCK as u64;
        if let Some(last) = self.batch.pieces.last_mut()
            && last.offset + last.length as u64 == offset
            && last.start + last.length == start
        {
            last.length += length;
            return;
        }
        self.batch.pieces.push(Piece {
            offset,
            start,
            length,
        });
    }

    /// Puts whole blocks at a block.
    ///
    /// # Errors
    /// An earlier batch could not be written.
    pub(crate) fn put(&mut self, block: u64, bytes: &[u8]) -> Result<()> {
        let mut at = block;
        for part in bytes.chunks(Self::MOST) {
            let start = self.buffer(part.len(), |buffer| {
                buffer.copy_from_slice(part);
                Ok(())
            })?;
            self.place(at, start, part.len());
            at += (part.len() / BLOCK) as u64;
        }
        Ok(())
    }

    /// Writes what is left and waits for it.
    ///
    /// # Errors
    /// A batch could not be written.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.flush()?;
        let writer = self.writer.take();
        drop(self); // ends the channel, and so the thread when it has written all
        join(writer)
    }

    /// Hands the batch to the thread and goes on with an empty one.
    fn flush(&mut self) -> Result<()> {
        let Ok(next) = self.empty.recv() else {
            return self.failed();
        };
        let batch = std::mem::replace(&mut self.batch, next);
        if self.full.send(batch).is_err() {
            return self.failed();
        }
        Ok(())
    }

    /// Why the thread is gone.
    fn failed(&mut self) -> Result<()> {
        join(self.writer.take())?;
        Err(Error::internal("the image writer ended too early"))
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

    fn slice(&self, start: usize, length: usize) -> &[u8] {
        &self.bytes[self.base + start..][..length]
    }
}

fn join(writer: Option<JoinHandle<Result<()>>>) -> Result<()> {
    let ended = writer.map_or(Ok(Ok(())), JoinHandle::join);
    ended.unwrap_or_else(|_| Err(Error::internal("the image writer panicked")))
}

/// Writes batches until there are no more.
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
