//! Arguments that are pairs of a name and a value.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

/// The pairs; an error for a name without a value, with `usage`.
pub(crate) fn pairs<'a>(
    args: &'a [OsString],
    usage: &'a str,
) -> impl Iterator<Item = Result<(&'a str, &'a OsStr), String>> {
    args.chunks(2).map(move |pair| {
        let name = pair[0].to_str().unwrap_or("an argument that is no text");
        match pair {
            [_, value] => Ok((name, value.as_os_str())),
            _ => Err(format!("{name} has no value: {usage}")),
        }
    })
}

/// A value in seconds.
pub(crate) fn seconds(name: &str, value: &OsStr) -> Result<Duration, String> {
    let text = value.to_string_lossy();
    let error = |_| format!("{name} takes whole seconds, and not `{text}`");
    text.parse().map(Duration::from_secs).map_err(error)
}
