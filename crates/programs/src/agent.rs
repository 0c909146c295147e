//! The guest's agent: a program that lies under the overlays, whichever programs the recipe names.

use std::path::Path;

use kindling_base::{Command, Error, Result, hash};

/// Its name among the programs.
pub const FILE: &str = "agent";

/// Hash of the C library that is linked in: another one makes another program.
///
/// # Errors
/// The compiler does not say where it is, or it is not there.
pub fn c_library() -> Result<String> {
    let found = Command::new("gcc").arg("-print-file-name=libc.a").run()?;
    let text = found.text();
    let path = Path::new(text.trim());
    if !path.is_absolute() {
        return Err(
            Error::user("the C library for static programs, libc.a, is missing")
                .hint("install libc6-dev, or set rootfs.agent = false in the recipe"),
        );
    }
    hash::file(path)
}
