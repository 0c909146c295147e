//! Writes the image of a tree, from the first step to the last.

use std::path::Path;

use kindling_base::{Error, Result};
use kindling_tree::Tree;

use crate::blocks::Blocks;
use crate::checksum::{crc32c, file_system_seed};
use crate::content::{self, Pass};
use crate::layout::{self, Layout};
use crate::usage::Usage;
use crate::{BLOCK, JournalSize, Options, journal, metadata, superblock};

/// The size of an image in blocks, bytes and inodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Blocks of [`BLOCK`] bytes.
    pub blocks: u64,
    /// Bytes of the image; its file has holes where they are zero.
    pub bytes: u64,
    /// Inodes in use, without the reserved ones.
    pub inodes: u32,
    /// Inodes in all.
    pub max_inodes: u32,
}

/// Writes the image of a tree to `path`, which is created or replaced. It is not synced: that is up to the caller, who
/// publishes it under its final name.
///
/// Content is read twice: once to find its zeros, which decides where everything goes, and once to copy it. So the
/// image is written from its start to its end.
///
/// `progress` is told how many blocks of how many are done, some hundred times a GiB.
///
/// # Errors
/// The tree has something that ext4 cannot hold (the error names the path), content cannot be read, or the image
/// cannot be written.
pub fn write(
    tree: &Tree,
    options: &Options,
    path: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Summary> {
    write_image(tree, options, path, false, progress).map(|(summary, _)| summary)
}

/// Writes an image as [`write()`] does, and returns its SHA-256 in hexadecimal besides. A second processor computes it
/// meanwhile; only the zeros of a huge empty image take extra time.
///
/// # Errors
/// As [`write()`].
pub fn write_hashed(
    tree: &Tree,
    options: &Options,
    path: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Summary, String)> {
    let (summary, sha256) = write_image(tree, options, path, true, progress)?;
    Ok((summary, sha256.unwrap_or_default())) // it was asked for
}

fn write_image(
    tree: &Tree,
    options: &Options,
    path: &Path,
    hash: bool,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Summary, Option<String>)> {
    let layout = plan(tree, options)?;
    let generations = generations(&layout, options);
    let pass = Pass {
        layout: &layout,
        hash_seed: &options.hash_seed,
        checksum_seed: file_system_seed(&options.uuid),
        generations: &generations,
    };
    let (mut blocks, mut usage) = (Blocks::default(), Usage::default());
    let special = metadata::special_inodes(&pass, options, &mut blocks, &mut usage);
    let placed = content::place(&pass, &mut blocks, &mut usage);
    metadata::describe(&pass, options, &special, &placed, usage, &mut blocks);
    let sha256 = blocks.write(path, layout.geometry.blocks, hash, progress)?;
    Ok((summary(&layout), sha256))
}

/// The summary of the image that a tree would have, without writing it.
///
/// # Errors
/// As [`write()`], as far as that does not write.
pub fn measure(tree: &Tree, options: &Options) -> Result<Summary> {
    Ok(summary(&plan(tree, options)?))
}

fn plan<'a>(tree: &'a Tree, options: &Options) -> Result<Layout<'a>> {
    if !superblock::holds_label(&options.label) {
        return Err(Error::user(format!(
            "the label `{}` has more than 16 bytes",
            options.label
        ))
        .hint("choose a shorter label"));
    }
    if !superblock::holds_time(options.epoch) {
        return Err(Error::user(format!(
            "the epoch {} is before 1970 or after 36812",
            options.epoch
        )));
    }
    if let Some(JournalSize::Mib(mib)) = options.journal
        && mib > journal::MAX_MIB
    {
        return Err(Error::user(format!(
            "a journal of {mib} MiB is larger than {} MiB, the most that is supported",
            journal::MAX_MIB
        )));
    }
    layout::plan(tree, options)
}

/// Generations of inodes, from the seed and each path.
fn generations(layout: &Layout<'_>, options: &Options) -> Vec<u32> {
    let seed = crc32c(!0, &options.hash_seed);
    let nodes = layout.nodes.iter();
    nodes.map(|node| crc32c(seed, node.path)).collect()
}

fn summary(layout: &Layout<'_>) -> Summary {
    let geometry = &layout.geometry;
    Summary {
        blocks: geometry.blocks,
        bytes: geometry.blocks * BLOCK as u64,
        inodes: layout.nodes.len() as u32,
        max_inodes: geometry.inodes_per_group * geometry.groups,
    }
}
