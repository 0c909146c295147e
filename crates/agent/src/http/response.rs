//! One response: a status and a line of JSON.

use std::io::{self, Write};

use serde_json::{Value, json};

/// The status, and the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: Status,
    /// Methods that the path knows, where it was asked by another one.
    pub(crate) allow: Option<&'static str>,
    pub(crate) body: Value,
}

/// The status codes that are used here (RFC 9110, section 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Status {
    Ok = 200,
    NotModified = 304,
    BadRequest = 400,
    Forbidden = 403,
    NotFound = 404,
    MethodNotAllowed = 405,
    RequestTimeout = 408,
    LengthRequired = 411,
    ContentTooLarge = 413,
    UnsupportedMediaType = 415,
    RequestHeaderFieldsTooLarge = 431,
    InternalServerError = 500,
    BadGateway = 502,
    ServiceUnavailable = 503,
    GatewayTimeout = 504,
}

impl Response {
    /// An answer with a body.
    pub(crate) fn new(status: Status, body: Value) -> Self {
        Self {
            status,
            allow: None,
            body,
        }
    }

    /// Says what is wrong.
    pub(crate) fn error(status: Status, message: impl Into<String>) -> Self {
        Self::new(status, json!({ "error": message.into() }))
    }

    /// Writes it; of an answer to HEAD, all but the body.
    ///
    /// # Errors
    /// The client has gone.
    pub(crate) fn write(&self, head_only: bool, writer: &mut impl Write) -> io::Result<()> {
        let body = format!("{}\n", self.body);
        let length = body.len().to_string();
        let mut fields = vec![
            ("Content-Type", "application/json"),
            ("Content-Length", &length),
            ("Cache-Control", "no-store"),
        ];
        fields.extend(self.allow.map(|methods| ("Allow", methods)));
        let mut text = head(self.status, &fields);
        if !head_only {
            text += &body;
        }
        writer.write_all(text.as_bytes())
    }
}

/// A response up to its body: the status, these fields, and those of every answer.
pub(crate) fn head(status: Status, fields: &[(&str, &str)]) -> String {
    let mut head = format!("HTTP/1.1 {} {}\r\n", status as u16, status.reason());
    let common = [
        ("X-Content-Type-Options", "nosniff"),
        ("Connection", "close"),
    ];
    for (name, value) in fields.iter().chain(&common) {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head + "\r\n"
}

impl Status {
    fn reason(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::NotModified => "Not Modified",
            Self::BadRequest => "Bad Request",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not Found",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::RequestTimeout => "Request Timeout",
            Self::LengthRequired => "Length Required",
            Self::ContentTooLarge => "Content Too Large",
            Self::UnsupportedMediaType => "Unsupported Media Type",
            Self::RequestHeaderFieldsTooLarge => "Request Header Fields Too Large",
            Self::InternalServerError => "Internal Server Error",
            Self::BadGateway => "Bad Gateway",
            Self::ServiceUnavailable => "Service Unavailable",
            Self::GatewayTimeout => "Gateway Timeout",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_says_how_long_it_is() {
        let mut response = Response::error(Status::MethodNotAllowed, "no");
        response.allow = Some("POST");
        let mut written = Vec::new();
        response.write(false, &mut written).unwrap();
        let expected = "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\
                        Cache-Control: no-store\r\nAllow: POST\r\nX-Content-Type-Options: nosniff\r\n\
                        Connection: close\r\n\r\n{\"error\":\"no\"}\n";
        assert_eq!(String::from_utf8(written).unwrap(), expected);
        let mut head = Vec::new();
        response.write(true, &mut head).unwrap();
        assert_eq!(
            String::from_utf8(head).unwrap(),
            expected[..expected.len() - 15]
        );
    }
}
