//! Shows the desktop in a browser: noVNC's pages, and the VNC server behind a WebSocket (RFC 6455).
//!
//! A process of its own (`kindling-agent --bridge`), of a user that may do nothing else. It does what websockify does, without
//! an interpreter to start at boot and a process for each connection: a guest that was resumed answers at once.

mod options;
mod pages;
mod path;
mod pump;
mod upgrade;

use std::io::{self, ErrorKind::ConnectionRefused};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::http::request::{Refused, Request};
use crate::http::response::{Response, Status};
use crate::http::{self};

pub use options::Options;

/// More connections at a time than the browsers of a few viewers open: noVNC is some sixty files.
const CONNECTIONS: usize = 128;

/// The time that the VNC server may take to accept a connection. It is on the loopback, or near.
const CONNECTING: Duration = Duration::from_secs(5);

/// The pause between a refusal and the next attempt.
const AGAIN: Duration = Duration::from_millis(20);

/// Serves `listener`; returns why it cannot go on.
pub fn serve(listener: &TcpListener, options: Options) -> io::Error {
    let pages = pages::Pages::new(&options.web, crate::image::hash());
    http::accept(listener, CONNECTIONS, move |stream| {
        converse(stream, &options, &pages);
    })
}

/// One connection: a page, or a viewer for as long as it looks.
fn converse(stream: &TcpStream, options: &Options, pages: &pages::Pages) {
    let refusal = match http::read(stream) {
        Ok(request) if upgrade::is_asked_for(&request) => match view(stream, &request, options) {
            Ok(()) => return,
            Err(refusal) => refusal,
        },
        Ok(request) => return http::answer(stream, |stream| pages.answer(&request, stream)),
        Err(Refused::Gone) => return,
        Err(refused) => http::refusal(refused),
    };
    http::answer(stream, |stream| refusal.write(false, stream));
}

/// Connects a viewer to the VNC server until one of them goes.
///
/// # Errors
/// The answer that a viewer gets while no VNC server can be reached.
fn view(stream: &TcpStream, request: &Request, options: &Options) -> Result<(), Response> {
    let accepted = upgrade::accept(request, &options.origins)?;
    let server = connect(options).map_err(|error| {
        let message = format!("no VNC server answers at {}: {error}", options.server);
        Response::error(Status::BadGateway, message)
    })?;
    let greeted = accepted.write(&mut &*stream);
    if let (Ok(()), Ok(viewer)) = (greeted, stream.try_clone()) {
        pump::run(viewer, server);
    }
    Ok(())
}

/// Connects to the VNC server. One that is still starting is waited for: a viewer may come early in a boot.
fn connect(options: &Options) -> io::Result<TcpStream> {
    let attempt = || TcpStream::connect_timeout(&options.server, CONNECTING);
    until_accepted(options.patience, attempt)
}

/// Repeats an attempt that is refused, for as long as `patience` has it.
fn until_accepted<T>(
    patience: Duration,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let until = Instant::now() + patience;
    loop {
        match attempt() {
            Err(error) if error.kind() == ConnectionRefused && Instant::now() < until => {
                thread::sleep(AGAIN);
            }
            ended => return ended,
        }
    }
}

#[cfg(test)]
mod tests;
