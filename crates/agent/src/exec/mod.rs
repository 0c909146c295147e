//! Programs that run for the host.

mod pump;
mod running;
mod spawn;

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use kindling_protocol::{Exec, Exit, Failure, Kind, Problem, Reply};
use rustix::process::{WaitId, WaitIdOptions, waitid};

use crate::stream::Stream;
use running::Running;

/// The stack of a thread that moves bytes, beside its buffer.
const STACK: usize = 64 << 10;

/// Runs a program to its end; returns the last reply.
pub(crate) fn run(stream: &Arc<Stream>, exec: &Exec) -> Result<Reply, Failure> {
    let mut spawned = spawn::spawn(exec)?;
    let broken = |error: io::Error| Failure {
        problem: Problem::Other,
        message: format!("the guest is short of something: {error}"),
    };
    // Its end closes when the program has ended.
    let (ended, alive) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map_err(|error| broken(error.into()))?;
    let ended = Arc::new(ended);
    let running = Arc::new(Running::new(&spawned));
    stream.reply(&Reply::Started {
        pid: spawned.child.id(),
    });
    stream.watch(running.clone());
    let mut pumps = || -> io::Result<_> {
        let mut outputs: Vec<JoinHandle<()>> = Vec::new();
        for (file, kind) in [
            (spawned.output.take(), Kind::Data),
            (spawned.errors.take(), Kind::ErrorData),
        ] {
            let Some(file) = file else { continue };
            let (stream, ended) = (Arc::clone(stream), Arc::clone(&ended));
            outputs.push(start(move || pump::output(&file, &ended, &stream, kind))?);
        }
        let (stream, ended) = (Arc::clone(stream), Arc::clone(&ended));
        let (file, terminal) = (spawned.input.take(), spawned.terminal.is_some());
        let input = start(move || pump::input(file, terminal, &ended, &stream))?;
        Ok((outputs, input))
    };
    let pumps = pumps();
    if pumps.is_err() {
        running.kill();
    }
    // It stays a zombie, and its number its own, until nobody can send it a signal any more.
    let waited = loop {
        match waitid(
            WaitId::Pid(running.pid()),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        ) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other,
        }
    };
    let status = running.reap(&mut spawned.child);
    drop(alive);
    waited.map_err(|error| broken(error.into()))?;
    let (outputs, input) = pumps.map_err(broken)?;
    for output in outputs {
        let _ = output.join(); // a panic would have ended the process
    }
    stream.stop_reading();
    let _ = input.join();
    use std::os::unix::process::ExitStatusExt;
    let status = status.map_err(broken)?;
    Ok(Reply::Exited(match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or(0)),
    }))
}

fn start(run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name("pump".into())
        .stack_size(STACK)
        .spawn(run)
}
