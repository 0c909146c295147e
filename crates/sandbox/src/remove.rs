//! The job that removes a folder whose files may belong to subordinate ids.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use kindling_base::{Result, files};

use crate::helper::perform;
use crate::job::{Job, Progress};

/// The job behind [`remove`].
pub const REMOVE: Job = Job {
    name: "remove",
    perform: remove_here,
};

/// Removes a folder that a job left behind, and what is in it.
///
/// # Errors
/// Something cannot be removed or the sandbox could not be made.
pub fn remove(helper: &Path, folder: &Path, log: &Path) -> Result<()> {
    let folder = files::absolute(folder)?;
    perform(helper, log, REMOVE, folder.as_os_str().as_bytes(), |_| {})
}

fn remove_here(input: &[u8], _: &Progress<'_>) -> Result<()> {
    files::remove(Path::new(OsStr::from_bytes(input)))
}
