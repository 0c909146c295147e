//! Answers of Firecracker, from foreign bytes.

use serde::Deserialize;
use thiserror::Error;

/// Firecracker's longest answers are its configuration and the guest's metadata, at most 51,200 bytes
/// (`HTTP_MAX_PAYLOAD_SIZE` of its API server) with their head.
const LIMIT: usize = 1 << 20;

/// Fields of an answer's head: `micro-http` writes at most seven.
const FIELDS: usize = 32;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// The HTTP status.
    pub(super) status: u16,
    /// The body; empty without one.
    pub(super) body: Vec<u8>,
}

#[derive(Debug, Error)]
pub(super) enum Malformed {
    #[error("its answer is not HTTP")]
    Head(#[from] httparse::Error),
    #[error("its answer has no status")]
    Status,
    #[error("its answer's length is not a number")]
    Length,
    #[error("its answer has more than {LIMIT} bytes")]
    Long,
}

impl Reply {
    /// Firecracker's own words about a problem: the `fault_message` of its body, else the body.
    pub(super) fn fault(&self) -> String {
        #[derive(Deserialize)]
        struct Fault {
            fault_message: String,
        }
        let text = match serde_json::from_slice::<Fault>(&self.body) {
            Ok(fault) => fault.fault_message,
            Err(_) => String::from_utf8_lossy(&self.body).into_owned(),
        };
        // It goes to a terminal.
        let shown: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        match shown.trim() {
            "" => "it does not say why".to_owned(),
            shown => shown.to_owned(),
        }
    }
}

/// The answer at the beginning of `bytes` and its length; `None` while it is not whole.
///
/// # Errors
/// The error for bytes that cannot become an answer, whatever follows.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Reply, usize)>, Malformed> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(start) = head.parse(bytes)? else {
        return if bytes.len() > LIMIT {
            Err(Malformed::Long)
        } else {
            Ok(None)
        };
    };
    let status = head.code.ok_or(Malformed::Status)?;
    let length = head
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let length = match length {
        // RFC 9110, 15.3.5: an answer without content.
        _ if status == 204 => 0,
        None => 0,
        Some(field) => {
            let digits = std::str::from_utf8(field.value).map_err(|_| Malformed::Length)?;
            digits.trim().parse().map_err(|_| Malformed::Length)?
        }
    };
    if length > LIMIT {
        return Err(Malformed::Long);
    }
    let body = bytes.get(start..start + length);
    Ok(body.map(|body| {
        let body = body.to_vec();
        (Reply { status, body }, start + length)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_as_firecracker_writes_them() {
        // Captured from 1.16.1: no reason phrase, no length with 204.
        let no_content =
            b"HTTP/1.1 204 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n\r\n";
        let (reply, length) = parse(no_content).unwrap().unwrap();
        assert_eq!((reply.status, length), (204, no_content.len()));
        let said = b"HTTP/1.1 200 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\nContent-Type: application/json\r\nContent-Length: 32\r\n\r\n{\"firecracker_version\":\"1.16.1\"}HTTP";
        let (reply, length) = parse(said).unwrap().unwrap();
        assert_eq!(reply.body, b"{\"firecracker_version\":\"1.16.1\"}");
        assert_eq!(&said[length..], b"HTTP");
    }

    #[test]
    fn what_is_said_is_shown_without_control_characters() {
        let reply = |body: &str| Reply {
            status: 400,
            body: body.as_bytes().to_vec(),
        };
        assert_eq!(
            reply("{\"fault_message\":\"a\\u001b[1mb\\n\"}").fault(),
            "a [1mb"
        );
        assert_eq!(reply("<html>").fault(), "<html>");
        assert_eq!(reply("").fault(), "it does not say why");
    }

    #[test]
    fn an_endless_answer_is_refused() {
        let long = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", LIMIT + 1);
        assert!(matches!(parse(long.as_bytes()), Err(Malformed::Long)));
        let wrong = b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n";
        assert!(matches!(parse(wrong), Err(Malformed::Length)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_within_bounds(bytes: Vec<u8>) {
            if let Ok(Some((reply, length))) = parse(&bytes) {
                prop_assert!(length <= bytes.len() && reply.body.len() <= length);
                let _ = reply.fault();
            }
        }

        #[test]
        fn near_answers_are_read_within_bounds(
            status in 0u16..2000,
            field in "[A-Za-z-]{1,16}: [ -~]{0,16}",
            length in "[0-9a-f+-]{1,22}",
            body: Vec<u8>,
        ) {
            let mut bytes = format!("HTTP/1.1 {status} \r\n{field}\r\nContent-Length: {length}\r\n\r\n").into_bytes();
            bytes.extend_from_slice(&body);
            if let Ok(Some((reply, end))) = parse(&bytes) {
                prop_assert!(end <= bytes.len() && reply.body.len() <= body.len());
                let _ = reply.fault();
            }
        }

        #[test]
        fn a_beginning_is_never_an_answer(body in "[ -~]{1,40}", cut in 1usize..20) {
            let whole = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            let cut = whole.len() - cut.min(whole.len());
            prop_assert!(parse(&whole.as_bytes()[..cut]).unwrap().is_none());
            prop_assert!(parse(whole.as_bytes()).unwrap().is_some());
        }
    }
}
