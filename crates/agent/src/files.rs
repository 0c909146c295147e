//! Copies of files, in both directions.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kindling_protocol::{CHUNK, Failure, Found, Get, Problem, Put, Reply, Shape, archive};

use crate::named::at;
use crate::stream::Stream;

/// Writes what comes.
pub(crate) fn put(stream: &Arc<Stream>, put: &Put) -> Result<(), Failure> {
    let result = place(put).and_then(|target| {
        let mut input: &Stream = stream;
        let written = match put.shape {
            Shape::Archive => archive::unpack(&mut input, &target),
            Shape::File => write(&mut input, &target),
        };
        written.map_err(|error| failure(&error))
    });
    stream.stop_reading();
    result
}

/// The path that is written.
fn place(put: &Put) -> Result<PathBuf, Failure> {
    let path = Path::new(&put.path);
    if path.is_dir() {
        return Ok(path.join(&put.name));
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    if !parent.is_dir() || put.path.ends_with('/') {
        let folder = if put.path.ends_with('/') {
            path
        } else {
            parent
        };
        return Err(Failure {
            problem: Problem::NotFound,
            message: format!("the guest has no folder {}", folder.display()),
        });
    }
    Ok(path.to_owned())
}

fn write(input: &mut &Stream, target: &Path) -> io::Result<()> {
    let named = at(target);
    let mut file = File::create(target).map_err(named)?;
    io::copy(input, &mut file).map_err(named)?;
    Ok(())
}

/// Sends what is there.
pub(crate) fn get(stream: &Arc<Stream>, get: &Get) -> Result<(), Failure> {
    let path = Path::new(&get.path);
    let named = |error: io::Error| failure(&at(path)(error));
    let meta = fs::metadata(path).map_err(named)?;
    if get.shape == Shape::File && meta.is_dir() {
        return Err(Failure {
            problem: Problem::Unusable,
            message: format!("{} is a folder", path.display()),
        });
    }
    // Before the host is told that there is something.
    let file = (get.shape == Shape::File)
        .then(|| File::open(path))
        .transpose()
        .map_err(named)?;
    stream.reply(&Reply::Found(Found {
        folder: meta.is_dir(),
    }));
    let mut output = BufWriter::with_capacity(CHUNK, &**stream);
    match file {
        Some(mut file) => io::copy(&mut file, &mut output).map(drop),
        None => archive::pack(path, &mut output),
    }
    .and_then(|()| output.flush())
    .and_then(|()| stream.end())
    .map_err(|error| failure(&error))
}

fn failure(error: &io::Error) -> Failure {
    let problem = match error.kind() {
        io::ErrorKind::NotFound => Problem::NotFound,
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory => Problem::Unusable,
        _ => Problem::Other,
    };
    Failure {
        problem,
        message: error.to_string(),
    }
}
