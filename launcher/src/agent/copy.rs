//! Copies between this machine and a guest.

use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Result};
use kindling_protocol::{Get, Put, Reply, Request, Shape, archive};
use tokio::net::unix::pipe;

use super::conversation::{Conversation, unexpected};
use crate::vm::StateFolder;

/// One end of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A path in the guest of this VM.
    Guest(String, String),
    /// A path on this machine.
    Here(PathBuf),
}

impl std::str::FromStr for Place {
    type Err = std::convert::Infallible;

    /// `VM:PATH`, or a path here; one with a colon is written `./a:b`.
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(match text.split_once(':') {
            Some((vm, path)) if !vm.is_empty() && !vm.contains('/') => {
                Place::Guest(vm.to_owned(), path.to_owned())
            }
            _ => Place::Here(text.into()),
        })
    }
}

/// Copies a file or a folder, with modes and times, as `cp -r` does: into `to` where that is a folder, else as `to`.
///
/// # Errors
/// Not one of the two is in a guest, something does not exist, or cannot be read or written.
pub async fn copy(state: &StateFolder, from: &Place, to: &Place) -> Result<()> {
    match (from, to) {
        (Place::Here(from), Place::Guest(vm, to)) => put(state, from, vm, to).await,
        (Place::Guest(vm, from), Place::Here(to)) => get(state, vm, from, to).await,
        _ => Err(
            Error::user("one of the two has to be in a guest, and the other here")
                .hint("write it as VM:PATH"),
        ),
    }
}

async fn put(state: &StateFolder, from: &Path, vm: &str, to: &str) -> Result<()> {
    std::fs::metadata(from)
        .map_err(|error| Error::user(format!("cannot read {}", from.display())).because(error))?;
    let conversation = Conversation::open(state, vm).await?;
    let whole = std::fs::canonicalize(from).context(format!("cannot read {}", from.display()))?;
    let own = from.file_name().or(whole.file_name()).unwrap_or_default();
    let request = Request::Put(Put {
        path: absolute(to),
        name: own.to_string_lossy().into_owned(),
        shape: Shape::Archive,
    });
    let (reader, mut writer) = std::io::pipe().context("cannot make a pipe")?;
    let source = from.to_owned();
    let packing = std::thread::spawn(move || archive::pack(&source, &mut writer));
    let input = pipe::Receiver::from_owned_fd(reader.into()).context("cannot read from a pipe")?;
    let reply = conversation
        .hold(
            request,
            Some(Box::new(input)),
            tokio::io::sink(),
            tokio::io::sink(),
            false,
        )
        .await;
    // A guest that refuses closes the pipe, which ends the packing too; its reason is the better one.
    let packed = packing.join();
    match reply? {
        Reply::Done => {}
        other => return Err(unexpected(vm, &other)),
    }
    match packed {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Error::user("cannot read what is to be copied").because(error)),
        Err(_) => Err(Error::internal("the packing thread panicked")),
    }
}

async fn get(state: &StateFolder, vm: &str, from: &str, to: &Path) -> Result<()> {
    let name = Path::new(from).file_name().unwrap_or_default();
    let target = if to.is_dir() {
        to.join(name)
    } else {
        to.to_owned()
    };
    let parent = target
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if !parent.is_dir() {
        return Err(
            Error::user(format!("there is no folder {}", parent.display())).hint("make it first"),
        );
    }
    let conversation = Conversation::open(state, vm).await?;
    let request = Request::Get(Get {
        path: absolute(from),
        shape: Shape::Archive,
    });
    let (mut reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    let unpacking = std::thread::spawn(move || archive::unpack(&mut reader, &target));
    let output = pipe::Sender::from_owned_fd(writer.into()).context("cannot write to a pipe")?;
    let reply = conversation
        .hold(request, None, output, tokio::io::sink(), false)
        .await;
    let unpacked = unpacking.join();
    if let Ok(Err(error)) = unpacked {
        // An archive that was cut off is the guest's to explain.
        if reply.as_ref().is_ok_and(|reply| *reply == Reply::Done)
            || error.kind() != std::io::ErrorKind::UnexpectedEof
        {
            if let Ok(Reply::Failed(_)) = &reply {
                return Err(unexpected(vm, &reply?));
            }
            return Err(Error::user("cannot write what is copied").because(error));
        }
    }
    match reply? {
        Reply::Done => Ok(()),
        other => Err(unexpected(vm, &other)),
    }
}

/// The path in a guest, where relative ones begin at the root: there is no current folder.
fn absolute(path: &str) -> String {
    match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("/{path}"),
    }
}
