//! The address that has to answer before a guest counts as there.

use std::fmt;
use std::str::FromStr;

/// A port of the guest and what is asked of it over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Until {
    /// The guest's TCP port.
    pub port: u16,
    /// The path, with its slash.
    pub path: String,
}

impl FromStr for Until {
    type Err = String;

    /// `PORT`, `:PORT/PATH` or `http://ANY:PORT/PATH`: the host does not matter, it is always the guest.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is neither a port nor an address such as http://guest:6080/vnc.html")
        };
        let rest = match text.strip_prefix("http://") {
            Some(rest) => rest,
            None if text.contains("://") => {
                return Err(format!("`{text}`: only http:// can be asked"));
            }
            None if text.starts_with(':') => text,
            None => {
                let port = text.parse().ok().filter(|port| *port != 0);
                return Ok(Self {
                    port: port.ok_or_else(wrong)?,
                    path: "/".to_owned(),
                });
            }
        };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let port = match host.split_once(':') {
            Some((_, port)) => port.parse().ok().filter(|port| *port != 0),
            None => Some(80),
        };
        let path = if path.is_empty() { "/" } else { path };
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "`{text}`: the path has characters that HTTP has not"
            ));
        }
        Ok(Self {
            port: port.ok_or_else(wrong)?,
            path: path.to_owned(),
        })
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://guest:{}{}", self.port, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ports_and_addresses_are_read() {
        let until = |text: &str| text.parse::<Until>().map(|until| (until.port, until.path));
        let at = |port, path: &str| Ok((port, path.to_owned()));
        assert_eq!(until("6080"), at(6080, "/"));
        assert_eq!(until(":6080/vnc.html"), at(6080, "/vnc.html"));
        assert_eq!(until("http://guest:8080"), at(8080, "/"));
        assert_eq!(until("http://guest/a?b=1"), at(80, "/a?b=1"));
        for wrong in [
            "",
            "0",
            "65536",
            "x",
            ":0/",
            ":x/",
            "guest:80",
            "https://guest/",
        ] {
            assert!(until(wrong).is_err(), "{wrong}");
        }
        assert!(
            until("https://guest/")
                .unwrap_err()
                .contains("only http://")
        );
        assert!(until(":80/a b\r\nX: y").unwrap_err().contains("characters"));
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same(port in 1u16.., path in "/[a-z0-9?=./]{0,20}") {
            let until = Until { port, path };
            prop_assert_eq!(until.to_string().parse::<Until>().unwrap(), until);
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,40}") {
            let _ = text.parse::<Until>();
        }
    }
}
