//! The changes that a layer made to the tree below it.

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use kindling_base::{Context, Result, files};
use kindling_tree::Tree;

use super::files::{DELTA, REMOVED};
use crate::freeze;
use crate::root::{Mark, Root, split};

/// Tidies the tree and writes what is not as in `base` to `out`: [`DELTA`] and [`REMOVED`].
///
/// # Errors
/// A file cannot be read or removed, or the results cannot be written.
pub(crate) fn freeze_changes(
    root: &Root,
    base: &Tree,
    mark: Mark,
    epoch: i64,
    started: SystemTime,
    out: &Path,
) -> Result<()> {
    let file = files::create(&out.join(DELTA))?;
    let removed = root.enter(|| {
        let paths = freeze::tidied(Path::new("/"))?;
        let mut changed: HashSet<&[u8]> = HashSet::new();
        let mut seen: HashSet<&[u8]> = HashSet::new();
        for path in &paths {
            let name = &path.as_os_str().as_bytes()[1..];
            seen.insert(name);
            let what = || format!("cannot read {} of the tree", path.display());
            let meta = path.symlink_metadata().context(what())?;
            let is_new = base.get(name).is_none();
            if !is_new && !mark.is_before(&meta) {
                continue;
            }
            // With the folders above, so that a reader of the tar has somewhere to put it.
            let mut rest = name;
            while changed.insert(rest) && !rest.is_empty() {
                rest = split(rest).0;
            }
        }
        let kept = paths
            .iter()
            .filter(|path| changed.contains(&path.as_os_str().as_bytes()[1..]));
        let kept: Vec<PathBuf> = kept.cloned().collect();
        freeze::write(
            &kept,
            &freeze::clamp(epoch, started),
            file,
            &out.join(DELTA),
        )?;
        let gone = base.iter().filter(|(path, _)| !seen.contains(path));
        let gone = gone.flat_map(|(path, _)| path.iter().copied().chain([0]));
        Ok(gone.collect::<Vec<u8>>())
    })?;
    files::write(&out.join(REMOVED), &removed)
}
