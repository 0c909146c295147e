//! What the network is configured from.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::options::{pairs, seconds};
use crate::resolv;

/// A card whose driver is a module comes late on a loaded host.
const WAIT: Duration = Duration::from_secs(30);

/// Files to read and write, other ones in tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The kernel command line.
    pub cmdline: PathBuf,
    /// Where name servers are written.
    pub resolv_conf: PathBuf,
    /// How long a card is waited for that is not there yet.
    pub wait: Duration,
}

impl Options {
    /// Reads the arguments behind `--network`.
    ///
    /// # Errors
    /// One is unknown, has no value, or a value that is none; the text says which, and how it is called.
    pub fn parse(args: &[OsString]) -> Result<Self, String> {
        const USAGE: &str =
            "--network takes [--cmdline FILE] [--resolv-conf FILE] [--wait SECONDS]";
        let mut options = Self {
            cmdline: "/proc/cmdline".into(),
            resolv_conf: resolv::PATH.into(),
            wait: WAIT,
        };
        for pair in pairs(args, USAGE) {
            match pair? {
                ("--cmdline", value) => options.cmdline = value.into(),
                ("--resolv-conf", value) => options.resolv_conf = value.into(),
                (name @ "--wait", value) => options.wait = seconds(name, value)?,
                (name, _) => return Err(format!("{name} is unknown: {USAGE}")),
            }
        }
        Ok(options)
    }
}
