//! Which parts of a large file are worth room in the image.
//!
//! Zeros of any file become holes when it is copied, and the room set aside for them is then free space.
//! That would make an image with a huge sparse file in it as large as the file, so files from
//! [`LOOK_FROM`] on are looked through before the image is divided.

use kindling_base::{Context, Result};
use kindling_tree::Content;
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use crate::BLOCK;
use crate::geometry::Run;

/// Smaller files are not looked through: they cannot make an image much larger than it need be.
const LOOK_FROM: u64 = 64 << 20;
/// Holes are looked for in pieces of this size.
const PIECE: u64 = 1 << 20;

/// Runs of logical blocks of a file that may hold something else than zeros.
#[derive(Debug, Default)]
pub(crate) struct DataRuns(Vec<Run>);

impl DataRuns {
    /// The runs in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Run> {
        self.0.iter().copied()
    }

    /// Number of runs.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Blocks in all runs.
    pub(crate) fn blocks(&self) -> u64 {
        self.0.iter().map(|run| run.length).sum()
    }

    fn push(&mut self, new: Run) {
        match self.0.last_mut() {
            Some(last) if last.start + last.length == new.start => last.length += new.length,
            _ => self.0.push(new),
        }
    }
}

/// The runs of a file.
///
/// They depend on the bytes alone: a hole of the file that holds them only saves reading it.
///
/// # Errors
/// The content cannot be read.
pub(crate) fn find(content: &Content) -> Result<DataRuns> {
    let length = content.len();
    let mut runs = DataRuns::default();
    if length < LOOK_FROM {
        if length > 0 {
            runs.push(blocks(0, length));
        }
        return Ok(runs);
    }
    let mut buffer = vec![0; PIECE as usize];
    let mut at = 0;
    while at < length {
        let Some(data) = next_data(content, at)? else {
            break;
        };
        at = data / PIECE * PIECE;
        let end = length.min(at + PIECE);
        let piece = &mut buffer[..(end - at) as usize];
        content.read_at(at, piece)?;
        if !is_zero(piece) {
            runs.push(blocks(at, end));
        }
        at = end;
    }
    Ok(runs)
}

/// Whether all bytes are zero.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    // The first words decide for nearly all content; the rest is compared at the speed of memory.
    let (head, rest) = bytes.split_at(bytes.len().min(64));
    head.iter().all(|&b| b == 0) && rest.chunks(64).all(|c| c.iter().fold(0, |a, b| a | b) == 0)
}

fn blocks(from: u64, to: u64) -> Run {
    let start = from / BLOCK as u64;
    Run {
        start,
        length: to.div_ceil(BLOCK as u64) - start,
    }
}

/// The first byte from `at` on that the holding file does not have as a hole; `None` if all is hole.
fn next_data(content: &Content, at: u64) -> Result<Option<u64>> {
    let Content::Range {
        file, path, offset, ..
    } = content
    else {
        return Ok(Some(at));
    };
    match seek(file, SeekFrom::Data(offset + at)) {
        Ok(data) => Ok(Some((data.max(*offset) - offset).max(at))),
        Err(Errno::NXIO) => Ok(None),
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Some(at)),
        Err(error) => Err(error).context(format!("cannot look for holes in {}", path.display())),
    }
}
