//! Options of `kindling-agent --bridge`.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::Parser;

use crate::options::{next, seconds};

/// The folder of Debian's package `novnc`.
const WEB: &str = "/usr/share/novnc";

/// Display 0 of a VNC server in the same guest (RFC 6143, section 4).
const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5900);

/// A desktop of an emulated guest takes some 3 s from the first page to its VNC server, on a loaded host a multiple.
const PATIENCE: Duration = Duration::from_secs(20);

/// The usage, shown after a mistake.
const USAGE: &str = "--bridge takes [--listen ADDRESS:PORT] [--web DIR] [--server ADDRESS:PORT] [--wait SECONDS] [--allow-origin ORIGIN]...";

/// Pages, the VNC server, and the origins that may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The address to listen at; `None` for the socket that systemd passes.
    pub listen: Option<SocketAddr>,
    /// The folder of the pages.
    pub web: PathBuf,
    /// The VNC server.
    pub server: SocketAddr,
    /// How long to wait for a VNC server that is still starting.
    pub patience: Duration,
    /// Further origins whose pages may look at the screen, as browsers write them; `*` for any.
    pub origins: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: None,
            web: WEB.into(),
            server: SERVER,
            patience: PATIENCE,
            origins: Vec::new(),
        }
    }
}

impl Options {
    /// Reads the arguments behind `--bridge`.
    pub(crate) fn parse(parser: &mut Parser) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some((name, value)) = next(parser, USAGE)? {
            match name.as_str() {
                "--listen" => options.listen = Some(address(&name, &value)?),
                "--web" => options.web = value.into(),
                "--server" => options.server = address(&name, &value)?,
                "--wait" => options.patience = seconds(&name, &value)?,
                "--allow-origin" => options.origins.push(value.to_string_lossy().to_lowercase()),
                _ => return Err(format!("{name} is unknown: {USAGE}")),
            }
        }
        Ok(options)
    }
}

fn address(name: &str, value: &OsStr) -> Result<SocketAddr, String> {
    let text = value.to_string_lossy();
    let error =
        |_| format!("{name} takes an address and a port, such as 127.0.0.1:5900, and not `{text}`");
    text.parse().map_err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, String> {
        Options::parse(&mut Parser::from_args(args))
    }

    #[test]
    fn options_have_values() {
        assert_eq!(parse(&[]), Ok(Options::default()));
        let given = parse(&[
            "--web",
            "/srv",
            "--server",
            "[::1]:5901",
            "--wait",
            "3",
            "--allow-origin",
            "HTTPS://a.b",
            "--allow-origin",
            "*",
        ]);
        let expected = Options {
            listen: None,
            web: "/srv".into(),
            server: "[::1]:5901".parse().unwrap(),
            patience: Duration::from_secs(3),
            origins: vec!["https://a.b".into(), "*".into()],
        };
        assert_eq!(given, Ok(expected));
        for (args, part) in [
            (vec!["--web"], "--web has no value"),
            (vec!["--wbe", "x"], "--wbe is unknown"),
            (
                vec!["--server", "localhost:5900"],
                "and not `localhost:5900`",
            ),
            (vec!["--wait", "-1"], "and not `-1`"),
        ] {
            let error = parse(&args).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
