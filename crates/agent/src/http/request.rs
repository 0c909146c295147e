//! One request, read within bounds: of size by what is here, of time by the reader that is handed in.

use std::io::{self, ErrorKind, Read, Write};

/// The most that a request's line and headers may have, in bytes.
pub(crate) const LONGEST_HEAD: usize = 16 << 10;

/// The most that a body may have, in bytes: an address of the longest kind, twice as long for JSON's escapes.
pub(crate) const LONGEST_BODY: usize = 64 << 10;

/// More headers than any client of ours sends.
const HEADERS: usize = 64;

/// A request whose body has arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// In capitals, as it was sent.
    pub(crate) method: String,
    /// The path, without what follows a `?`.
    pub(crate) path: String,
    /// `Host`, and the page that asks where a browser does; in small letters.
    pub(crate) host: String,
    pub(crate) origin: Option<String>,
    /// What the body is said to be, without parameters and in small letters.
    pub(crate) content_type: String,
    /// All headers as they were sent, names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header; of several, the first. `name` is in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a page asks that did not come from `host`, the port included: its browser names its origin. Whoever is no
    /// browser names none.
    pub(crate) fn is_foreign(&self, host: &str) -> bool {
        let own = |origin: &str| origin.split_once("://").is_some_and(|(_, own)| own == host);
        self.origin.as_deref().is_some_and(|origin| !own(origin))
    }

    /// Whether a header, which may be there several times, has this word in its list, in whatever letters.
    pub(crate) fn lists(&self, name: &str, word: &str) -> bool {
        let headers = self.headers.iter().filter(|(own, _)| own == name);
        headers
            .flat_map(|(_, value)| value.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(word))
    }
}

/// Why there is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is no request of HTTP/1.
    Malformed(&'static str),
    /// Its head is longer than [`LONGEST_HEAD`], or has too many headers.
    HeadTooLong,
    /// Its body is longer than [`LONGEST_BODY`].
    BodyTooLong,
    /// It does not say how long its body is.
    NoLength,
    /// It did not arrive in time.
    TooSlow,
    /// The client has gone: nobody waits for an answer.
    Gone,
}

/// What a head says.
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
/// As [`Refused`] has it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A reader that gives its bytes in pieces.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(buffer.len()).min(self.0.len());
            let (piece, rest) = self.0.split_at(count);
            buffer[..count].copy_from_slice(piece);
            self.0 = rest;
            Ok(count)
        }
    }

    fn all(text: &str) -> Result<Request, Refused> {
        read(&mut text.as_bytes(), &mut io::sink())
    }

    const POST: &str = "POST /open-url?x=1 HTTP/1.1\r\nHost: Guest:8080\r\ncontent-type: Application/JSON; charset=utf-8\r\nContent-Length: 5\r\n\r\n12345";

    #[test]
    fn a_request_is_read() {
        let request = Request {
            method: "POST".into(),
            path: "/open-url".into(),
            host: "guest:8080".into(),
            origin: None,
            content_type: "application/json".into(),
            headers: vec![
                ("host".into(), "Guest:8080".into()),
                (
                    "content-type".into(),
                    "Application/JSON; charset=utf-8".into(),
                ),
                ("content-length".into(), "5".into()),
            ],
            body: b"12345".to_vec(),
        };
        assert_eq!(request.header("content-length"), Some("5"));
        assert!(!request.lists("content-type", "application/json"));
        assert_eq!(all(POST), Ok(request.clone()));
        assert_eq!(all(&format!("{POST}GET / HTTP/1.1\r\n\r\n")), Ok(request));
        for (target, path) in [
            ("/", "/"),
            ("/health?", "/health"),
            ("http://guest:8080/health#x", "/health"),
            ("http://guest", "/"),
            ("/a://b", "/a://b"),
        ] {
            let request = all(&format!("GET {target} HTTP/1.1\r\nHost: g\r\n\r\n"));
            assert_eq!(request.unwrap().path, path, "{target}");
        }
        assert_eq!(all("GET /health HTTP/1.0\r\n\r\n").unwrap().host, "");
    }

    #[test]
    fn what_is_no_request_of_ours_is_refused() {
        let headers = |lines: &str| all(&format!("GET / HTTP/1.1\r\n{lines}\r\n\r\n"));
        let malformed = |result| matches!(result, Err(Refused::Malformed(_)));
        assert!(malformed(headers("Accept: */*")), "no Host");
        assert!(malformed(headers("Host: a\r\nHost: a")));
        assert!(malformed(headers("Host: a\r\nContent-Length: +5")));
        assert!(malformed(headers(
            "Host: a\r\nContent-Length: 1\r\nContent-Length: 2"
        )));
        assert!(malformed(all("\x16\x03\x01\x02\0 TLS")));
        let chunked = headers("Host: a\r\nTransfer-Encoding: chunked");
        assert_eq!(chunked, Err(Refused::NoLength));
        let long = headers("Host: a\r\nContent-Length: 99999999999999999999999");
        assert_eq!(long, Err(Refused::BodyTooLong));
        assert_eq!(
            headers(&"a: b\r\n".repeat(HEADERS + 1)),
            Err(Refused::HeadTooLong)
        );
        let endless = format!("GET / HTTP/1.1\r\na: {}", "b".repeat(LONGEST_HEAD));
        assert_eq!(all(&endless), Err(Refused::HeadTooLong));
        assert_eq!(all(&POST[..POST.len() - 1]), Err(Refused::Gone));
    }

    #[test]
    fn a_client_that_waits_is_told_to_go_on() {
        let head = POST.replace("\r\n\r\n12345", "\r\nExpect: 100-continue\r\n\r\n");
        let mut said = Vec::new();
        let mut reader = head.as_bytes().chain(&b"12345"[..]);
        assert_eq!(read(&mut reader, &mut said).unwrap().body, b"12345");
        assert_eq!(said, b"HTTP/1.1 100 Continue\r\n\r\n");
    }

    proptest! {
        /// In whatever pieces it arrives.
        #[test]
        fn pieces_make_no_difference(bytes in requests(), size in 1_usize..40) {
            let whole = read(&mut bytes.as_slice(), &mut io::sink());
            prop_assert_eq!(read(&mut Pieces(&bytes, size), &mut io::sink()), whole);
        }

        #[test]
        fn what_is_read_is_within_its_bounds(bytes in requests()) {
            if let Ok(request) = read(&mut bytes.as_slice(), &mut io::sink()) {
                prop_assert!(request.body.len() <= LONGEST_BODY);
                prop_assert!(request.method.len() + request.path.len() < LONGEST_HEAD);
                prop_assert!(!request.path.contains(['?', '#', ' ']));
            }
        }

        #[test]
        fn a_body_comes_as_it_was_sent(body in prop::collection::vec(any::<u8>(), 0..3000)) {
            let mut bytes = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
            bytes.extend_from_slice(&body);
            prop_assert_eq!(read(&mut bytes.as_slice(), &mut io::sink()).unwrap().body, body);
        }
    }

    /// Bytes that are a request, nearly one, or anything.
    fn requests() -> impl Strategy<Value = Vec<u8>> {
        let nearly = "(GET|POST|[a-z ]{0,5}) (/[a-z?#]{0,9}|http://[a-z]{0,3}/?) HTTP/1\\.[01]\r\n(Host: [a-z]{0,4}\r\n|Content-Length: [0-9]{1,3}\r\n|Transfer-Encoding: x\r\n|Expect: 100-continue\r\n|[ -~]{0,12}\r\n){0,4}\r\n[ -~]{0,200}";
        prop_oneof![
            nearly.prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..400),
        ]
    }
}
