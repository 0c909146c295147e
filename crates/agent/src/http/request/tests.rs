//! Requests, whole and in pieces, good and bad.

use super::read::*;
use super::{Refused, Request};
use proptest::prelude::*;
use std::io::{self, Read};

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
    /// The size of the pieces makes no difference.
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
