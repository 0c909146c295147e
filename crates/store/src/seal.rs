//! A seal: a note beside an artifact in the store of what the artifact was when its stage had made it.
//!
//! A bundle shares its files with the store, so that publishing neither copies nor hashes a large image again.
//! Whoever changes a file of the bundle in place thus changes the store's. The seal tells: size and time of
//! modification are compared each time, and where they differ, the hash.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kindling_base::{Result, files, sparse};

/// Mode of every artifact: nothing that runs from it may change it.
pub const READ_ONLY: u32 = 0o444;
/// Ends the name of a seal.
const SUFFIX: &str = ".seal";

/// Makes an artifact read-only and notes its hash, size and time of modification in `NAME.seal`.
///
/// # Errors
/// It cannot be read or the note not be written.
pub fn seal(artifact: &Path) -> Result<()> {
    seal_hashed(artifact, &sparse::hash(artifact)?)
}

/// The same for an artifact whose hash is known from writing it.
///
/// # Errors
/// The note cannot be written.
pub fn seal_hashed(artifact: &Path, sha256: &str) -> Result<()> {
    files::set_mode(artifact, READ_ONLY)?;
    let note = format!("{sha256} {}\n", state(artifact)?);
    files::write(&note_of(artifact), note.as_bytes())
}

/// Whether the artifact of a seal is as it was sealed.
///
/// # Errors
/// It cannot be read.
pub fn is_intact(artifact: &Path) -> Result<bool> {
    let Some((sealed, state_then)) = read(artifact) else {
        return Ok(true); // made before there were seals: whoever publishes it hashes it
    };
    Ok(state(artifact)? == state_then || sparse::hash(artifact)? == sealed)
}

/// SHA-256 of an artifact; from its seal if that is of this very file.
///
/// # Errors
/// It cannot be read.
pub fn sha256(artifact: &Path) -> Result<String> {
    match read(artifact) {
        Some((sealed, state_then)) if state(artifact)? == state_then => Ok(sealed),
        _ => sparse::hash(artifact),
    }
}

/// Hash and state of the note, if there is one that reads.
fn read(artifact: &Path) -> Option<(String, String)> {
    let note = files::read_text(&note_of(artifact)).ok()?;
    let (sha256, state) = note.trim_end().split_once(' ')?;
    Some((sha256.to_owned(), state.to_owned()))
}

/// Size and time of modification. Not the time of change: that differs after each link to it.
fn state(artifact: &Path) -> Result<String> {
    let meta = files::metadata(artifact)?;
    Ok(format!(
        "{} {}.{:09}",
        meta.len(),
        meta.mtime(),
        meta.mtime_nsec()
    ))
}

fn note_of(artifact: &Path) -> PathBuf {
    let mut name = artifact.file_name().unwrap_or_default().to_owned();
    name.push(SUFFIX);
    artifact.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, FileTimes};
    use std::time::{Duration, SystemTime};

    fn touch(path: &Path) {
        let later = SystemTime::now() + Duration::from_secs(5);
        let times = FileTimes::new().set_modified(later);
        files::open(path).unwrap().set_times(times).unwrap();
    }

    #[test]
    fn a_seal_forgives_a_touch_and_tells_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rootfs.ext4");
        fs::write(&file, b"abcd").unwrap();
        assert!(is_intact(&file).unwrap(), "nothing is sealed yet");
        seal(&file).unwrap();
        let sealed = sha256(&file).unwrap();
        assert_eq!(sealed, kindling_base::hash::bytes(b"abcd"));
        touch(&file);
        assert!(is_intact(&file).unwrap());
        files::set_mode(&file, 0o644).unwrap();
        fs::write(&file, b"abcx").unwrap();
        touch(&file);
        assert!(!is_intact(&file).unwrap());
        assert_ne!(sha256(&file).unwrap(), sealed);
    }
}
