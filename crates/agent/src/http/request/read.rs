//! Reads a request within bounds: constants here limit its size, and the reader that is handed in limits the time.

use std::io::{self, ErrorKind, Read, Write};

use super::{Refused, Request};

/// The most that a request's line and headers may have, in bytes.
pub(super) const LONGEST_HEAD: usize = 16 << 10;

/// The most that a body may have, in bytes: an address of the longest kind, twice as long for JSON's escapes.
pub(super) const LONGEST_BODY: usize = 64 << 10;

/// More headers than any client of ours sends.
pub(super) const HEADERS: usize = 64;

/// The head of a request.
struct Head {
    request: Request,
    /// Bytes of the body.
    length: usize,
    /// The client waits for a word before it sends the body.
    waits: bool,
}

/// Reads a request. `interim` takes the answer `100 Continue` to a client that waits for it.
///
/// # Errors
/// A [`Refused`] for each reason.
pub(crate) fn read(reader: &mut impl Read, interim: &mut impl Write) -> Result<Request, Refused> {
    let mut bytes = Vec::with_capacity(1 << 10);
    let (head, rest) = loop {
        if let Some((head, end)) = parse(&bytes)? {
            break (head, bytes.split_off(end));
        }
        if bytes.len() >= LONGEST_HEAD {
            return Err(Refused::HeadTooLong);
        }
        let left = LONGEST_HEAD - bytes.len();
        more(reader, &mut bytes, left)?;
    };
    let mut body = rest;
    if head.waits && body.len() < head.length {
        // A client that has gone is noticed below.
        let _ = interim.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    while body.len() < head.length {
        let left = head.length - body.len();
        more(reader, &mut body, left)?;
    }
    body.truncate(head.length);
    Ok(Request {
        body,
        ..head.request
    })
}

/// Reads some bytes, at most `most`.
fn more(reader: &mut impl Read, bytes: &mut Vec<u8>, most: usize) -> Result<(), Refused> {
    let mut buffer = [0; 4 << 10];
    let most = most.min(buffer.len());
    loop {
        match reader.read(&mut buffer[..most]) {
            Ok(0) => return Err(Refused::Gone),
            Ok(count) => {
                bytes.extend_from_slice(&buffer[..count]);
                return Ok(());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(&error)),
        }
    }
}

fn failed(error: &io::Error) -> Refused {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Refused::TooSlow,
        _ => Refused::Gone,
    }
}

/// The head and where it ends, or nothing where it has not all arrived.
fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, Refused> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let end = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Refused::HeadTooLong),
        Err(_) => return Err(Refused::Malformed("this is no request of HTTP/1")),
    };
    let mut head = Head {
        request: Request {
            method: parsed.method.unwrap_or_default().to_owned(),
            path: path(parsed.path.unwrap_or_default()).to_owned(),
            ..Request::default()
        },
        length: 0,
        waits: false,
    };
    let (mut hosts, mut length) = (0, None);
    for header in parsed.headers.iter() {
        let text = String::from_utf8_lossy(header.value).trim().to_owned();
        let (name, value) = (header.name.to_ascii_lowercase(), text.to_ascii_lowercase());
        head.request.headers.push((name.clone(), text));
        match name.as_str() {
            "host" => {
                hosts += 1;
                head.request.host = value;
            }
            "origin" => head.request.origin = Some(value),
            "content-type" => {
                let kind = value.split(';').next().unwrap_or_default();
                head.request.content_type = kind.trim().to_owned();
            }
            "content-length" => {
                let bytes = number(&value)?;
                if length.is_some_and(|length| length != bytes) {
                    return Err(Refused::Malformed("two lengths for one body"));
                }
                length = Some(bytes);
            }
            "transfer-encoding" => return Err(Refused::NoLength),
            "expect" => head.waits = value == "100-continue",
            _ => {}
        }
    }
    // RFC 9112, section 3.2: one, and in HTTP/1.0 none will do.
    if hosts > 1 || hosts == 0 && parsed.version == Some(1) {
        return Err(Refused::Malformed("a request has one Host"));
    }
    head.length = length.unwrap_or(0);
    if head.length > LONGEST_BODY {
        return Err(Refused::BodyTooLong);
    }
    Ok(Some((head, end)))
}

/// A length in decimal digits and nothing else; one that is too large for a number is too large for us.
fn number(text: &str) -> Result<usize, Refused> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refused::Malformed("Content-Length is no number"));
    }
    Ok(text.parse().unwrap_or(usize::MAX))
}

/// The path of a request's target, which is a path or a whole address (RFC 9112, section 3.2).
fn path(target: &str) -> &str {
    let path = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            rest.find(['/', '?']).map_or("/", |at| &rest[at..])
        }
        _ => target,
    };
    path.split(['?', '#']).next().unwrap_or_default()
}
