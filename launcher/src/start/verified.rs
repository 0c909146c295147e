//! Notes of bundles whose every byte was compared before: hashing gigabytes at each start takes longer than some boots.
//!
//! `verified/HASH.json` in the state folder, HASH being that of the bundle's path, says what each file was when it was
//! hashed. A file that is the same inode with the same size and time of modification is not hashed again. The time of
//! change would tell more, but differs after each VM, whose disk is laid over a link to the image. So whoever changes a byte
//! and then sets the time back goes unseen here; `--require-signature` and `cargo xtask verify` always look at every byte.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kindling_base::{Result, files, hash};
use kindling_bundle::{Artifact, Manifest};
use serde::{Deserialize, Serialize};

/// A file that was changed so shortly before it was hashed may be changed again within the same tick of the clock that
/// stamps files; it is not noted.
const SETTLED: Duration = Duration::from_secs(1);

/// The files of a bundle as they were when they were compared.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    folder: PathBuf,
    files: Vec<Seen>,
}

/// A file as it was when it had this hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    file: String,
    sha256: String,
    device: u64,
    inode: u64,
    size: u64,
    /// Nanoseconds since 1970.
    modified: i128,
}

/// Compares the bundle in `folder` with its manifest: the bytes of whatever was touched since they were compared last.
///
/// # Errors
/// As [`kindling_bundle::verify`].
pub(crate) fn verify(state: &Path, folder: &Path, manifest: &Manifest) -> Result<()> {
    let notes = state.join("verified");
    let path = notes.join(format!(
        "{}.json",
        hash::bytes(folder.as_os_str().as_encoded_bytes())
    ));
    let known = read(&path);
    let before = see(folder, manifest);
    let is_known = |artifact: &Artifact| {
        let as_it_was = |seen: &&Seen| seen.file == artifact.file && known.files.contains(seen);
        before.iter().any(|seen| as_it_was(&seen))
    };
    let started = SystemTime::now();
    kindling_bundle::verify_all_but(folder, manifest, &is_known)?;
    if !manifest.artifacts().all(is_known) {
        let files = settled(before, &see(folder, manifest), started);
        // Without the note the next start merely takes longer.
        let _ = write(
            &notes,
            &path,
            &Note {
                folder: folder.to_owned(),
                files,
            },
        );
    }
    Ok(())
}

/// Each file of a bundle as it is now, with the hash that the manifest promises. What is not there is left to others.
fn see(folder: &Path, manifest: &Manifest) -> Vec<Seen> {
    let nanoseconds =
        |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    let see = |artifact: &Artifact| {
        let meta = files::metadata(&folder.join(&artifact.file)).ok()?;
        Some(Seen {
            file: artifact.file.clone(),
            sha256: artifact.sha256.clone(),
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.len(),
            modified: nanoseconds(meta.mtime(), meta.mtime_nsec()),
        })
    };
    manifest.artifacts().filter_map(see).collect()
}

/// Those that are after the hashing, which began at `started`, what they were before, and had been left alone for a while.
fn settled(before: Vec<Seen>, after: &[Seen], started: SystemTime) -> Vec<Seen> {
    let latest = started.duration_since(SystemTime::UNIX_EPOCH + SETTLED);
    let latest = latest.map_or(0, |time| time.as_nanos().cast_signed());
    let stays = |seen: &Seen| after.contains(seen) && seen.modified < latest;
    before.into_iter().filter(stays).collect()
}

/// A note that is missing or does not parse says nothing.
fn read(path: &Path) -> Note {
    let bytes = files::read(path).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Writes a note, and removes those of bundles that are gone.
fn write(notes: &Path, path: &Path, note: &Note) -> Result<()> {
    files::create_dir_all(notes)?;
    for other in files::list(notes)? {
        if other.extension().is_some_and(|end| end == "json") && !read(&other).folder.exists() {
            files::remove(&other)?;
        }
    }
    let json = serde_json::to_vec(note).unwrap_or_default(); // of plain fields: it serialises
    files::replace(path, &json, 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(modified: i128) -> Seen {
        Seen {
            file: "rootfs.ext4".into(),
            sha256: "ab".into(),
            device: 1,
            inode: 2,
            size: 3,
            modified,
        }
    }

    #[test]
    fn what_changed_just_before_or_while_it_was_hashed_is_not_noted() {
        let started = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
        let at = |seconds: i128| seconds * 1_000_000_000;
        let noted = |before: i128, after: i128| {
            settled(vec![seen(at(before))], &[seen(at(after))], started).len()
        };
        assert_eq!(noted(8, 8), 1);
        assert_eq!(noted(8, 10), 0, "changed meanwhile");
        assert_eq!(noted(9, 9), 0, "changed just before");
    }

    #[test]
    fn a_note_comes_back_and_goes_with_its_bundle() {
        let folder = tempfile::tempdir().unwrap();
        let (notes, bundle) = (folder.path().join("verified"), folder.path().join("bundle"));
        std::fs::create_dir(&bundle).unwrap();
        let (old, new) = (notes.join("old.json"), notes.join("new.json"));
        let note = |folder: &Path| Note {
            folder: folder.to_owned(),
            files: vec![seen(i128::MAX)],
        };
        write(&notes, &old, &note(&bundle)).unwrap();
        assert_eq!(read(&old).files, [seen(i128::MAX)]);
        std::fs::remove_dir(&bundle).unwrap();
        write(&notes, &new, &note(folder.path())).unwrap();
        assert!(!old.exists() && new.exists());
        assert_eq!(read(&old).files, [], "a note that is not there");
    }
}
