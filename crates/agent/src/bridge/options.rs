//! What the bridge is told on its command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where noVNC's pages and the VNC server are where nobody says otherwise.
const WEB: &str = "/usr/share/novnc";
const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5900);

/// How it is called, for who calls it wrongly.
pub(super) const USAGE: &str = "--bridge takes [--listen ADDRESS:PORT] [--web DIR] [--server ADDRESS:PORT] [--allow-origin ORIGIN]...";

/// What is served to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where to listen; nothing for the socket that systemd passes.
    pub listen: Option<SocketAddr>,
    /// The folder of the pages.
    pub web: PathBuf,
    /// The VNC server.
    pub server: SocketAddr,
    /// Origins besides its own whose pages may look at the screen, as browsers write them; `*` for any.
    pub origins: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: None,
            web: WEB.into(),
            server: SERVER,
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
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let name = arg.to_string_lossy();
            let value = args
                .next()
                .ok_or_else(|| format!("{name} has no value: {USAGE}"))?;
            match name.as_ref() {
                "--listen" => options.listen = Some(address(&name, value)?),
                "--web" => options.web = value.into(),
                "--server" => options.server = address(&name, value)?,
                "--allow-origin" => options.origins.push(value.to_string_lossy().to_lowercase()),
                _ => return Err(format!("{name} is unknown: {USAGE}")),
            }
        }
        Ok(options)
    }
}

fn address(name: &str, value: &OsString) -> Result<SocketAddr, String> {
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
            "--allow-origin",
            "HTTPS://a.b",
            "--allow-origin",
            "*",
        ]);
        let expected = Options {
            listen: None,
            web: "/srv".into(),
            server: "[::1]:5901".parse().unwrap(),
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
        ] {
            let error = parse(&args).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
