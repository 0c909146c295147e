//! The kernel's source: a `.tar.xz` or `.tar.bz2`, unpacked once into the work folder.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use bzip2::bufread::MultiBzDecoder;
use kindling_base::hash::Hasher;
use kindling_base::{Context, Error, Event, Reporter, Result, Unit, cancel, files};
use liblzma::bufread::XzDecoder;
use liblzma::stream::MtStreamBuilder;
use tar::EntryType;

use super::{STAGE, TREE, threads};

/// Where a kernel's source comes from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// A `linux-*.tar.xz`, with everything in one folder, as kernel.org and Debian make them, or Ubuntu's `.tar.bz2`.
    pub tarball: &'a Path,
    /// The tarball's SHA-256, 64 lowercase hexadecimal digits.
    pub sha256: &'a str,
}

/// The file in an unpacked tree that says which tarball it is. It is there only when the tree is whole.
const MARKER: &str = ".kindling-source";

/// Folders that no x86 build reads but for their Kconfig files: a third of all files. (The configuration has one
/// tree for all architectures, and `tools` holds programs for other machines and people.)
const NOT_BUILT: [&str; 3] = ["Documentation", "tools/perf", "tools/testing"];

/// Of another architecture, and read by every build of 6.12 all the same: `fs/hostfs/Makefile` includes a file of it.
const READ_BY_ALL: &str = "arch/um/scripts";

/// Memory that the decoder may use for its threads: eight blocks of Debian's tarball (24 MiB each).
const DECODER_MEMORY: u64 = 256 << 20;

/// Unpacks the source where it is not there yet, and returns its folder.
///
/// # Errors
/// The tarball is not what was promised, damaged, or cannot be written to `work`.
pub(super) fn unpack(source: &Source<'_>, work: &Path, reporter: &dyn Reporter) -> Result<PathBuf> {
    let tree = work.join(TREE);
    let marker = tree.join(MARKER);
    if marker.exists() && files::read_text(&marker)? == source.sha256 {
        return Ok(tree);
    }
    let unpacking = work.join("unpacking");
    files::remove(&unpacking)?; // what a crash left
    files::remove(&tree)?; // another source
    files::create_dir_all(&unpacking)?;
    let detail = "unpacking the source of Linux".to_owned();
    reporter.report(Event::Started {
        stage: STAGE,
        detail,
    });
    let sha256 = extract(source.tarball, &unpacking, reporter)?;
    if sha256 != source.sha256 {
        let what = format!("{} is not what was promised", source.tarball.display());
        return Err(Error::external(what).note(format!(
            "expected sha256 {}\ncomputed sha256 {sha256}",
            source.sha256
        )));
    }
    files::create(&unpacking.join(MARKER))?
        .write_all(sha256.as_bytes())
        .context(format!("cannot write {}", unpacking.join(MARKER).display()))?;
    // A power cut must not leave empty files under the final name.
    rustix::fs::syncfs(files::open(&unpacking)?)
        .context(format!("cannot sync {}", unpacking.display()))?;
    files::rename(&unpacking, &tree)?;
    Ok(tree)
}

/// Unpacks into `to` and returns the SHA-256 of the tarball.
fn extract(tarball: &Path, to: &Path, reporter: &dyn Reporter) -> Result<String> {
    let damaged = |error: std::io::Error| {
        Error::external(format!("cannot unpack {}", tarball.display()))
            .because(error)
            .hint("the kernel's source must be a whole .tar.xz or .tar.bz2; delete the file and fetch it again")
    };
    let file = files::open(tarball)?;
    let total = file
        .metadata()
        .context(format!("cannot read {}", tarball.display()))?
        .len();
    let input = Input {
        file,
        hasher: Hasher::new(),
        done: 0,
        total,
        reporter,
    };
    let reader = Decoder::open(BufReader::with_capacity(1 << 20, input)).map_err(damaged)?;
    let mut archive = tar::Archive::new(reader);
    let mut links = Vec::new();
    let mut content = Vec::new();
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            continue;
        }
        let path = entry.path().map_err(damaged)?.into_owned();
        let Some(inner) = below_first(&path).ok_or_else(|| escapes(tarball, &path))? else {
            continue; // the one folder around everything
        };
        let target = to.join(inner);
        if !is_needed(inner) {
            continue;
        }
        match kind {
            EntryType::Directory => files::create_dir_all(&target)?,
            EntryType::Regular | EntryType::Continuous => {
                content.clear();
                entry.read_to_end(&mut content).map_err(damaged)?;
                let executable = entry.header().mode().map_err(damaged)? & 0o111 != 0;
                write(&target, &content, if executable { 0o755 } else { 0o644 })?;
            }
            EntryType::Symlink => {
                if let Some(link) = entry.link_name().map_err(damaged)? {
                    links.push((link.into_owned(), target));
                }
            }
            _ => {
                let what = format!(
                    "{} in {} is neither file, folder nor link",
                    path.display(),
                    tarball.display()
                );
                return Err(Error::external(what));
            }
        }
    }
    // Last, so that no file was ever written through a link.
    for (link, target) in links {
        let what = || format!("cannot make the link {}", target.display());
        if let Some(parent) = target.parent() {
            files::create_dir_all(parent)?;
        }
        std::os::unix::fs::symlink(link, &target).context(what())?;
    }
    // The hash is of the whole file, with whatever follows the archive's end.
    let mut reader = archive.into_inner();
    std::io::copy(&mut reader, &mut std::io::sink()).map_err(damaged)?;
    let mut input = reader.into_inner();
    std::io::copy(&mut input, &mut std::io::sink()).map_err(damaged)?;
    Ok(input.into_inner().hasher.finish())
}

/// Takes off a compression that the first bytes tell.
enum Decoder<R: BufRead> {
    Xz(XzDecoder<R>),
    Bzip2(MultiBzDecoder<R>),
}

impl<R: BufRead> Decoder<R> {
    fn open(mut from: R) -> std::io::Result<Self> {
        // `BZh` is what every file of bzip2 begins with (`BZ_HDR_B` of its compress.c).
        if from.fill_buf()?.starts_with(b"BZh") {
            return Ok(Self::Bzip2(MultiBzDecoder::new(from)));
        }
        let decoder = MtStreamBuilder::new()
            .threads(threads())
            .memlimit_threading(DECODER_MEMORY)
            .memlimit_stop(u64::MAX)
            .decoder()?;
        Ok(Self::Xz(XzDecoder::new_stream(from, decoder)))
    }

    fn into_inner(self) -> R {
        match self {
            Self::Xz(decoder) => decoder.into_inner(),
            Self::Bzip2(decoder) => decoder.into_inner(),
        }
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        cancel::check().map_err(std::io::Error::other)?;
        match self {
            Self::Xz(decoder) => decoder.read(buffer),
            Self::Bzip2(decoder) => decoder.read(buffer),
        }
    }
}

/// The path without its first component: `None` outside where it would leave the folder, inside where
/// nothing is left.
fn below_first(path: &Path) -> Option<Option<&Path>> {
    let mut components = path.components();
    while components.as_path().starts_with(".") {
        components.next();
    }
    components.next()?;
    let inner = components.as_path();
    let normal = path
        .components()
        .all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    normal.then_some((!inner.as_os_str().is_empty()).then_some(inner))
}

fn escapes(tarball: &Path, path: &Path) -> Error {
    Error::external(format!(
        "{} holds the path {}, which leads out of it",
        tarball.display(),
        path.display()
    ))
    .hint("this is no kernel source that anybody should unpack")
}

/// Whether a build for x86 can need this file.
fn is_needed(path: &Path) -> bool {
    let kconfig = path
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"Kconfig"));
    let other_architecture = path.strip_prefix("arch").is_ok_and(|inner| {
        let folder = inner.components().next();
        inner.components().count() > 1 && folder != Some(Component::Normal("x86".as_ref()))
    });
    let read_by_all = path.starts_with(READ_BY_ALL);
    kconfig
        || read_by_all
        || !(other_architecture || NOT_BUILT.iter().any(|folder| path.starts_with(folder)))
}

fn write(target: &Path, content: &[u8], mode: u32) -> Result<()> {
    let open = || {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(target)
    };
    let file = match open() {
        // A folder that was left out, or that the archive does not list.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            files::create_dir_all(target.parent().unwrap_or(target))?;
            open()
        }
        other => other,
    };
    file.and_then(|mut file| file.write_all(content))
        .context(format!("cannot write {}", target.display()))
}

/// The tarball, hashed and counted as it is read.
struct Input<'a> {
    file: File,
    hasher: Hasher,
    done: u64,
    total: u64,
    reporter: &'a dyn Reporter,
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.done += read as u64;
        let (done, total) = (self.done, Some(self.total));
        self.reporter.report(Event::Progress {
            stage: STAGE,
            unit: Unit::Bytes,
            done,
            total,
        });
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
