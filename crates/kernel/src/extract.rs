//! The kernel's source out of the package that holds it.

use std::path::{Path, PathBuf};

use kindling_base::{Result, files, hash};

use crate::Source;

/// Name of the tarball, compressed as it was, and of its SHA-256.
const TARBALL: &str = "linux.tar";
const TARBALL_SUM: &str = "linux.tar.sha256";

/// A tarball of the kernel's source and its SHA-256.
#[derive(Clone, Debug)]
pub struct Tarball {
    path: PathBuf,
    sha256: String,
}

impl Tarball {
    /// The tarball at `path`, which must have this SHA-256.
    pub fn new(path: PathBuf, sha256: &str) -> Self {
        let sha256 = sha256.to_owned();
        Self { path, sha256 }
    }

    /// The source that it holds.
    pub fn source(&self) -> Source<'_> {
        Source {
            tarball: &self.path,
            sha256: &self.sha256,
        }
    }
}

/// Takes the tarball out of the .deb of the package `name`, Debian's or Ubuntu's, into the folder `out`.
///
/// # Errors
/// The .deb is damaged or holds no tarball where these distributions put it; `out` cannot be written.
pub fn extract(deb: &Path, name: &str, out: &Path) -> Result<()> {
    // Debian's, and Ubuntu's.
    let members = [
        format!("usr/src/{name}.tar.xz"),
        format!("usr/src/{name}/{name}.tar.bz2"),
    ];
    let members = members.each_ref().map(String::as_str);
    let path = out.join(TARBALL);
    kindling_deb::extract_first(deb, &members, &mut files::create(&path)?)?;
    files::write_atomic(&out.join(TARBALL_SUM), hash::file(&path)?.as_bytes(), 0o444)
}

/// The tarball in a folder that [`extract`] filled.
///
/// # Errors
/// It is not there.
pub fn extracted(folder: &Path) -> Result<Tarball> {
    let sha256 = files::read_text(&folder.join(TARBALL_SUM))?;
    Ok(Tarball::new(folder.join(TARBALL), &sha256))
}
