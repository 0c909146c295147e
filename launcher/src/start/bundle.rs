//! Finding a bundle by its recipe's name or its folder.

use std::path::{Path, PathBuf};

use kindling_base::{Error, Result, did_you_mean, files};
use kindling_bundle::MANIFEST;

/// The folder of the bundle that `wanted` means: a folder, or the name of a recipe whose bundle is in `out` or, where
/// that is not given, in the `out` folder of `from` or of the nearest folder above it that has it.
///
/// # Errors
/// There is no such bundle; the error has near names, or the command that builds it.
pub fn find(wanted: &str, out: Option<&Path>, from: &Path) -> Result<PathBuf> {
    let folder = Path::new(wanted);
    if folder.join(MANIFEST).is_file() {
        return files::absolute(folder);
    }
    if wanted.contains('/') || wanted.starts_with('.') {
        return Err(not_a_bundle(folder));
    }
    let outs: Vec<PathBuf> = match out {
        Some(out) => vec![files::absolute(out)?],
        None => from.ancestors().map(|folder| folder.join("out")).collect(),
    };
    let found = outs.iter().map(|out| out.join(wanted));
    match found.clone().find(|folder| folder.join(MANIFEST).is_file()) {
        Some(found) => Ok(found),
        None if folder.is_dir() && out.is_none() => Err(not_a_bundle(folder)),
        None => Err(unknown(wanted, &outs, from)),
    }
}

fn not_a_bundle(folder: &Path) -> Error {
    let shown = folder.display();
    let error = if folder.exists() {
        Error::user(format!("{shown} is not a bundle: it has no {MANIFEST}"))
    } else {
        Error::user(format!("{shown} does not exist"))
    };
    error.hint("name the folder of a bundle, or a recipe that `cargo xtask build-image` has built")
}

fn unknown(wanted: &str, outs: &[PathBuf], from: &Path) -> Error {
    let error = Error::user(format!("there is no bundle of a recipe called `{wanted}`"));
    let recipe = Path::new("recipes").join(format!("{wanted}.toml"));
    if from
        .ancestors()
        .any(|folder| folder.join(&recipe).is_file())
    {
        return error.hint(format!("build it with `cargo xtask build-image {wanted}`"));
    }
    let built = built(outs);
    if let Some(hint) = did_you_mean(wanted, &built) {
        error.hint(hint)
    } else if built.is_empty() {
        error.hint(
            "build one with `cargo xtask build-image`, or say where bundles are with --out DIR",
        )
    } else {
        error
            .note(format!("built: {}", built.join(", ")))
            .hint("name one of these, or say where bundles are with --out DIR")
    }
}

/// Names of the bundles in these folders. A folder that cannot be listed has none.
fn built(outs: &[PathBuf]) -> Vec<String> {
    let entries = outs
        .iter()
        .filter_map(|out| std::fs::read_dir(out).ok())
        .flatten();
    let bundles = entries
        .flatten()
        .filter(|entry| entry.path().join(MANIFEST).is_file());
    let mut names: Vec<String> = bundles
        .filter_map(|e| e.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["out/minimal-debian-12", "out/golden", "recipes", "a/b"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for file in ["out/minimal-debian-12/bundle.json", "recipes/other.toml"] {
            std::fs::write(root.path().join(file), "{}").unwrap();
        }
        root
    }

    #[test]
    fn a_recipe_is_found_from_below() {
        let root = workspace();
        let found = find("minimal-debian-12", None, &root.path().join("a/b")).unwrap();
        assert_eq!(found, root.path().join("out/minimal-debian-12"));
        let found = find(
            "minimal-debian-12",
            Some(&root.path().join("out")),
            Path::new("/"),
        )
        .unwrap();
        assert_eq!(found, root.path().join("out/minimal-debian-12"));
    }

    #[test]
    fn what_is_not_there_is_explained() {
        let root = workspace();
        let report = |wanted: &str| find(wanted, None, root.path()).unwrap_err().report();
        assert_eq!(
            report("minimal-debain-12"),
            "error: there is no bundle of a recipe called `minimal-debain-12`\nhint: did you mean `minimal-debian-12`?"
        );
        assert!(report("other").ends_with("hint: build it with `cargo xtask build-image other`"));
        assert!(
            report("zzz").contains("built: minimal-debian-12"),
            "{}",
            report("zzz")
        );
        let folder = root.path().join("out/golden");
        assert!(
            report(&folder.to_string_lossy())
                .contains("golden is not a bundle: it has no bundle.json")
        );
        assert!(report("./nowhere").contains("./nowhere does not exist"));
    }
}
