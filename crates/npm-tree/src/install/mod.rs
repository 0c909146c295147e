//! Packages in an image: below `/usr/local`, as `npm install --global` puts them on Debian.

use std::path::PathBuf;

use kindling_base::{Error, Result};
use kindling_tree::{Entry, Kind, Timestamp, Tree};
use serde_json::Value;

use crate::commands::link_commands;
use crate::locked::{LIBRARY, LockedNpm};
use crate::package_json::About;
use crate::unpack::unpack;

/// Puts packages into a tree: each `path` of the lock below `/usr/local/lib`, with the unzipped tarball that
/// [`stored`](crate::stored()) gives; then their commands, those of packages that were asked for in `/usr/local/bin`.
///
/// # Errors
/// A tarball is unsound, a path in it leads out of it, or two packages have a command of the same name.
pub fn install(tree: &mut Tree, packages: &[(LockedNpm, PathBuf)], epoch: i64) -> Result<()> {
    let mtime = Timestamp {
        seconds: epoch,
        nanoseconds: 0,
    };
    let mut about = About::new();
    let mut packages: Vec<_> = packages.iter().collect();
    packages.sort_by(|a, b| a.0.path.cmp(&b.0.path)); // a package comes before those inside it
    for (package, tar) in &packages {
        if !package.has_plain_path() {
            return Err(Error::user(format!(
                "the lock has a package of npm at `{}`",
                package.path
            ))
            .hint("write the lock anew with `cargo xtask lock`"));
        }
        let folder = format!("{LIBRARY}/{}", package.path).into_bytes();
        // A package may have had a copy in its tarball; the lock decides.
        tree.remove(&folder);
        tree.make_parents(&folder, mtime)?;
        tree.insert(&folder, Entry::new(Kind::Directory, 0o755, mtime))?;
        let within = |error: Error| error.within(format!("npm package {}", package.shown()));
        unpack(tree, &folder, tar, mtime).map_err(within)?;
        let said = read_about(tree, &folder).map_err(within)?;
        about.insert(package.path.clone(), said);
    }
    link_commands(
        tree,
        packages.iter().map(|(package, _)| package),
        &about,
        mtime,
    )
}

/// The `package.json` in a folder; one that is not there or does not parse says nothing.
fn read_about(tree: &Tree, folder: &[u8]) -> Result<Value> {
    let path = [folder, b"/package.json"].concat();
    let Some(Kind::File(content)) = tree.get(&path).map(|entry| &entry.kind) else {
        return Ok(Value::Null);
    };
    // Some begin with a byte order mark, which npm takes.
    let bytes = content.read()?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    Ok(serde_json::from_slice(bytes).unwrap_or(Value::Null))
}

#[cfg(test)]
mod tests;
