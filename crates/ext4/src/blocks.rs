//! A plan of an image: the content of each block, known before the first byte is written.

use std::path::Path;

use kindling_base::Result;
use kindling_tree::Content;

use crate::BLOCK;
use crate::geometry::BlockRun;
use crate::image::Image;

/// Blocks read at once.
const READ: u64 = (Image::MOST / BLOCK) as u64;
/// Progress is told after so many blocks.
const TELL: u64 = 2048;

/// Blocks with their places, in no order until they are written.
#[derive(Default)]
pub(crate) struct Blocks<'a>(Vec<Piece<'a>>);

/// Blocks one after the other, at `block` of the image.
struct Piece<'a> {
    block: u64,
    source: Source<'a>,
}

enum Source<'a> {
    /// Whole blocks that describe content: directories, tables, bitmaps.
    Known(Vec<u8>),
    /// Blocks of a file; what the last of them has behind its end is zero.
    Content { content: &'a Content, run: BlockRun },
}

impl<'a> Blocks<'a> {
    /// Puts whole blocks at a block.
    pub(crate) fn put(&mut self, block: u64, bytes: impl Into<Vec<u8>>) {
        let source = Source::Known(bytes.into());
        self.0.push(Piece { block, source });
    }

    /// Puts a run of a file's logical blocks at a block.
    pub(crate) fn copy(&mut self, block: u64, content: &'a Content, run: BlockRun) {
        let source = Source::Content { content, run };
        self.0.push(Piece { block, source });
    }

    /// Writes an image of `total` blocks from its start to its end, everything else a hole; returns its SHA-256 if it is
    /// to be hashed.
    ///
    /// # Errors
    /// Content cannot be read or the image not be written.
    pub(crate) fn write(
        mut self,
        path: &Path,
        total: u64,
        hash: bool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Option<String>> {
        self.0.sort_unstable_by_key(|piece| piece.block);
        let end = self
            .0
            .last()
            .map_or(0, |piece| piece.block + piece.blocks());
        let mut image = Image::create(path, total, hash)?;
        let filled = self.fill(&mut image, &mut |done| progress(done, end));
        let sha256 = image.finish()?; // knows better why filling it failed
        filled?;
        progress(end, end);
        Ok(sha256)
    }

    fn fill(self, image: &mut Image, progress: &mut dyn FnMut(u64)) -> Result<()> {
        let mut told = 0;
        for piece in self.0 {
            match piece.source {
                Source::Known(bytes) => image.put(piece.block, &bytes)?,
                Source::Content { content, run } => copy(image, piece.block, content, run)?,
            }
            if piece.block >= told + TELL {
                told = piece.block;
                progress(told);
            }
        }
        Ok(())
    }
}

impl Piece<'_> {
    fn blocks(&self) -> u64 {
        match &self.source {
            Source::Known(bytes) => (bytes.len() / BLOCK) as u64,
            Source::Content { run, .. } => run.length,
        }
    }
}

fn copy(image: &mut Image, block: u64, content: &Content, run: BlockRun) -> Result<()> {
    let mut done = 0;
    while done < run.length {
        let count = READ.min(run.length - done);
        let from = (run.start + done) * BLOCK as u64;
        let bytes = (content.len() - from).min(count * BLOCK as u64) as usize;
        image.fill(block + done, count as usize * BLOCK, |buffer| {
            let (data, rest) = buffer.split_at_mut(bytes);
            rest.fill(0);
            content.read_at(from, data)
        })?;
        done += count;
    }
    Ok(())
}
