//! `GET /health`.

use std::time::SystemTime;

use serde_json::json;

use super::clock::timestamp;
use super::guest::Guest;
use super::request::Request;
use super::response::{Response, Status};

/// That this guest answers, what it is made of, and its clock.
pub(super) fn answer(_: &Request, guest: &Guest) -> Response {
    let body = json!({
        "status": "ok",
        "timestamp": timestamp(SystemTime::now()),
        // Log-ins under way: there is nothing yet that begins one.
        "activeSessions": 0,
        "version": env!("CARGO_PKG_VERSION"),
        "image": guest.image,
    });
    Response::new(Status::Ok, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_named() {
        let guest = Guest::new("0a1b".into(), "/nonexistent".into());
        let body = answer(&Request::default(), &guest).body;
        assert_eq!(body["status"], "ok");
        assert_eq!(
            (&body["activeSessions"], &body["image"]),
            (&json!(0), &json!("0a1b"))
        );
        let timestamp = body["timestamp"].as_str().unwrap();
        assert!(
            timestamp.starts_with("20") && timestamp.ends_with('Z'),
            "{timestamp}"
        );
    }
}
