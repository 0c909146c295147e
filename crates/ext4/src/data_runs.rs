//! Finds the parts of files that need room in the image: the rest is zeros, which become holes.
//!
//! All content is read once for this before the image is divided, so that a huge sparse file takes no room, and every
//! extent is known before the first byte is written.

use std::ops::Range;

use kindling_base::{Context, Result, files, parallel};
use kindling_tree::Content;

use crate::BLOCK;
use crate::geometry::BlockRun;

/// Bytes that become a hole when all of them are zero, counted from the start of the file. Single zero blocks stay, as
/// a file in many pieces is slow to read.
const HOLE: u64 = 4 * BLOCK as u64;
/// Bytes read at once, a multiple of a hole.
const PIECE: u64 = 64 * HOLE;
/// More threads than this wait for the disk or for each other's pages.
const THREADS: usize = 4;

/// Runs of logical blocks of a file that hold something else than zeros.
#[derive(Debug, Default)]
pub(crate) struct DataRuns(Vec<BlockRun>);

impl DataRuns {
    /// The runs in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = BlockRun> {
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

    fn push(&mut self, new: BlockRun) {
        match self.0.last_mut() {
            Some(last) if last.start + last.length == new.start => last.length += new.length,
            _ => self.0.push(new),
        }
    }
}

/// The runs of each file, in order.
///
/// They depend on the bytes alone: a hole of the file that holds them only saves reading it.
///
/// # Errors
/// Content cannot be read; of several errors, that of the first file.
pub(crate) fn find_all(contents: &[&Content]) -> Result<Vec<DataRuns>> {
    let threads = parallel::processors().min(THREADS);
    let buffer = || vec![0; PIECE as usize];
    parallel::each_with(contents, threads, buffer, |buffer, content| {
        find(content, buffer)
    })
}

/// The runs of a file; `buffer` has room for a piece.
fn find(content: &Content, buffer: &mut [u8]) -> Result<DataRuns> {
    let length = content.len();
    let mut runs = DataRuns::default();
    let mut at = 0;
    while at < length {
        // A small file is read as soon as it is asked for its holes.
        let data = match length > PIECE {
            true => next_data(content, at)?,
            false => 0..length,
        };
        at = data.start / HOLE * HOLE;
        while at < data.end {
            let end = length.min(at + PIECE);
            let piece = &mut buffer[..(end - at) as usize];
            content.read_at(at, piece)?;
            for stretch in piece.chunks(HOLE as usize) {
                let next = at + stretch.len() as u64;
                if !is_zero(stretch) {
                    runs.push(blocks(at, next));
                }
                at = next;
            }
        }
    }
    Ok(runs)
}

/// Whether all bytes are zero.
fn is_zero(bytes: &[u8]) -> bool {
    // The first words decide for nearly all content; the rest is compared at the speed of memory.
    let (head, rest) = bytes.split_at(bytes.len().min(64));
    head.iter().all(|&b| b == 0) && rest.chunks(64).all(|c| c.iter().fold(0, |a, b| a | b) == 0)
}

fn blocks(from: u64, to: u64) -> BlockRun {
    let start = from / BLOCK as u64;
    BlockRun {
        start,
        length: to.div_ceil(BLOCK as u64) - start,
    }
}

/// The next bytes from `at` on that the holding file does not have as a hole; empty, at the end, if all is hole.
fn next_data(content: &Content, at: u64) -> Result<Range<u64>> {
    let Content::Range {
        file, path, offset, ..
    } = content
    else {
        return Ok(at..content.len());
    };
    let data = files::next_data(file, offset + at, offset + content.len())
        .context(format!("cannot look for holes in {}", path.display()))?;
    Ok(data.start - offset..data.end - offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_zero_blocks_in_a_row_are_a_hole_and_the_end_counts() {
        let mut bytes = vec![0; 11 * BLOCK + 5];
        for at in [0, 9 * BLOCK + 1] {
            bytes[at] = 1;
        }
        let longer = vec![7; (PIECE + 1) as usize];
        let contents = [bytes, vec![0; 100_000], longer, Vec::new()];
        let contents = contents.map(|bytes| Content::Bytes(bytes.into()));
        let contents: Vec<&Content> = contents.iter().collect();
        let found = find_all(&contents).unwrap();
        let found: Vec<Vec<_>> = found
            .iter()
            .map(|runs| runs.iter().map(|run| (run.start, run.length)).collect())
            .collect();
        let most = PIECE / BLOCK as u64 + 1;
        assert_eq!(
            found,
            [vec![(0, 4), (8, 4)], vec![], vec![(0, most)], vec![]]
        );
    }

    /// A member of a tar whose end is a hole; the bytes behind it belong to others.
    #[test]
    fn a_hole_up_to_the_end_of_a_range_is_no_data() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tar");
        let file = std::fs::File::create_new(&path).unwrap();
        let (offset, length) = (8192, 4 * PIECE);
        std::os::unix::fs::FileExt::write_all_at(&file, b"member", offset).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"next", offset + length + PIECE).unwrap();
        let content = Content::Range {
            file: std::sync::Arc::new(std::fs::File::open(&path).unwrap()),
            path: path.as_path().into(),
            offset,
            length,
        };
        let found = find_all(&[&content]).unwrap();
        let runs: Vec<_> = found[0].iter().map(|run| (run.start, run.length)).collect();
        assert_eq!(runs, [(0, 4)]);
    }
}
