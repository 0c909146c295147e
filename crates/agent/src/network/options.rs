//! Options of `kindling-agent --network`.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::Parser;

use crate::options::{next, seconds};
use crate::resolv;

/// A card whose driver is a module comes late on a loaded host.
const WAIT: Duration = Duration::from_secs(30);

/// Files to read and write; tests name others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The kernel command line.
    pub cmdline: PathBuf,
    /// The file that gets the name servers.
    pub resolv_conf: PathBuf,
    /// How long to wait for a card that is not there yet.
    pub wait: Duration,
}

impl Options {
    /// Reads the arguments behind `--network`.
    pub(crate) fn parse(parser: &mut Parser) -> Result<Self, String> {
        const USAGE: &str =
            "--network takes [--cmdline FILE] [--resolv-conf FILE] [--wait SECONDS]";
        let mut options = Self {
            cmdline: "/proc/cmdline".into(),
            resolv_conf: resolv::PATH.into(),
            wait: WAIT,
        };
        while let Some((name, value)) = next(parser, USAGE)? {
            match name.as_str() {
                "--cmdline" => options.cmdline = value.into(),
                "--resolv-conf" => options.resolv_conf = value.into(),
                "--wait" => options.wait = seconds(&name, &value)?,
                _ => return Err(format!("{name} is unknown: {USAGE}")),
            }
        }
        Ok(options)
    }
}
