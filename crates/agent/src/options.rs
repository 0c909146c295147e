//! Options with values, behind the name of a process: `--wait 3`.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use lexopt::{Arg, Parser};

/// The next option, as it was written, and its value; `None` behind the last.
pub(crate) fn next(parser: &mut Parser, usage: &str) -> Result<Option<(String, OsString)>, String> {
    let name = match parser.next() {
        Ok(None) => return Ok(None),
        Ok(Some(Arg::Long(name))) => format!("--{name}"),
        Ok(Some(Arg::Short(name))) => format!("-{name}"),
        Ok(Some(Arg::Value(value))) => value.to_string_lossy().into(),
        Err(error) => return Err(format!("{error}: {usage}")),
    };
    match parser.value() {
        Ok(value) => Ok(Some((name, value))),
        Err(_) => Err(format!("{name} has no value: {usage}")),
    }
}

/// A value in seconds.
pub(crate) fn seconds(name: &str, value: &OsStr) -> Result<Duration, String> {
    let text = value.to_string_lossy();
    let error = |_| format!("{name} takes whole seconds, and not `{text}`");
    text.parse().map(Duration::from_secs).map_err(error)
}
