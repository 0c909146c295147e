//! Commands: executable files of packages, and links to them.

use kindling_base::{Error, Result};
use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};
use serde_json::Value;

use crate::locked::{LIBRARY, LockedNpm};
use crate::package_json::{self, About};
use crate::placeholder;

/// The folder with the commands of packages that were asked for.
const BIN: &str = "usr/local/bin";
/// Linux reads this much of a script's first line (BINPRM_BUF_SIZE).
const MAX_LINE: u64 = 256;

/// Makes the commands of all packages executable and links them: into `/usr/local/bin` those of packages that were asked
/// for, others into the `.bin` beside them. A command whose file is not there is left out, as npm leaves it out.
///
/// # Errors
/// Two packages that were asked for have a command of one name, or something else of that name is in `/usr/local/bin`.
pub(crate) fn link_commands<'a>(
    tree: &mut Tree,
    packages: impl Iterator<Item = &'a LockedNpm>,
    about: &About,
    mtime: Timestamp,
) -> Result<()> {
    for package in packages {
        let said = about.get(&package.path).unwrap_or(&Value::Null);
        for (command, file) in package_json::commands(said, &package.name) {
            let file = format!("{}/{file}", package.path);
            let path = format!("{LIBRARY}/{file}").into_bytes();
            if !matches!(tree.get(&path).map(|e| &e.kind), Some(Kind::File(_))) {
                continue;
            }
            placeholder::fill(tree, package, said, about, (&command, &file))?;
            make_executable(tree, &path)?;
            link(tree, package, (&command, &file), mtime)?;
        }
    }
    Ok(())
}

/// Mode 0755, and a first line that Linux can read.
fn make_executable(tree: &mut Tree, path: &[u8]) -> Result<()> {
    let Some(entry) = tree.get_mut(path) else {
        return Ok(());
    };
    entry.mode = 0o755;
    if let Kind::File(content) = &mut entry.kind {
        let mut head = vec![0; usize::try_from(content.len().min(MAX_LINE)).unwrap_or(0)];
        content.read_at(0, &mut head)?;
        let line = head.iter().position(|byte| *byte == b'\n').unwrap_or(0);
        if head.starts_with(b"#!") && line > 0 && head[line - 1] == b'\r' {
            let mut bytes = content.read()?;
            bytes.remove(line - 1);
            *content = Content::Bytes(bytes.into());
        }
    }
    Ok(())
}

fn link(
    tree: &mut Tree,
    package: &LockedNpm,
    (command, file): (&str, &str),
    mtime: Timestamp,
) -> Result<()> {
    let (path, target) = match package.path.rfind("node_modules/") {
        Some(at) if !package.is_requested() => {
            let modules = &package.path[..at + "node_modules".len()];
            let below = &file[modules.len() + 1..];
            (
                format!("{LIBRARY}/{modules}/.bin/{command}"),
                format!("../{below}"),
            )
        }
        _ => (format!("{BIN}/{command}"), format!("../lib/{file}")),
    };
    let path = path.into_bytes();
    if tree.get(&path).is_some() {
        if !package.is_requested() {
            return Ok(()); // the first in the order of paths has it
        }
        let shown = String::from_utf8_lossy(&path).into_owned();
        return Err(Error::user(format!(
            "npm package {} has the command {command}, and /{shown} is there already",
            package.name
        ))
        .hint("take one of the two packages that have it out of the recipe"));
    }
    tree.make_parents(&path, mtime)?;
    tree.insert(
        &path,
        Entry::new(Kind::Symlink(target.into_bytes()), 0o777, mtime),
    )
}
