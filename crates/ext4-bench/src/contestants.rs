//! The ways from a tar to an image.

use std::io::BufReader;
use std::path::Path;

use kindling_base::{Command, Context, Error, Result, files};
use kindling_ext4::{JournalSize, Options};
use kindling_tree::Tree;

/// A plain image: 64 MiB of free space and a journal, as `mke2fs` makes one.
fn options() -> Options {
    Options {
        uuid: [0x42; 16],
        hash_seed: [0x17; 16],
        label: String::new(),
        epoch: 1_700_000_000,
        free_bytes: 64 << 20,
        journal: Some(JournalSize::Auto),
    }
}

/// Bytes of the image that ours makes of a tar.
pub(crate) fn measure(tar: &Path) -> Result<u64> {
    Ok(kindling_ext4::measure(&Tree::from_tar(tar)?, &options())?.bytes)
}

pub(crate) fn ours(tar: &Path, image: &Path) -> Result<()> {
    let tree = Tree::from_tar(tar)?;
    kindling_ext4::write(&tree, &options(), image, &mut |_, _| {})?;
    sync(image)
}

/// `tar x` and `mke2fs -d`; the image has a tenth more than ours so that it surely fits.
pub(crate) fn mke2fs(tar: &Path, unpacked: &Path, image: &Path, bytes: u64) -> Result<()> {
    files::create_dir_all(unpacked)?;
    Command::new("tar")
        .args([
            "--extract",
            "--numeric-owner",
            "--xattrs",
            "--xattrs-include=*",
            "--file",
        ])
        .arg(tar)
        .arg("--directory")
        .arg(unpacked)
        .run()?;
    Command::new("mke2fs")
        .args(["-q", "-t", "ext4", "-d"])
        .arg(unpacked)
        .arg(image)
        .arg(format!("{}k", bytes / 1024 / 10 * 11))
        .run()?;
    sync(image)
}

pub(crate) fn arcbox(tar: &Path, image: &Path, bytes: u64) -> Result<()> {
    let failed = |error: arcbox_ext4::error::FormatError| {
        Error::external("the arcbox-ext4 formatter failed").because(error.to_string())
    };
    let size = bytes / 4096 / 10 * 11 * 4096;
    let mut formatter = arcbox_ext4::Formatter::new(image, 4096, size).map_err(failed)?;
    formatter
        .unpack_tar(BufReader::with_capacity(1 << 20, files::open(tar)?))
        .map_err(failed)?;
    formatter.close().map_err(failed)?;
    sync(image)
}

pub(crate) fn dd(tar: &Path, image: &Path) -> Result<()> {
    let operand = |key: &str, path: &Path| {
        let mut operand = std::ffi::OsString::from(key);
        operand.push(path);
        operand
    };
    Command::new("dd")
        .arg(operand("if=", tar))
        .arg(operand("of=", image))
        .args(["bs=4M", "conv=fsync"])
        .run()?;
    Ok(())
}

fn sync(image: &Path) -> Result<()> {
    files::open(image)?
        .sync_all()
        .context(format!("cannot sync {}", image.display()))
}
