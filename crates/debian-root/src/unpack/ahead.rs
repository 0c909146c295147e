//! Decompresses packages before it is their turn, while maintainer scripts keep only one processor busy.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use kindling_base::Result;

use kindling_deb::TarReader;

/// Packages that are, or may be, decompressed already.
#[derive(Debug, Default)]
pub(crate) struct Ahead(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    finished: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The package at hand.
    current: Option<PathBuf>,
    /// Whole data.tars.
    done: HashMap<PathBuf, Vec<u8>>,
    stopped: bool,
}

impl Ahead {
    /// Starts with the first of `debs` on a thread of its own; keeps at most `budget` bytes.
    pub(crate) fn start(debs: Vec<PathBuf>, budget: u64) -> Self {
        let ahead = Self::default();
        let shared = Arc::clone(&ahead.0);
        std::thread::spawn(move || {
            let mut left = budget;
            for deb in debs {
                if !shared.begin(&deb) {
                    return;
                }
                // What is unsound is found again, and reported, by whoever opens it.
                let bytes = decompress(&deb, left).unwrap_or_default();
                left -= bytes.as_ref().map_or(left, |bytes| bytes.len() as u64);
                shared.end(deb, bytes);
            }
        });
        ahead
    }

    /// Begins with no other package.
    pub(crate) fn stop(&self) {
        self.0.state().stopped = true;
    }

    /// The data.tar of a package: from memory if it is there or about to be, else from the file.
    ///
    /// # Errors
    /// The file cannot be read or is not a sound .deb.
    pub(crate) fn open(&self, path: &Path) -> Result<TarReader> {
        let mut state = self.0.state();
        while state.current.as_deref() == Some(path) {
            let woken = self.0.finished.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        match state.done.remove(path) {
            Some(bytes) => Ok(tar::Archive::new(Box::new(Cursor::new(bytes)))),
            None => {
                drop(state);
                kindling_deb::open_data(path)
            }
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, deb: &Path) -> bool {
        let mut state = self.state();
        state.current = (!state.stopped).then(|| deb.to_owned());
        !state.stopped
    }

    fn end(&self, deb: PathBuf, bytes: Option<Vec<u8>>) {
        let mut state = self.state();
        state.current = None;
        state.done.extend(bytes.map(|bytes| (deb, bytes)));
        self.finished.notify_all();
    }
}

/// The data.tar, unless it has more than `limit` bytes.
fn decompress(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, std::io::Error> {
    let Ok(archive) = kindling_deb::open_data(path) else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    archive
        .into_inner()
        .take(limit + 1)
        .read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_testkit::Deb;

    #[test]
    fn whatever_is_ahead_the_same_comes_out() {
        let folder = tempfile::tempdir().unwrap();
        let debs: Vec<PathBuf> = (0..8)
            .map(|n| {
                let deb = Deb::new(&format!("p{n}"), "1").file("usr/f", 0o644, &vec![n; 50_000]);
                let path = folder.path().join(format!("p{n}.deb"));
                std::fs::write(&path, deb.build()).unwrap();
                path
            })
            .collect();
        for budget in [0, 120_000, u64::MAX / 2] {
            let ahead = Ahead::start(debs.clone(), budget);
            for (n, deb) in debs.iter().enumerate().rev() {
                let mut archive = ahead.open(deb).unwrap();
                let mut members = archive.entries().unwrap().map(|member| member.unwrap());
                let mut file = members
                    .find(|m| m.path_bytes().ends_with(b"usr/f"))
                    .unwrap();
                let mut content = Vec::new();
                file.read_to_end(&mut content).unwrap();
                assert_eq!(
                    content,
                    vec![u8::try_from(n).unwrap(); 50_000],
                    "budget {budget}"
                );
            }
        }
    }

    #[test]
    fn a_broken_package_is_reported_by_who_opens_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.deb");
        std::fs::write(&path, "no deb").unwrap();
        let ahead = Ahead::start(vec![path.clone()], 1 << 20);
        let error = ahead.open(&path).err().unwrap();
        assert!(
            error.report().contains("x.deb is no sound .deb"),
            "{}",
            error.report()
        );
    }
}
