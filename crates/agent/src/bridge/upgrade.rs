//! Turns a request into a WebSocket: the opening handshake of RFC 6455, section 4.2, and the origins that may ask for one.

use std::io::{self, Write};

use tungstenite::handshake::derive_accept_key;

use crate::http::request::Request;
use crate::http::response::{Response, Status};

/// The path by which noVNC asks for the VNC server; websockify takes every path.
const PATH: &str = "/websockify";
/// The version of the protocol.
const VERSION: &str = "13";
/// The value of `Sec-WebSocket-Protocol` of older noVNCs.
const PROTOCOL: &str = "binary";

/// A handshake that may be completed.
#[derive(Debug)]
pub(super) struct Accepted {
    key: String,
    protocol: bool,
}

/// Whether a request asks for a WebSocket.
pub(super) fn is_asked_for(request: &Request) -> bool {
    request.lists("upgrade", "websocket")
}

/// Checks a request for a WebSocket.
///
/// # Errors
/// The request is malformed, asks for something else, or comes from a page of a foreign origin.
pub(super) fn accept(request: &Request, origins: &[String]) -> Result<Accepted, Response> {
    let refuse = |status, message: &str| Err(Response::error(status, message));
    if request.path != PATH {
        let message = format!("the screen is at {PATH}");
        return Err(Response::error(Status::NotFound, message));
    }
    if is_foreign(request, origins) {
        let message =
            "a page of another origin may not look at this screen; --allow-origin lets it";
        return refuse(Status::Forbidden, message);
    }
    if request.method != "GET" || !request.lists("connection", "upgrade") {
        return refuse(Status::BadRequest, "this is no handshake of a WebSocket");
    }
    if request.header("sec-websocket-version") != Some(VERSION) {
        return refuse(Status::BadRequest, "the version of WebSockets here is 13");
    }
    let Some(key) = request.header("sec-websocket-key") else {
        return refuse(Status::BadRequest, "the handshake has no Sec-WebSocket-Key");
    };
    Ok(Accepted {
        key: derive_accept_key(key.as_bytes()),
        protocol: request.lists("sec-websocket-protocol", PROTOCOL),
    })
}

impl Accepted {
    /// Writes the answer; what follows on the connection are frames.
    ///
    /// # Errors
    /// The client has gone.
    pub(super) fn write(&self, client: &mut impl Write) -> io::Result<()> {
        let protocol = match self.protocol {
            true => format!("Sec-WebSocket-Protocol: {PROTOCOL}\r\n"),
            false => String::new(),
        };
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n{protocol}\r\n",
            self.key
        );
        client.write_all(head.as_bytes())
    }
}

/// Whether a page asks that did not come from here. Any page that a viewer's browser shows can open a WebSocket to any
/// address, so that without this a page of somebody else's could type into the desktop. A proxy that gives `Host` another
/// value says by `X-Forwarded-Host` what it was.
fn is_foreign(request: &Request, origins: &[String]) -> bool {
    let allowed = |origin: &String| origins.iter().any(|o| o == "*" || o == origin);
    if request.origin.as_ref().is_some_and(allowed) {
        return false;
    }
    let forwarded = request
        .header("x-forwarded-host")
        .map(str::to_ascii_lowercase);
    request.is_foreign(forwarded.as_deref().unwrap_or(&request.host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(changes: &[(&str, &str)]) -> Request {
        let mut headers = vec![
            ("host", "10.0.0.2:6080"),
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        headers.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        headers.extend(changes);
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let text = format!("GET /websockify HTTP/1.1\r\n{lines}\r\n");
        crate::http::request::read(&mut text.as_bytes(), &mut io::sink()).unwrap()
    }

    fn status(changes: &[(&str, &str)], origins: &[&str]) -> Option<Status> {
        let origins: Vec<String> = origins.iter().map(|&origin| origin.to_owned()).collect();
        accept(&request(changes), &origins)
            .err()
            .map(|response| response.status)
    }

    #[test]
    fn a_handshake_is_that_of_the_standard() {
        let asked = request(&[("sec-websocket-protocol", "base64, binary")]);
        assert!(is_asked_for(&asked));
        let mut answer = Vec::new();
        accept(&asked, &[]).unwrap().write(&mut answer).unwrap();
        // The example of RFC 6455, section 1.3.
        let expected = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: binary\r\n\r\n";
        assert_eq!(String::from_utf8(answer).unwrap(), expected);
        assert_eq!(
            status(&[("connection", "close")], &[]),
            Some(Status::BadRequest)
        );
        assert_eq!(
            status(&[("sec-websocket-version", "8")], &[]),
            Some(Status::BadRequest)
        );
    }

    #[test]
    fn pages_of_other_origins_are_kept_out_unless_they_are_let_in() {
        let own = ("origin", "http://10.0.0.2:6080");
        let other = ("origin", "https://desk.example.org");
        assert_eq!(status(&[], &[]), None);
        assert_eq!(status(&[own], &[]), None);
        assert_eq!(status(&[other], &[]), Some(Status::Forbidden));
        assert_eq!(status(&[("origin", "null")], &[]), Some(Status::Forbidden));
        assert_eq!(
            status(&[other, ("x-forwarded-host", "Desk.example.org")], &[]),
            None
        );
        assert_eq!(status(&[other], &["https://desk.example.org"]), None);
        assert_eq!(status(&[other], &["*"]), None);
    }
}
