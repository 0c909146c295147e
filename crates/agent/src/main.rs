//! Serves the launcher over every channel that this guest has. `kindling-agent --http [ADDRESS:PORT]`
//! answers over HTTP instead, and `kindling-agent --bridge [OPTIONS]` shows the desktop to browsers, each at the socket that
//! systemd passes or at an address. `kindling-agent --network [OPTIONS]` configures the network, and `kindling-agent --ready
//! MARKER-FILE` tells the console that the system is up; both end then.

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use kindling_agent::{Mode, bridge, http, image, network, port, ready, systemd, vsock};
use kindling_protocol::{PORT_NAME, VSOCK_PORT};

/// The program that opens pages in the desktop: crates/open.
const OPENER: &str = "/usr/lib/kindling/open";

/// The kernel's running time.
const UPTIME: &str = "/proc/uptime";

/// The serial port, whichever `console=` names.
const CONSOLE: &str = "/dev/console";

fn main() -> ExitCode {
    match Mode::parse(std::env::args_os().skip(1)) {
        Ok(Mode::Channels) => channels(),
        Ok(Mode::Http(None)) => answer(passed()),
        Ok(Mode::Http(Some(address))) => answer(TcpListener::bind(address)),
        Ok(Mode::Bridge(options)) => show(options),
        Ok(Mode::Network(options)) => connect(&options),
        Ok(Mode::Ready(marker)) => tell(&marker),
        Err(error) => misused(error),
    }
}

fn misused(error: String) -> ExitCode {
    report("arguments", &io::Error::other(error));
    ExitCode::from(2)
}

/// The socket that systemd passes.
fn passed() -> io::Result<TcpListener> {
    let none = || io::Error::other("systemd passed no socket; say an address to listen at");
    systemd::passed_listener()?.ok_or_else(none)
}

fn channels() -> ExitCode {
    let (ended, endings) = mpsc::channel::<(&str, io::Error)>();
    let start = |name: &'static str, run: Box<dyn FnOnce() -> io::Error + Send>| {
        let ended = ended.clone();
        thread::spawn(move || ended.send((name, run())));
    };
    let serve_port = || match port::wait(PORT_NAME) {
        Ok(path) => port::serve(&path),
        Err(error) => error,
    };
    start("virtio-serial", Box::new(serve_port));
    match vsock::listen(VSOCK_PORT) {
        Ok(listener) => start("vsock", Box::new(move || listener.serve())),
        // A kernel without vsock, as good a guest on QEMU.
        Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {}
        Err(error) => report("vsock", &error),
    }
    // A service runs until it cannot go on; systemd then starts all of them anew.
    if let Ok((name, error)) = endings.recv() {
        report(name, &error);
    }
    ExitCode::FAILURE
}

fn answer(listener: io::Result<TcpListener>) -> ExitCode {
    let guest = http::Guest::new(image::hash(), OPENER.into());
    serve("http", listener, |listener| http::serve(listener, guest))
}

fn show(options: bridge::Options) -> ExitCode {
    let listener = options.listen.map_or_else(passed, TcpListener::bind);
    serve("bridge", listener, |listener| {
        bridge::serve(listener, options)
    })
}

/// Configures the network. A word that cannot be honoured marks the unit as failed and stops nothing.
fn connect(options: &network::Options) -> ExitCode {
    let complaints = network::configure(options);
    for complaint in &complaints {
        complain(complaint);
    }
    match complaints.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn tell(marker: &Path) -> ExitCode {
    match ready::tell(marker, Path::new(UPTIME), Path::new(CONSOLE)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report("ready", &error);
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "what the console and the journal show of this service"
)]
fn complain(complaint: &str) {
    eprintln!("kindling-network: {complaint}");
}

/// Serves a port until that cannot go on.
fn serve(
    name: &str,
    listener: io::Result<TcpListener>,
    run: impl FnOnce(&TcpListener) -> io::Error,
) -> ExitCode {
    let listener = match listener {
        Ok(listener) => listener,
        Err(error) => {
            report(name, &error);
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = systemd::ready() {
        report("systemd", &error);
    }
    report(name, &run(&listener));
    ExitCode::FAILURE
}

#[expect(
    clippy::print_stderr,
    reason = "what the journal shows of this service"
)]
fn report(what: &str, error: &io::Error) {
    eprintln!("kindling-agent: {what}: {error}");
}
