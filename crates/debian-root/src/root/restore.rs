//! Puts a frozen tree back into a folder, so that more packages can be added to it.

use std::io::Write;

use kindling_base::{Context, Result, parallel};
use kindling_tree::{Content, Entry, Kind, Tree};

use super::folder::Root;
use super::place;

/// Bytes copied at once.
const BUFFER: usize = 1 << 20;
/// Files that a thread takes at once: their names are near each other, so it finds their folders in the cache.
const RUN: usize = 64;

/// Writes a tree into an empty root, on all processors.
///
/// # Errors
/// Content cannot be read, the disk is full, or the system refuses an attribute.
pub(crate) fn restore(root: &Root, tree: &Tree) -> Result<()> {
    let what = |path: &[u8]| format!("cannot restore `/{}`", String::from_utf8_lossy(path));
    let all: Vec<(&[u8], &Entry)> = tree.iter().collect();
    let is_folder = |entry: &Entry| matches!(entry.kind, Kind::Directory);
    for (path, _) in all
        .iter()
        .filter(|(path, entry)| is_folder(entry) && !path.is_empty())
    {
        place::directory(root, path).context(what(path))?;
    }
    let contents = all.iter().filter_map(|(path, entry)| match &entry.kind {
        Kind::File(content) => Some((*path, *entry, content)),
        _ => None,
    });
    write_files(root, &contents.collect::<Vec<_>>())?;
    for (path, entry) in &all {
        if !matches!(entry.kind, Kind::File(_) | Kind::Directory | Kind::Socket) {
            place::special(root, path, entry).context(what(path))?;
        }
    }
    // Last and from the leaves up: a folder's mode may forbid writing into it.
    for (path, entry) in all.iter().rev().filter(|(_, entry)| is_folder(entry)) {
        place::finish_directory(root, path, entry).context(what(path))?;
    }
    Ok(())
}

fn write_files(root: &Root, contents: &[(&[u8], &Entry, &Content)]) -> Result<()> {
    let runs: Vec<_> = contents.chunks(RUN).collect();
    let buffer = || vec![0; BUFFER];
    parallel::each_with(&runs, parallel::processors(), buffer, |buffer, run| {
        run.iter()
            .try_for_each(|(path, entry, content)| write_file(root, path, entry, content, buffer))
    })?;
    Ok(())
}

fn write_file(
    root: &Root,
    path: &[u8],
    entry: &Entry,
    content: &Content,
    buffer: &mut [u8],
) -> Result<()> {
    let what = || format!("cannot restore `/{}`", String::from_utf8_lossy(path));
    let mut file = place::file(root, path).context(what())?;
    let mut at = 0;
    while at < content.len() {
        let count = (content.len() - at).min(buffer.len() as u64) as usize;
        content.read_at(at, &mut buffer[..count])?;
        file.write_all(&buffer[..count]).context(what())?;
        at += count as u64;
    }
    place::finish(&file, entry).context(what())
}
