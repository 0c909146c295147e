//! `POST /open-url` with `{"url": ADDRESS}` or `{"url": ADDRESS, "timeout_s": SECONDS}`: opens a page in the desktop's
//! browser and answers what `kindling-open` says of it.

use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value;

use super::guest::Guest;
use super::request::Request;
use super::response::{Response, Status};

/// The seconds that a page may take until a window shows it, unless the client says otherwise: as `kindling-open` has it.
const TIMEOUT_S: u64 = 180;

/// The longest that may be asked for.
const LONGEST_S: u64 = 600;

/// The most that is read of what `kindling-open` prints, in bytes: an address and a window's title.
const LONGEST_ANSWER: u64 = 256 << 10;

/// Opens the page.
pub(super) fn answer(request: &Request, guest: &Guest) -> Response {
    // A page of somewhere else cannot send this without asking first, and nobody answers that question.
    if request.content_type != "application/json" {
        let message = "the body must be of Content-Type application/json";
        return Response::error(Status::UnsupportedMediaType, message);
    }
    let (url, timeout_s) = match asked(&request.body) {
        Ok(asked) => asked,
        Err(message) => return Response::error(Status::BadRequest, message),
    };
    let Some(_page) = guest.pages.take() else {
        return super::busy();
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "a program of the guest, by the agent, which shares no code with the builder"
    )]
    let mut command = Command::new(&guest.opener);
    command.arg("--timeout").arg(timeout_s.to_string()).arg(url);
    match run(command) {
        Ok((status, said, complaint)) => judge(status, &said, &complaint),
        Err(error) => Response::error(
            Status::InternalServerError,
            format!("cannot run {}: {error}", guest.opener.display()),
        ),
    }
}

/// The address and the seconds that a body asks for.
fn asked(body: &[u8]) -> Result<(String, u64), String> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))?;
    let url = body["url"].as_str();
    let url = url.ok_or("the body has no text `url`: {\"url\": \"https://...\"}")?;
    // It is checked again where it is opened; here, so that it is one argument and no option.
    let lower = url.to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return Err("only addresses with http:// or https:// are opened".into());
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the address has characters that none has: write them as %XX".into());
    }
    let timeout_s = match &body["timeout_s"] {
        Value::Null => TIMEOUT_S,
        value => value
            .as_u64()
            .filter(|seconds| (1..=LONGEST_S).contains(seconds))
            .ok_or(format!("`timeout_s` must be 1 to {LONGEST_S} seconds"))?,
    };
    Ok((url.to_owned(), timeout_s))
}

/// Runs the opener to its end; returns that and what it printed.
fn run(mut command: Command) -> std::io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let mut child = command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // It prints one line, or why not, and neither fills a pipe.
    let (mut said, mut complaint) = (Vec::new(), Vec::new());
    if let Some(output) = child.stdout.take() {
        output.take(LONGEST_ANSWER).read_to_end(&mut said)?;
    }
    if let Some(errors) = child.stderr.take() {
        errors.take(LONGEST_ANSWER).read_to_end(&mut complaint)?;
    }
    Ok((child.wait()?, said, complaint))
}

/// The answer to what the opener said.
fn judge(status: ExitStatus, said: &[u8], complaint: &[u8]) -> Response {
    let complaint = String::from_utf8_lossy(complaint);
    let complaint = complaint.lines().next().unwrap_or_default();
    // Its code for arguments that are none: the address did not pass its checks.
    if status.code() == Some(2) {
        return Response::error(Status::BadRequest, complaint);
    }
    let Ok(answer) = serde_json::from_slice::<Value>(said) else {
        let message = format!("kindling-open ended without an answer ({status}): {complaint}");
        return Response::error(Status::InternalServerError, message);
    };
    let code = match answer["reason"].as_str() {
        _ if answer["opened"] == true => Status::Ok,
        Some("no-desktop") => Status::ServiceUnavailable,
        Some("timeout") => Status::GatewayTimeout,
        _ => Status::BadGateway,
    };
    Response::new(code, answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks a guest whose opener is a script.
    fn ask(script: &str, body: &str) -> Response {
        let folder = tempfile::tempdir().unwrap();
        let opener = folder.path().join("open");
        // Another process writes it: a descriptor of ours could be in a child of another test just then, and a program
        // that is open for writing is not run.
        #[expect(clippy::disallowed_methods, reason = "as above")]
        let made = Command::new("sh")
            .args([
                "-c",
                "printf '#!/bin/sh\\n%s\\n' \"$2\" >\"$1\"; chmod +x \"$1\"",
                "sh",
            ])
            .arg(&opener)
            .arg(script)
            .status();
        assert!(made.unwrap().success());
        let request = Request {
            content_type: "application/json".into(),
            body: body.into(),
            ..Request::default()
        };
        answer(&request, &Guest::new(String::new(), opener))
    }

    const URL: &str = r#"{"url": "https://example.org/?a=b%20c"}"#;

    #[test]
    fn what_the_opener_says_is_answered_with_a_fitting_code() {
        let opened = ask(r#"echo "{\"opened\":true,\"title\":\"$*\"}""#, URL);
        assert_eq!(opened.status, Status::Ok);
        assert_eq!(
            opened.body["title"],
            "--timeout 180 https://example.org/?a=b%20c"
        );
        let not = |reason: &str| {
            let line = format!(r#"{{"opened":false,"reason":"{reason}","error":"x"}}"#);
            let response = ask(&format!("echo '{line}'; exit 1"), URL);
            assert_eq!(response.body["error"], "x");
            response.status
        };
        assert_eq!(not("no-desktop"), Status::ServiceUnavailable);
        assert_eq!(not("timeout"), Status::GatewayTimeout);
        assert_eq!(not("failed"), Status::BadGateway);
        let refused = ask("echo 'no host' >&2; exit 2", URL);
        assert_eq!(refused, Response::error(Status::BadRequest, "no host"));
        let silent = ask("exit 0", URL);
        assert_eq!(silent.status, Status::InternalServerError);
    }

    #[test]
    fn nothing_is_run_for_a_body_that_asks_for_no_page() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"url": 5}"#,
            r#"{"url": "--serve"}"#,
            r#"{"url": "file:///etc/passwd"}"#,
            r#"{"url": "http://a\u0000"}"#,
            r#"{"url": "http://a", "timeout_s": 0}"#,
            r#"{"url": "http://a", "timeout_s": "5"}"#,
        ] {
            let response = ask("echo '{\"opened\":true}'", body);
            assert_eq!(response.status, Status::BadRequest, "{body}");
        }
        let guest = Guest::new(String::new(), "/nonexistent".into());
        let plain = Request {
            body: URL.into(),
            ..Request::default()
        };
        assert_eq!(answer(&plain, &guest).status, Status::UnsupportedMediaType);
    }

    #[test]
    fn only_so_many_pages_are_waited_for() {
        let guest = Guest::new(String::new(), "/nonexistent".into());
        let pages: Vec<_> = std::iter::from_fn(|| guest.pages.take()).collect();
        let request = Request {
            content_type: "application/json".into(),
            body: URL.into(),
            ..Request::default()
        };
        assert_eq!(answer(&request, &guest).status, Status::ServiceUnavailable);
        drop(pages);
        assert_eq!(answer(&request, &guest).status, Status::InternalServerError);
    }
}
