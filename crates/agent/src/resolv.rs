//! The name servers in `/etc/resolv.conf`.

use std::fmt::Display;
use std::io;
use std::path::Path;

use crate::personalise::replace;

/// Where they are for every program.
pub(crate) const PATH: &str = "/etc/resolv.conf";

/// Writes these name servers in place of those that are there, if there are any; `by` says who. A link points to somebody
/// else's file, which stays as it is: the link itself is replaced.
pub(crate) fn write(path: &Path, servers: &[impl Display], by: &str) -> io::Result<()> {
    if servers.is_empty() {
        return Ok(());
    }
    let mut text = format!("# Written by {by}.\n");
    for server in servers {
        text += &format!("nameserver {server}\n");
    }
    replace(path, &text, 0o644)
}
