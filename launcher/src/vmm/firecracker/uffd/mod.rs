//! Our page-fault handler for restored guests: a thread that is watched.
//!
//! Firecracker connects to a socket in the VM's folder and sends the descriptor on which the kernel tells of page
//! faults. The thread puts pages of the immutable memory file in place, those of the working set before they are asked
//! for. **If it ends before Firecracker does, the machine is ended**: a guest whose faults nobody serves would hang.
//! A thread is enough: Firecracker never outlives this process, and a panic ends the thread only.

mod mappings;
mod serve;
mod sys;
#[cfg(test)]
mod tests;
mod working_set;

use std::fs::File;
use std::io::{IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_base::{Context, Error, Result, files};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tokio::sync::oneshot;

use crate::sys::short_path;
use mappings::Mappings;
use serve::Server;

pub(crate) use sys::available;

/// The socket in the VM's folder to which Firecracker connects.
pub(super) const SOCKET: &str = "uffd.sock";

/// Firecracker connects while it loads the snapshot.
const CONNECT: Duration = Duration::from_secs(120);

/// The longest message: 64 regions of 200 bytes each.
const MESSAGE: usize = 16 << 10;

/// The handler's thread.
#[derive(Debug)]
pub(super) struct Handler(oneshot::Receiver<Result<()>>);

impl Handler {
    /// Starts to handle the faults of a guest that is restored from `snapshot`, a folder with the file `memory`;
    /// listens in Firecracker's working `folder`.
    ///
    /// # Errors
    /// The memory file cannot be read, or the socket or the thread not be made.
    pub(super) fn start(folder: &Path, snapshot: &Path) -> Result<Self> {
        let memory = files::open(&snapshot.join(super::MEMORY))?;
        files::remove(&folder.join(SOCKET))?; // the VM is ours: nobody else listens there
        let opened = files::open(folder)?;
        let listener = UnixListener::bind(short_path(&opened, SOCKET)).context(format!(
            "cannot listen on {}",
            folder.join(SOCKET).display()
        ))?;
        let (tell, told) = oneshot::channel();
        let snapshot = snapshot.to_owned();
        std::thread::Builder::new()
            .name("page-faults".to_owned())
            .spawn(move || {
                // Nobody listens any more once the machine has ended.
                let _ = tell.send(handle(&listener, memory, snapshot));
            })
            .context("cannot start a thread")?;
        Ok(Self(told))
    }

    /// Waits until page faults are no longer served; returns why, or nothing where Firecracker ended first. Not to be
    /// called again after that.
    pub(super) async fn ended(&mut self) -> Option<Error> {
        match (&mut self.0).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some(Error::internal("the page-fault handler panicked")),
        }
    }
}

fn handle(listener: &UnixListener, memory: File, snapshot: PathBuf) -> Result<()> {
    let mut waiting = [PollFd::new(listener, PollFlags::IN)];
    let most = Timespec {
        tv_sec: CONNECT.as_secs().cast_signed(),
        tv_nsec: 0,
    };
    if poll(&mut waiting, Some(&most)).context("cannot wait for Firecracker")? == 0 {
        return Err(Error::external(
            "Firecracker did not connect to the page-fault handler",
        ));
    }
    let (stream, _) = listener.accept().context("cannot accept Firecracker")?;
    stream
        .set_read_timeout(Some(CONNECT))
        .context("cannot set a socket's deadline")?;
    let length = memory
        .metadata()
        .context("cannot look at the memory file")?
        .len();
    let (uffd, mappings) = receive(&stream, length)?;
    serve::serve(&Server {
        uffd,
        alive: stream.into(),
        mappings,
        memory,
        snapshot: &snapshot,
    })
}

/// Receives the descriptor and the mappings.
fn receive(stream: &UnixStream, length: u64) -> Result<(OwnedFd, Mappings)> {
    let mut message = vec![0; MESSAGE];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut message)],
        &mut rights,
        RecvFlags::CMSG_CLOEXEC,
    );
    let mut filled = received.context("cannot receive from Firecracker")?.bytes;
    let mut descriptors = rights.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let uffd = descriptors.next().and_then(|mut fds| fds.next());
    let uffd = uffd.ok_or_else(|| Error::external("Firecracker sent no userfaultfd"))?;
    loop {
        let parsed = Mappings::parse(&message[..filled], length);
        let parsed = parsed.map_err(|error| {
            Error::external("cannot understand Firecracker's memory mappings").because(error)
        })?;
        if let Some(mappings) = parsed {
            return Ok((uffd, mappings));
        }
        let mut stream = stream;
        match stream.read(&mut message[filled..]) {
            Ok(0) => return Err(Error::external("Firecracker's memory mappings have no end")),
            Ok(count) => filled += count,
            Err(error) => return Err(error).context("cannot receive from Firecracker"),
        }
    }
}
