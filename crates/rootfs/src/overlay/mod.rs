//! Overlays: folders of files that are laid over the root file system.
//!
//! `rootfs-overlays/NAME/` is a picture of the root. A file that ends in `.j2` is a minijinja template and loses the
//! ending. Everything belongs to root; folders have mode 0755, files 0755 where the repository has them executable
//! (all that git keeps of a mode) and 0644 elsewhere. What must differ is said in `overlay.toml` in the overlay's
//! folder, which is not copied:
//!
//! ```toml
//! [modes]
//! "etc/secret" = "0600"
//! [owners]
//! "var/lib/thing" = "101:102"   # numeric user and group
//! [diverted]
//! "usr/bin/thing" = "usr/bin/thing.distrib"   # the package's own file stays, under another name
//! ```

mod exceptions;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Result, did_you_mean, files};

use exceptions::Exceptions;

/// Ending of a file that is rendered.
const TEMPLATE_ENDING: &str = ".j2";

/// One thing to lay over the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverlayEntry {
    /// Path from the root, without a leading slash.
    pub path: Vec<u8>,
    /// Permission bits. Of a folder that the root has already, its own mode stays unless `listed` is set.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Whether `overlay.toml` sets this mode or owner, so that they also hold for a folder of the root.
    pub listed: bool,
    /// Where the package's own file goes that it takes the place of, as `dpkg-divert` does it.
    pub diverted: Option<Vec<u8>>,
    /// Its type and content.
    pub kind: OverlayKind,
}

/// The type and content of an [`OverlayEntry`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverlayKind {
    /// A folder.
    Directory,
    /// A regular file and its content.
    File(Vec<u8>),
    /// A symbolic link and its target.
    Symlink(Vec<u8>),
}

/// The entries of overlay `name` in `folder`, sorted by path, so that a folder stands before what is in it.
///
/// # Errors
/// There is no such overlay, a template does not render (the error names file, line and variable), `overlay.toml`
/// is wrong, or something cannot be read.
pub fn read(
    folder: &Path,
    name: &str,
    variables: &BTreeMap<String, toml::Value>,
) -> Result<Vec<OverlayEntry>> {
    let root = find(folder, name)?;
    let mut exceptions = Exceptions::read(&root)?;
    let mut entries = Vec::new();
    for path in walk(&root)? {
        let relative = path.strip_prefix(&root).unwrap_or(&path);
        if relative == Path::new(exceptions::FILE) {
            continue;
        }
        let mut entry = read_entry(&path, relative, variables)?;
        exceptions.apply(&mut entry);
        entries.push(entry);
    }
    exceptions.must_be_used(&root, &entries)?;
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    if let Some(pair) = entries.windows(2).find(|pair| pair[0].path == pair[1].path) {
        let path = String::from_utf8_lossy(&pair[0].path).into_owned();
        return Err(Error::user(format!(
            "{} has `{path}` twice, as a file and as a template",
            root.display()
        ))
        .hint(format!("remove `{path}` or `{path}{TEMPLATE_ENDING}`")));
    }
    Ok(entries)
}

/// The folder of an overlay.
fn find(folder: &Path, name: &str) -> Result<PathBuf> {
    let root = folder.join(name);
    let plain = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
    if plain && root.is_dir() {
        return Ok(root);
    }
    let mut known = Vec::new();
    for entry in std::fs::read_dir(folder).context(format!("cannot read {}", folder.display()))? {
        let entry = entry.context(format!("cannot read {}", folder.display()))?;
        if entry.path().is_dir() {
            known.extend(entry.file_name().into_string());
        }
    }
    known.sort();
    let hint = did_you_mean(name, &known)
        .unwrap_or_else(|| format!("the overlays here are: {}", known.join(", ")));
    Err(Error::user(format!(
        "there is no overlay `{name}` in {}",
        folder.display()
    ))
    .hint(hint))
}

/// Everything below a folder; symbolic links are not followed.
fn walk(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let what = || format!("cannot read the folder {}", folder.display());
        for entry in std::fs::read_dir(&folder).context(what())? {
            let entry = entry.context(what())?;
            if entry.file_type().context(what())?.is_dir() {
                folders.push(entry.path());
            }
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn read_entry(
    path: &Path,
    relative: &Path,
    variables: &BTreeMap<String, toml::Value>,
) -> Result<OverlayEntry> {
    let what = || format!("cannot read {}", path.display());
    let meta = std::fs::symlink_metadata(path).context(what())?;
    let mut name = relative.as_os_str().as_bytes();
    let (mode, kind) = if meta.is_dir() {
        (0o755, OverlayKind::Directory)
    } else if meta.is_symlink() {
        let target = std::fs::read_link(path).context(what())?;
        (
            0o777,
            OverlayKind::Symlink(target.as_os_str().as_bytes().to_owned()),
        )
    } else if meta.is_file() {
        let executable = meta.permissions().mode() & 0o100 != 0;
        let content = match name.strip_suffix(TEMPLATE_ENDING.as_bytes()) {
            Some(stem) => {
                name = stem;
                template::render(path, &files::read_text(path)?, variables)?.into_bytes()
            }
            None => files::read(path)?,
        };
        (
            if executable { 0o755 } else { 0o644 },
            OverlayKind::File(content),
        )
    } else {
        return Err(Error::user(format!(
            "{} is neither a file, a folder nor a symbolic link",
            path.display()
        ))
        .hint("an overlay lives in git, which keeps nothing else"));
    };
    Ok(OverlayEntry {
        path: name.to_owned(),
        mode,
        uid: 0,
        gid: 0,
        listed: false,
        diverted: None,
        kind,
    })
}
