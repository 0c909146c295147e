//! Commands that only stand for a program of another package.
//!
//! Some packages bring a program for each platform in a package of its own, an optional dependency, and have an install
//! script put the one that fits over a placeholder. Scripts are not run here, so what they do is done by this rule:
//!
//! A command's file that is neither a program (ELF) nor a script (`#!`) is a placeholder. If exactly one of the package's
//! optional dependencies is restricted to a platform, is installed, and has a program of the command's name in its folder
//! or in `bin/`, then the placeholder becomes another name of that program (a hard link, as those scripts make it).

use kindling_base::Result;
use kindling_tree::{Entry, Kind, Tree};
use serde_json::Value;

use crate::locked::{LIBRARY, LockedNpm};
use crate::package_json::{About, texts};

/// Puts the program in the place of a placeholder; `file` is the command's path below the library.
pub(crate) fn fill(
    tree: &mut Tree,
    package: &LockedNpm,
    said: &Value,
    about: &About,
    (command, file): (&str, &str),
) -> Result<()> {
    let placeholder = format!("{LIBRARY}/{file}").into_bytes();
    if starts(tree, &placeholder)? != Start::Neither {
        return Ok(());
    }
    let optional = said.get("optionalDependencies").and_then(Value::as_object);
    let mut programs = Vec::new();
    for name in optional.into_iter().flatten().map(|(name, _)| name) {
        let Some((path, said)) = installed(&package.path, name, about) else {
            continue;
        };
        if texts(said.get("os")).is_empty() && texts(said.get("cpu")).is_empty() {
            continue;
        }
        for place in [command.to_owned(), format!("bin/{command}")] {
            let program = format!("{LIBRARY}/{path}/{place}").into_bytes();
            if starts(tree, &program)? == Start::Program {
                programs.push(program);
            }
        }
    }
    let [program] = programs.as_slice() else {
        return Ok(());
    };
    let Some(mut entry) = tree.get(program).cloned() else {
        return Ok(());
    };
    entry.mode = 0o755;
    // A tree's hard links point to the first of the names.
    let (first, second) = match program < &placeholder {
        true => (program.clone(), placeholder),
        false => (placeholder, program.clone()),
    };
    let link = Entry {
        kind: Kind::HardLink(first.clone()),
        ..entry.clone()
    };
    tree.insert(&first, entry)?;
    tree.insert(&second, link)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Program,
    Script,
    Neither,
}

fn starts(tree: &Tree, path: &[u8]) -> Result<Start> {
    let Some(Kind::File(content)) = tree.get(path).map(|entry| &entry.kind) else {
        return Ok(Start::Neither);
    };
    let mut head = [0; 4];
    let length = usize::try_from(content.len().min(4)).unwrap_or(0);
    content.read_at(0, &mut head[..length])?;
    Ok(match &head {
        b"\x7fELF" => Start::Program,
        [b'#', b'!', ..] => Start::Script,
        _ => Start::Neither,
    })
}

/// The package that Node.js finds for `name` in `from`: its path and what it says of itself.
fn installed<'a>(from: &str, name: &str, about: &'a About) -> Option<(String, &'a Value)> {
    let mut folder = Some(from);
    while let Some(at) = folder {
        let path = format!("{at}/node_modules/{name}");
        if let Some(said) = about.get(&path) {
            return Some((path, said));
        }
        folder = at.rfind("/node_modules/").map(|slash| &at[..slash]);
    }
    let path = format!("node_modules/{name}");
    about.get(&path).map(|said| (path.clone(), said))
}
