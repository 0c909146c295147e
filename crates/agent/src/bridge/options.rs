//! What the bridge is told on its command line.

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::options::{pairs, seconds};

/// Where noVNC's pages and the VNC server are where nobody says otherwise.
const WEB: &str = "/usr/share/novnc";
const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5900);

/// A desktop of an emulated guest takes some 3 s from the first page to its VNC server, on a loaded host a multiple.
const PATIENCE: Duration = Duration::from_secs(20);

/// How it is called, for who calls it wrongly.
pub(super) const USAGE: &str = "--bridge takes [--listen ADDRESS:PORT] [--web DIR] [--server ADDRESS:PORT] [--wait SECONDS] [--allow-origin ORIGIN]...";

/// What is served to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where to listen; nothing for the socket that systemd passes.
    pub listen: Option<SocketAddr>,
    /// The folder of the pages.
    pub web: PathBuf,
    /// The VNC server.
    pub server: SocketAddr,
    /// How long one that is still starting is waited for.
    pub patience: Duration,
    /// Origins besides its own whose pages may look at the screen, as browsers write them; `*` for any.
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
    ///
    /// # Errors
    /// One is unknown, has no value, or a value that is none; the text says which, and how it is called.
    pub fn parse(args: &[OsString]) -> Result<Self, String> {
        let mut options = Self::default();
        for pair in pairs(args, USAGE) {
            match pair? {
                (name @ "--listen", value) => options.listen = Some(address(name, value)?),
                ("--web", value) => options.web = value.into(),
                (name @ "--server", value) => options.server = address(name, value)?,
                (name @ "--wait", value) => options.patience = seconds(name, value)?,
                ("--allow-origin", value) => {
                    options.origins.push(value.to_string_lossy().to_lowercase());
                }
                (name, _) => return Err(format!("{name} is unknown: {USAGE}")),
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
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        Options::parse(&args)
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
