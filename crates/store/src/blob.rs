//! Blobs: files named by their SHA-256.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_base::hash::Hasher;
use kindling_base::{Context, Error, Result, files};
use rustix::fs::{Mode, fchmod};
use tempfile::NamedTempFile;

use crate::Store;

/// Beginning of the names of blobs that are being written.
pub(crate) const PREFIX: &str = "blob-";

/// Age of an unfinished blob at which the program that wrote it must be dead.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

impl Store {
    /// The blob with this SHA-256, if the store has it.
    pub fn blob(&self, sha256: &str) -> Option<PathBuf> {
        self.session.take(self.blob_path(sha256))
    }

    /// Takes a blob from another store: as a hard link where both are on one file system, else as a copy.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn adopt_blob(&self, sha256: &str, from: &Path) -> Result<()> {
        let path = self.blob_path(sha256);
        self.session.reserve(&path)?;
        link(from, &path)
    }

    /// Begins to write a blob, which is invisible until [`BlobWriter::commit`].
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn new_blob(&self) -> Result<BlobWriter> {
        let folder = self.root.join("staging");
        let file = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempfile_in(&folder)
            .context(format!("cannot create a file in {}", folder.display()))?;
        Ok(BlobWriter {
            store: self.clone(),
            file,
            hasher: Hasher::new(),
            length: 0,
        })
    }

    fn blob_path(&self, sha256: &str) -> PathBuf {
        self.root
            .join("blobs")
            .join(sha256.get(..2).unwrap_or("xx"))
            .join(sha256)
    }
}

/// Links `from` at `to`, or copies it where it cannot be linked. A file that is already at `to` stays.
pub(crate) fn link(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        files::create_dir_all(parent)?;
    }
    if to.exists() || std::fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = to.with_file_name(name);
    files::copy(from, &part, 0o444)?;
    files::rename(&part, to)
}

/// Removes unfinished blobs of downloads that were killed long ago: no download takes a day. One that cannot be removed
/// now stays until the next time.
pub(crate) fn remove_abandoned(staging: &Path) {
    for path in files::list(staging).unwrap_or_default() {
        let is_blob = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()));
        let modified =
            files::metadata(&path).and_then(|meta| meta.modified().context("no time of change"));
        let age = modified.ok().and_then(|time| time.elapsed().ok());
        if is_blob && age.is_some_and(|age| age > ABANDONED) {
            let _ = files::remove(&path);
        }
    }
}

/// A blob being written and hashed. Dropped without [`BlobWriter::commit`], it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    store: Store,
    file: NamedTempFile,
    hasher: Hasher,
    length: u64,
}

impl BlobWriter {
    /// Bytes written so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Checks the hash, syncs and publishes the blob; returns its path.
    ///
    /// # Errors
    /// The bytes are not those of `expected` (the error shows both sides), or they cannot be stored.
    pub fn commit(self, what: &str, expected: &str) -> Result<PathBuf> {
        let computed = self.hasher.clone().finish();
        if computed != expected {
            return Err(
                Error::external(format!("{what} is not what was promised")).note(format!(
                    "expected sha256 {expected}\ncomputed sha256 {computed}"
                )),
            );
        }
        self.commit_as(&computed)
    }

    /// Publishes the blob without an expected hash; returns its SHA-256 and path.
    ///
    /// # Errors
    /// The bytes cannot be stored.
    pub fn commit_unchecked(self) -> Result<(String, PathBuf)> {
        let computed = self.hasher.clone().finish();
        let path = self.commit_as(&computed)?;
        Ok((computed, path))
    }

    fn commit_as(self, sha256: &str) -> Result<PathBuf> {
        let path = self.store.blob_path(sha256);
        let what = || format!("cannot write {}", path.display());
        self.store.session.reserve(&path)?;
        if let Some(parent) = path.parent() {
            files::create_dir_all(parent)?;
        }
        fchmod(self.file.as_file(), Mode::from_raw_mode(0o444)).context(what())?;
        self.file.as_file().sync_all().context(what())?;
        self.file
            .persist(&path)
            .map_err(|e| e.error)
            .context(what())?;
        Ok(path)
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_download_left_goes_after_a_day_and_no_sooner() {
        let folder = tempfile::tempdir().unwrap();
        Store::open(folder.path()).unwrap();
        let left = |name: &str, hours: u64| {
            let path = folder.path().join("staging").join(name);
            let time = std::time::SystemTime::now() - Duration::from_secs(hours * 3600);
            std::fs::File::create(&path)
                .unwrap()
                .set_modified(time)
                .unwrap();
            path
        };
        let (old, fresh, other) = (left("blob-a", 25), left("blob-b", 23), left("kernel-k", 99));
        Store::open(folder.path()).unwrap();
        assert_eq!(
            [old.exists(), fresh.exists(), other.exists()],
            [false, true, true]
        );
    }

    #[test]
    fn a_blob_is_published_under_its_hash_and_a_wrong_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let mut writer = store.new_blob().unwrap();
        writer.write_all(b"abd").unwrap();
        let error = writer.commit("x.deb", abc).unwrap_err();
        assert!(
            error.report().contains(&format!("expected sha256 {abc}")),
            "{}",
            error.report()
        );
        assert_eq!(store.blob(abc), None);
        let mut writer = store.new_blob().unwrap();
        writer.write_all(b"abc").unwrap();
        let path = writer.commit("x.deb", abc).unwrap();
        assert_eq!(store.blob(abc), Some(path));
        assert_eq!(
            std::fs::read_dir(folder.path().join("staging"))
                .unwrap()
                .count(),
            0
        );
    }
}
