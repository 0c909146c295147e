//! The dynamic loader's search for libraries.

use kindling_base::Result;

use crate::elf::{Elf, parse};
use crate::files::{Files, Found, shown};

/// Where the loader looks after all else (ld.so(8)), and Debian's multiarch folders.
const DEFAULT: [&str; 6] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
];

/// The loader of an image.
#[derive(Clone, Debug)]
pub struct Loader<'a> {
    files: Files<'a>,
    /// Folders of ld.so.conf.
    configured: Vec<String>,
}

impl<'a> Loader<'a> {
    /// Reads its configuration.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn new(files: Files<'a>) -> Result<Self> {
        let configured = configured(&files, "/etc/ld.so.conf", 4)?;
        Ok(Self { files, configured })
    }

    /// The paths at which it looks for a library that the file at `path` needs, in its order.
    pub fn candidates(&self, path: &[u8], elf: &Elf, name: &str) -> Vec<String> {
        if name.contains('/') {
            return vec![name.to_owned()];
        }
        let origin = shown(path);
        let origin = origin.rsplit_once('/').map_or("", |(folder, _)| folder);
        let own = elf.folders.iter().map(|folder| {
            let folder = folder
                .replace("${ORIGIN}", origin)
                .replace("$ORIGIN", origin);
            folder.replace("$LIB", "lib/x86_64-linux-gnu")
        });
        let others = self.configured.iter().cloned();
        let default = DEFAULT.iter().map(|folder| (*folder).to_owned());
        let folders = own.chain(others).chain(default);
        folders.map(|folder| format!("{folder}/{name}")).collect()
    }

    /// The library of a name that it loads for the file at `path`: its path, links followed, and what is read of it.
    pub fn find(&self, path: &[u8], elf: &Elf, name: &str) -> Option<(Vec<u8>, Elf)> {
        let candidates = self.candidates(path, elf, name);
        candidates.iter().find_map(|candidate| {
            let Found::Entry(path, entry) = self.files.find(candidate) else {
                return None;
            };
            let library = parse(self.files.content(entry)?).ok()??;
            (library.machine == elf.machine).then_some((path, library))
        })
    }
}

/// Folders that a configuration of the loader names, `include`s followed.
fn configured(files: &Files<'_>, path: &str, depth: usize) -> Result<Vec<String>> {
    let mut folders = Vec::new();
    for line in files.text(path)?.unwrap_or_default().lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        match line.strip_prefix("include ") {
            Some(pattern) if depth > 0 => {
                let Some(folder) = pattern.trim().strip_suffix("/*.conf") else {
                    continue;
                };
                for (name, _) in files.list(folder) {
                    if name.ends_with(".conf") {
                        folders.extend(configured(files, &format!("{folder}/{name}"), depth - 1)?);
                    }
                }
            }
            _ if line.starts_with('/') => folders.push(line.to_owned()),
            _ => {}
        }
    }
    Ok(folders)
}
