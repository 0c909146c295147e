//! `kindling-agent`: serves the launcher over every channel that this guest has.

use std::io;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use kindling_agent::{port, vsock};
use kindling_protocol::{PORT_NAME, VSOCK_PORT};

fn main() -> ExitCode {
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

#[expect(
    clippy::print_stderr,
    reason = "what the journal shows of this service"
)]
fn report(what: &str, error: &io::Error) {
    eprintln!("kindling-agent: {what}: {error}");
}
