//! A strict stand-in for Firecracker's API, in this process: it checks our requests on machines without Firecracker.
//!
//! It refuses unknown fields, the wrong order and the wrong state as Firecracker 1.16.1 was seen to do, and
//! [`super::requests`] compares the two wherever there is a real one.

mod body;
mod machine;

use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use self::machine::{Machine, State};
use crate::vmm::firecracker::Version;
use crate::vmm::firecracker::api::Api;

/// The stand-in's side of a connection: what it was asked, and what it refused.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    /// Requests in their order: method, path and body.
    pub(super) fn requests(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A stand-in for this version that works in `folder`, and a connection to it.
pub(super) fn stand_in(folder: &Path, version: Version) -> (Api, Seen) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let seen = Seen::default();
    let machine = Machine::new(folder.to_owned(), version);
    tokio::spawn(serve(theirs, machine, seen.clone()));
    (Api::over(ours), seen)
}

async fn serve(mut stream: UnixStream, mut machine: Machine, seen: Seen) {
    let mut buffer = Vec::new();
    while let Some((method, path, body)) = request(&mut stream, &mut buffer).await {
        let text = String::from_utf8(body.clone()).unwrap();
        seen.0
            .lock()
            .unwrap()
            .push(format!("{method} {path} {text}").trim_end().to_owned());
        let (status, body) = match machine.answer(&method, &path, &body) {
            Ok(None) => (204, String::new()),
            Ok(Some(body)) => (200, body.to_string()),
            Err(fault) => (400, serde_json::json!({"fault_message": fault}).to_string()),
        };
        let mut answer =
            format!("HTTP/1.1 {status} \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n");
        if status != 204 {
            answer.push_str(&format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            ));
        }
        answer.push_str("\r\n");
        answer.push_str(&body);
        stream.write_all(answer.as_bytes()).await.unwrap();
        if machine.state == State::Ended {
            return;
        }
    }
}

/// The next request; `None` at the end of the connection.
async fn request(
    stream: &mut UnixStream,
    buffer: &mut Vec<u8>,
) -> Option<(String, String, Vec<u8>)> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 16];
        let mut head = httparse::Request::new(&mut fields);
        if let httparse::Status::Complete(start) = head.parse(buffer).unwrap() {
            let length = head
                .headers
                .iter()
                .find(|field| field.name == "Content-Length");
            let length = length.map_or(0, |field| {
                std::str::from_utf8(field.value).unwrap().parse().unwrap()
            });
            if buffer.len() >= start + length {
                let (method, path) = (
                    head.method.unwrap().to_owned(),
                    head.path.unwrap().to_owned(),
                );
                let body = buffer[start..start + length].to_vec();
                buffer.drain(..start + length);
                return Some((method, path, body));
            }
        }
        if stream.read_buf(buffer).await.unwrap() == 0 {
            return None;
        }
    }
}
