//! Vendor folders: crates unpacked for cargo's `directory` source.

use std::path::{Path, PathBuf};

use kindling_base::{Error, Result, files, parallel};
use serde_json::json;

use crate::pin::Pin;
use crate::unpack::unpack;

/// The file by which cargo knows the hash of an unpacked crate.
const CHECKSUM: &str = ".cargo-checksum.json";

/// Unpacks the `.crate` file of each pin into the folder `into/NAME-VERSION`, which must be new.
///
/// `crates` are the files of `pins`, in the same order. Files have mode 0644, or 0755
/// where anybody may run them, and folders 0755. Cargo takes `into` as a source with `--config
/// source.crates-io.replace-with="x" --config source.x.directory="INTO"`. It compares each crate's hash with the lock, and no file
/// with a hash of its own: those of a folder that was just written are not listed.
///
/// # Errors
/// A file is no sound crate: a path leads out of it, it has links or special files, or it is larger than any crate. What was
/// unpacked until then stays.
pub fn vendor(pins: &[Pin], crates: &[PathBuf], into: &Path) -> Result<()> {
    if pins.len() != crates.len() {
        return Err(Error::internal(format!(
            "{} pins of crates, but {} files",
            pins.len(),
            crates.len()
        )));
    }
    files::create_dir_all(into)?;
    let pairs: Vec<_> = pins.iter().zip(crates).collect();
    parallel::each(&pairs, parallel::processors(), |(pin, file)| {
        let stem = pin.stem()?;
        unpack(file, into, &stem)
            .map_err(|error| error.within(format!("crate {} {}", pin.name, pin.version)))?;
        let checksum = json!({"files": {}, "package": pin.sha256}).to_string();
        let path = into.join(stem).join(CHECKSUM);
        files::write(&path, checksum.as_bytes())?;
        files::set_mode(&path, 0o644)
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pin_needs_its_file() {
        let pin = Pin {
            name: "a".into(),
            version: "1.0.0".into(),
            sha256: "a".repeat(64),
        };
        let into = tempfile::tempdir().unwrap();
        let error = vendor(&[pin], &[], into.path()).unwrap_err();
        assert_eq!(error.to_string(), "1 pins of crates, but 0 files");
    }
}
