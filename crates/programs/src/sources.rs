//! The sources of a program for the guest: its crate, which is a workspace of its own, and the crates of ours that it
//! depends on by path.

use std::path::{Path, PathBuf};

use kindling_base::hash::{self, Hasher};
use kindling_base::{Context, Error, Result, files};
use kindling_closure::{Disk, closure};

/// The hash of a program's sources, whatever the folder is called that they are in.
///
/// # Errors
/// They cannot be read.
pub fn hash_sources(folder: &Path) -> Result<String> {
    let mut hasher = Hasher::new();
    for (name, folder) in crates(folder)? {
        hasher.field(name);
        for path in of_crate(&folder)? {
            let name = path.strip_prefix(&folder).unwrap_or(&path);
            hasher
                .field(name.as_os_str().as_encoded_bytes())
                .field(hash::bytes(&files::read(&path)?));
        }
    }
    Ok(hasher.finish())
}

/// The files that determine the program: of each of its crates the manifest, the lock, the build script and everything
/// in `src/`, sorted.
///
/// # Errors
/// A folder or a manifest cannot be read.
pub fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for (_, folder) in crates(folder)? {
        found.extend(of_crate(&folder)?);
    }
    found.sort();
    Ok(found)
}

/// Copies the sources into a new folder, crates beside each other as they lie in the checkout; returns the path of the
/// program's own crate in it.
///
/// # Errors
/// They cannot be read or written.
pub(crate) fn copy(folder: &Path, to: &Path) -> Result<PathBuf> {
    files::remove(to)?;
    let canonical = |path: &Path| {
        let what = || format!("cannot find {}", path.display());
        path.canonicalize().context(what())
    };
    let crates = crates(folder)?.map(|(_, folder)| canonical(&folder));
    let crates: Vec<PathBuf> = crates.collect::<Result<_>>()?;
    let own = canonical(folder)?;
    // The folder around all of them: what it is called and where it lies is the checkout's matter.
    let around = |path: &Path| {
        crates
            .iter()
            .all(|one| one != path && one.starts_with(path))
    };
    let base = own.ancestors().find(|path| around(path));
    let base = base.unwrap_or(Path::new("/"));
    for one in &crates {
        for path in of_crate(one)? {
            let within = path.strip_prefix(base).unwrap_or(&path);
            let copied = to.join(within);
            files::create_dir_all(copied.parent().unwrap_or(to))?;
            files::copy(&path, &copied, 0o644)?;
        }
    }
    Ok(own.strip_prefix(base).unwrap_or(&own).to_owned())
}

/// The crates of ours in the program, by name: its own and those that manifests name by path, each with its folder.
fn crates(folder: &Path) -> Result<impl Iterator<Item = (String, PathBuf)>> {
    let found = closure(folder, &Disk).map_err(|error| {
        let what = format!("cannot find the sources of {}", folder.display());
        Error::user(what).because(error)
    })?;
    Ok(found.folders.into_iter())
}

fn of_crate(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for name in ["Cargo.toml", "Cargo.lock", "build.rs"] {
        let path = folder.join(name);
        if path.exists() {
            found.push(path);
        }
    }
    let mut folders = vec![folder.join("src")];
    while let Some(folder) = folders.pop() {
        let what = || format!("cannot read the folder {}", folder.display());
        for entry in std::fs::read_dir(&folder).context(what())? {
            let entry = entry.context(what())?;
            match entry.file_type().context(what())?.is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program `a` in a folder, which depends on `b` by path, which depends on `c`.
    fn program(root: &Path) -> PathBuf {
        let needs = |name| format!("{name} = {{ path = \"../{name}\" }}\n");
        for (name, needs) in [("a", needs("b")), ("b", needs("c")), ("c", String::new())] {
            let manifest = format!("[package]\nname = \"{name}\"\n[dependencies]\n{needs}");
            write(&root.join(name).join("Cargo.toml"), &manifest);
            write(&root.join(name).join("src/lib.rs"), "");
        }
        let lock = ["a", "b", "c"]
            .map(|name| format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n"));
        write(&root.join("a/Cargo.lock"), &lock.concat());
        root.join("a")
    }

    fn write(path: &Path, text: &str) {
        files::create_dir_all(path.parent().unwrap()).unwrap();
        files::write(path, text.as_bytes()).unwrap();
    }

    #[test]
    fn sources_of_crates_by_path_are_the_program_s_wherever_they_lie() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("the other"));
        let hash = hash_sources(&program(&one)).unwrap();
        assert_eq!(hash, hash_sources(&program(&two)).unwrap());
        let mut hashes = vec![hash];
        for touched in [
            "a/src/lib.rs",
            "b/src/new.rs",
            "c/build.rs",
            "c/src/lib.rs",
            "a/Cargo.lock",
            "c/Cargo.toml",
        ] {
            let path = one.join(touched);
            let text = files::read_text(&path).unwrap_or_default();
            write(&path, &(text + "# touched\n"));
            let hash = hash_sources(&one.join("a")).unwrap();
            assert!(!hashes.contains(&hash), "{touched}");
            hashes.push(hash);
        }
        assert_eq!(sources(&one.join("a")).unwrap().len(), 9);
    }

    #[test]
    fn a_copy_has_the_crates_beside_each_other_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let own = program(&folder.path().join("a deep/place"));
        write(&own.join("target/x"), "built");
        let copied = folder.path().join("copy");
        assert_eq!(copy(&own, &copied).unwrap(), Path::new("a"));
        for there in [
            "a/Cargo.toml",
            "a/Cargo.lock",
            "b/src/lib.rs",
            "c/src/lib.rs",
        ] {
            assert!(copied.join(there).is_file(), "{there}");
        }
        assert!(!copied.join("a/target").exists());
        // Once more: nothing of before is left.
        files::remove(&own.join("src/lib.rs")).unwrap();
        write(&own.join("src/main.rs"), "");
        copy(&own, &copied).unwrap();
        assert!(!copied.join("a/src/lib.rs").exists());
    }

    #[test]
    fn a_crate_without_a_lock_has_no_sources_of_a_program() {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path());
        files::remove(&program.join("Cargo.lock")).unwrap();
        let report = hash_sources(&program).unwrap_err().report();
        assert!(report.contains("no Cargo.lock at or above"), "{report}");
    }

    #[test]
    fn the_agent_is_compiled_with_the_protocol() {
        let agent = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent");
        let found = sources(&agent).unwrap();
        assert!(found.contains(&agent.join("src/main.rs")));
        assert!(found.contains(&agent.join("../protocol/src/lib.rs")));
    }
}
