//! Trees as tar archives: POSIX pax interchange format, so that every path, owner and xattr has a place.

mod member;
mod pax;
mod writer;

use std::io::{self, BufReader, Write};
use std::path::Path;
use std::sync::Arc;

use kindling_base::{Context, Error, Result, files};

use crate::{Content, Kind, Timestamp, Tree};

pub use member::read_member;
pub use writer::Writer;

/// The key under which GNU tar, star and others keep an xattr as it is.
const XATTR: &str = "SCHILY.xattr.";

/// libarchive's key for an xattr in base64. We write it for values with a newline, at which the reader of
/// the `tar` crate splits records although pax counts their bytes.
const XATTR_BASE64: &str = "LIBARCHIVE.xattr.";

impl Tree {
    /// The tree that a tar holds. Contents stay in the file and are read when somebody asks for them.
    ///
    /// # Errors
    /// The file cannot be read or is not a tar; a path leads out of the root; a member's parent comes after
    /// it or not at all; a hard link's target is not an earlier file.
    pub fn from_tar(path: &Path) -> Result<Self> {
        let file = Arc::new(files::open(path)?);
        let shared: Arc<Path> = path.into();
        let unsound = |error: io::Error| {
            Error::external(format!("{} is no sound tar", path.display())).because(error)
        };
        let end = file
            .metadata()
            .context(format!("cannot read {}", path.display()))?
            .len();
        let mut tree = Self::new(Timestamp::default());
        let mut archive = ::tar::Archive::new(BufReader::new(&*file));
        for member in archive.entries_with_seek().map_err(unsound)? {
            let mut member = member.map_err(unsound)?;
            let content = Content::Range {
                file: file.clone(),
                path: shared.clone(),
                offset: member.raw_file_position(),
                length: member.size(),
            };
            let inside = member.raw_file_position().checked_add(member.size());
            if inside.is_none_or(|last| last > end) {
                return Err(unsound(io::ErrorKind::UnexpectedEof.into()));
            }
            let (name, entry) = read_member(&mut member, content).map_err(unsound)?;
            tree.insert(&name, entry)
                .map_err(|error| error.within(path.display()))?;
        }
        Ok(tree)
    }

    /// Writes the tree as a tar and returns `out`: the same bytes for the same tree, wherever it is made.
    ///
    /// # Errors
    /// A content cannot be read or `out` cannot be written.
    pub fn write_tar<W: Write>(&self, out: W) -> Result<W> {
        let mut writer = Writer::new(out);
        for (path, entry) in self.iter() {
            let bytes = match &entry.kind {
                Kind::File(content) => content.read()?,
                _ => Vec::new(),
            };
            writer
                .append(path, entry, bytes.len() as u64, &mut bytes.as_slice())
                .context(format!(
                    "cannot write `{}` to a tar",
                    String::from_utf8_lossy(path)
                ))?;
        }
        writer.finish().context("cannot write the end of a tar")
    }
}

#[cfg(test)]
mod tests;
