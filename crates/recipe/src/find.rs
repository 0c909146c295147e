//! Finds the file of a recipe that a person named.

use std::path::{Path, PathBuf};

use kindling_base::{Error, Result, did_you_mean};

/// The file of a recipe given by name (`minimal-debian-12`, found in `recipes_folder`) or by path.
///
/// # Errors
/// No recipe has this name: a user error with near names, or with all there are.
pub fn find(name_or_path: &str, recipes_folder: &Path) -> Result<PathBuf> {
    let as_path = Path::new(name_or_path);
    let is_path = name_or_path.contains('/') || name_or_path.ends_with(".toml");
    let in_folder = recipes_folder.join(with_extension(name_or_path));
    if is_path && as_path.is_file() {
        return Ok(as_path.to_owned());
    }
    if is_path && as_path.is_dir() {
        return Err(
            Error::user(format!("{name_or_path} is a folder, not a recipe"))
                .hint(known(as_path, "")),
        );
    }
    if !name_or_path.contains('/') && in_folder.is_file() {
        return Ok(in_folder);
    }
    let stem = as_path.file_name().unwrap_or_default().to_string_lossy();
    let stem = stem.strip_suffix(".toml").unwrap_or(&stem);
    let error = if name_or_path.contains('/') {
        Error::user(format!("there is no recipe file {name_or_path}"))
    } else {
        let folder = recipes_folder.display();
        Error::user(format!("there is no recipe `{name_or_path}` in {folder}"))
    };
    Err(error.hint(known(recipes_folder, stem)))
}

/// `name` with `.toml` at its end.
pub(super) fn with_extension(name: &str) -> String {
    let stem = name.strip_suffix(".toml").unwrap_or(name);
    format!("{stem}.toml")
}

/// A hint with the recipes of a folder that are called nearly so, or with all of them.
pub(super) fn known(folder: &Path, wrong: &str) -> String {
    let names = names(folder);
    if !wrong.is_empty()
        && let Some(hint) = did_you_mean(wrong, &names)
    {
        return hint;
    }
    if names.is_empty() {
        return format!("{} holds no recipes: create one there", shown(folder));
    }
    format!("the recipes in {} are: {}", shown(folder), names.join(", "))
}

fn shown(folder: &Path) -> String {
    match folder.to_string_lossy().as_ref() {
        "" => "this folder".to_owned(),
        text => text.to_owned(),
    }
}

/// The recipes of a folder by name, sorted; none if it cannot be read.
fn names(folder: &Path) -> Vec<String> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some(name.strip_suffix(".toml")?.to_owned())
    });
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names
}
