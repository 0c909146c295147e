//! Landing places of an overlay's entries: below what a link of the root leads to, as a running system would write them.

use kindling_base::{Error, Result};
use kindling_sysroot::{Files, Found};
use kindling_tree::{Kind, Tree};

use crate::overlay::OverlayEntry;

/// The path at which an entry of an overlay is laid into the tree: the links of its folder followed, so that `lib/x` becomes
/// `usr/lib/x` where `/lib` is a link.
///
/// # Errors
/// A link leads to a folder that is made anew at each boot, so that nobody would ever see the file.
pub(super) fn place(tree: &Tree, overlay: &OverlayEntry) -> Result<Vec<u8>> {
    let Some(slash) = overlay.path.iter().rposition(|&byte| byte == b'/') else {
        return Ok(overlay.path.clone());
    };
    let (folder, name) = (&overlay.path[..slash], &overlay.path[slash..]);
    match Files(tree).find(&String::from_utf8_lossy(folder)) {
        Found::Entry(mut real, _) => {
            real.extend(name);
            Ok(real)
        }
        Found::AtRunTime => match link(tree, folder) {
            Some((link, target)) => Err(Error::user(format!(
                "an overlay has {}, and /{link} is a symbolic link to {target}, which is empty at each boot",
                kindling_sysroot::shown(&overlay.path)
            ))
            .hint("have it made at boot: a file in usr/lib/tmpfiles.d/ (tmpfiles.d(5)), or RuntimeDirectory= of the unit that needs it")),
            None => Ok(overlay.path.clone()),
        },
        Found::Nothing(_) => Ok(overlay.path.clone()),
    }
}

/// Whether a folder of an overlay stands for one that a link of the tree leads to: the link stays.
pub(super) fn is_linked_folder(tree: &Tree, path: &[u8]) -> bool {
    let is_link = |path| {
        let entry = tree.get(path);
        entry.is_some_and(|entry| matches!(entry.kind, Kind::Symlink(_)))
    };
    let leads = || match Files(tree).find(&String::from_utf8_lossy(path)) {
        Found::Entry(_, entry) => matches!(entry.kind, Kind::Directory),
        Found::AtRunTime => true,
        Found::Nothing(_) => false,
    };
    is_link(path) && leads()
}

/// Explains why an entry does not fit the tree, where a link in its path is the cause.
pub(super) fn explain(tree: &Tree, overlay: &OverlayEntry, error: Error) -> Error {
    let error = error.within("an overlay does not fit the packages");
    match link(tree, &overlay.path) {
        Some((link, target)) => error.hint(format!(
            "/{link} is a symbolic link to {target}: put the file there"
        )),
        None => error,
    }
}

/// The first link among a path and the folders above it, and its target.
fn link(tree: &Tree, path: &[u8]) -> Option<(String, String)> {
    let parts: Vec<&[u8]> = path.split(|&byte| byte == b'/').collect();
    (1..=parts.len()).find_map(|end| {
        let ancestor = parts[..end].join(&b'/');
        let Kind::Symlink(target) = &tree.get(&ancestor)?.kind else {
            return None;
        };
        let shown = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Some((shown(&ancestor), shown(target)))
    })
}
