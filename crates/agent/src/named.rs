//! Errors that say which file they are about.

use std::io;
use std::path::Path;

/// Puts the path before the text of an error.
pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> io::Error + Copy {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
