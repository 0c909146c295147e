//! Errors that say which file they are about.

use std::io;
use std::path::Path;

/// What a failed call says, with the path before it.
pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> io::Error + Copy {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
