//! The command line: the process that the program is to be, with its options.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser};

use crate::{bridge, network};

/// A process that this program can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Serves the launcher over every channel that this guest has.
    Channels,
    /// Answers over HTTP: at this address and port, or at the socket that systemd passes.
    Http(Option<String>),
    /// Shows the desktop to browsers.
    Bridge(bridge::Options),
    /// Configures the network, and ends.
    Network(network::Options),
    /// Tells the console that the system is up, with the text of this file, and ends.
    Ready(PathBuf),
}

const USAGE: &str = "expected none, --http [ADDRESS:PORT], --bridge [OPTIONS], --network [OPTIONS] or --ready MARKER-FILE";

impl Mode {
    /// Reads the arguments behind the program's name.
    ///
    /// # Errors
    /// An argument is unknown, lacks its value, or has one that it does not take. The text says which and shows the usage.
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let misused = |_| USAGE.to_owned();
        let mut parser = Parser::from_args(args);
        let mode = match parser.next().map_err(misused)? {
            None => Self::Channels,
            Some(Arg::Long("bridge")) => Self::Bridge(bridge::Options::parse(&mut parser)?),
            Some(Arg::Long("network")) => Self::Network(network::Options::parse(&mut parser)?),
            Some(Arg::Long("http")) => match parser.next().map_err(misused)? {
                None => Self::Http(None),
                Some(Arg::Value(address)) => Self::Http(Some(address.to_string_lossy().into())),
                Some(_) => return Err(USAGE.to_owned()),
            },
            Some(Arg::Long("ready")) => Self::Ready(parser.value().map_err(misused)?.into()),
            Some(_) => return Err(USAGE.to_owned()),
        };
        match parser.next().map_err(misused)? {
            None => Ok(mode),
            Some(_) => Err(USAGE.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Mode, String> {
        Mode::parse(args.iter().map(OsString::from))
    }

    #[test]
    fn the_first_option_says_which_process_it_is() {
        assert_eq!(parse(&[]), Ok(Mode::Channels));
        assert_eq!(parse(&["--http"]), Ok(Mode::Http(None)));
        let address = "127.0.0.1:80";
        let http = Ok(Mode::Http(Some(address.to_owned())));
        assert_eq!(parse(&["--http", address]), http);
        assert_eq!(parse(&["--ready", "/m"]), Ok(Mode::Ready("/m".into())));
        let network = parse(&["--network", "--cmdline", "/c"]);
        assert!(
            matches!(network, Ok(Mode::Network(options)) if options.cmdline.as_os_str() == "/c")
        );
        let bridge = parse(&["--bridge", "--web", "-"]);
        assert!(matches!(bridge, Ok(Mode::Bridge(options)) if options.web.as_os_str() == "-"));
    }

    #[test]
    fn anything_else_shows_the_usage() {
        for args in [
            &["--ready"][..],
            &["--ready", "/a", "/b"],
            &["--http", "a", "b"],
            &["--http", "--bridge"],
            &["http"],
            &["-h"],
            &["--http=a"],
        ] {
            assert_eq!(parse(args), Err(USAGE.to_owned()), "{args:?}");
        }
        let network = parse(&["--network", "x", "y"]);
        assert!(
            network
                .unwrap_err()
                .starts_with("x is unknown: --network takes ")
        );
    }
}
