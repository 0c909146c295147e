//! The initramfs: our own PID 1, compiled and packed.

mod archive;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Result, files};

use kindling_decompress::decompress;
use kindling_programs::{Target, Workshop, compile, linked};

/// The hash of all code that this stage's results depend on.
pub const CODE: &str = env!("KINDLING_CODE");

/// Name of the archive.
pub const FILE: &str = "initramfs.cpio";

/// The highest of zstd's levels that needs no more memory to decompress than the archive has.
const LEVEL: i32 = 19;

/// Folder of modules in the archive, where PID 1 looks for `order` and `NAME.ko`.
const MODULES: &str = "modules";

/// The most that the archive may weigh. An initramfs is unpacked into the guest's memory before anything else
/// runs, so that a heavy one starves a small machine.
pub const LIMIT_BYTES: usize = 512 << 10;

/// The most that it may weigh with the modules of a stock kernel.
pub const LIMIT_WITH_MODULES_BYTES: usize = 2 << 20;

/// Compiles the PID 1 in `source` and writes `out/initramfs.cpio`, a `newc` archive whose bytes depend on the
/// sources, the tools and `epoch` (seconds since 1970) alone.
///
/// With the modules of a stock kernel the archive is compressed, where that kernel can decompress it: ext4 alone is 2 MB, most of it symbols under a signature.
///
/// # Errors
/// Cargo failed, the archive would weigh more than [`LIMIT_BYTES`] or [`LIMIT_WITH_MODULES_BYTES`], or a file cannot be
/// read or written.
pub fn build(
    source: &Path,
    workshop: &Workshop<'_>,
    modules: Option<&Modules>,
    out: &Path,
    epoch: i64,
) -> Result<()> {
    let program = compile(&target(source), workshop)?;
    let mut contents = vec![("init".to_owned(), program.bytes)];
    let folder = modules.map(|modules| files::list(&modules.folder));
    for path in folder.transpose()?.unwrap_or_default() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        contents.push((format!("{MODULES}/{name}"), files::read(&path)?));
    }
    let mut archive = archive::pack(&contents, epoch)?;
    if modules.is_some_and(|modules| modules.compress) {
        archive = zstd::encode_all(archive.as_slice(), LEVEL).context("cannot compress")?;
    }
    let limit = match modules {
        None => LIMIT_BYTES,
        Some(_) => LIMIT_WITH_MODULES_BYTES,
    };
    check_size(archive.len(), limit)?;
    files::create_dir_all(out)?;
    linked::write(out, &[program.linked])?;
    files::write_atomic(&out.join(FILE), &archive, 0o644)
}

/// Modules that PID 1 has to load.
#[derive(Clone, Debug)]
pub struct Modules {
    /// A folder with `NAME.ko` of each, and their names in `order`, one a line, each after what it needs.
    pub folder: PathBuf,
    /// Whether their kernel can read an archive that zstd compressed (`CONFIG_RD_ZSTD`).
    pub compress: bool,
}

/// How PID 1 is compiled: its own manifest and build script say the rest.
fn target(source: &Path) -> Target<'_> {
    Target {
        source,
        package: "kindling-init",
        flags: &[],
    }
}

/// The contents of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Bytes of the archives in it, decompressed.
    pub bytes: u64,
    /// Names of the kernel modules in it: `virtio_blk` for `.../virtio_blk.ko`.
    pub modules: Vec<String>,
}

/// Looks into an initramfs, ours or a distribution's, which may be several archives one after the other, the last of them
/// compressed.
///
/// # Errors
/// The kernel would not read it, or it is compressed in a way that is not supported.
pub fn unpack(initramfs: &[u8]) -> Result<Unpacked> {
    let what = || format!("{FILE} does not read");
    let mut found = Unpacked::default();
    let compressed = read_archives(initramfs, &mut found).context(what())?;
    if compressed.is_empty() {
        return Ok(found);
    }
    let inner = decompress(compressed).map_err(|fault| Error::user(what()).because(fault))?;
    match read_archives(&inner, &mut found).context(what())? {
        [] => Ok(found),
        _ => Err(Error::user(what()).note("what it was compressed from is no archive")),
    }
}

/// Looks into the archives that `bytes` begin with; returns what follows them.
fn read_archives<'a>(mut bytes: &'a [u8], found: &mut Unpacked) -> std::io::Result<&'a [u8]> {
    while archive::is_archive(bytes) {
        let after = archive::modules(bytes, &mut found.modules)?;
        found.bytes += (bytes.len() - after.len()) as u64;
        // Any number of zeros may follow (Documentation/driver-api/early-userspace/buffer-format.rst).
        let zeros = after.iter().take_while(|byte| **byte == 0).count();
        bytes = after.get(zeros..).unwrap_or_default();
    }
    Ok(bytes)
}

fn check_size(bytes: usize, limit: usize) -> Result<()> {
    if bytes <= limit {
        return Ok(());
    }
    Err(Error::user(format!(
        "the initramfs is too large: {bytes} bytes, at most {limit} are allowed"
    ))
    .hint("look for what made PID 1 grow: formatting of floats, `alloc`, a new dependency"))
}
