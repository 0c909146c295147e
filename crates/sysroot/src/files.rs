//! Looking files up as the guest will: through symbolic and hard links, and on its PATH.

use kindling_base::Result;
use kindling_tree::{Content, Entry, Kind, Tree};

/// Where systemd looks for a program without a slash (`systemd-path search-binaries-default`), and shells as well.
const PATH: [&str; 6] = [
    "usr/local/sbin",
    "usr/local/bin",
    "usr/sbin",
    "usr/bin",
    "sbin",
    "bin",
];
/// Folders that are filled at run time: nothing can be said of what is below them.
const RUNTIME: [&str; 5] = ["run", "proc", "sys", "dev", "tmp"];
/// As many links as Linux follows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// The files of an image.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a>(pub &'a Tree);

/// The thing at a path.
#[derive(Clone, Debug)]
pub enum Found<'a> {
    /// A file or folder, with its path when all links are followed.
    Entry(Vec<u8>, &'a Entry),
    /// Nothing. The path is what does not exist, links followed until there.
    Nothing(Vec<u8>),
    /// Something that only exists while the guest runs.
    AtRunTime,
}

impl<'a> Files<'a> {
    /// Looks up a path, with or without a leading slash.
    pub fn find(&self, path: &str) -> Found<'a> {
        self.follow(path.as_bytes().to_vec(), MAX_LINKS)
    }

    fn follow(&self, path: Vec<u8>, links: usize) -> Found<'a> {
        let mut done: Vec<u8> = Vec::new();
        let mut rest: Vec<Vec<u8>> = parts(&path).rev().map(<[u8]>::to_vec).collect();
        let mut links = links;
        while let Some(part) = rest.pop() {
            if part == b".." {
                let end = done.iter().rposition(|&b| b == b'/').unwrap_or(0);
                done.truncate(end);
                continue;
            }
            let parent = done.len();
            if parent > 0 {
                done.push(b'/');
            }
            done.extend(&part);
            if RUNTIME.iter().any(|name| done == name.as_bytes()) {
                return Found::AtRunTime;
            }
            match self.0.get(&done).map(|entry| &entry.kind) {
                None => {
                    for part in rest.iter().rev() {
                        done.push(b'/');
                        done.extend(part);
                    }
                    return Found::Nothing(done);
                }
                Some(Kind::Symlink(target)) => {
                    if links == 0 {
                        return Found::Nothing(done);
                    }
                    links -= 1;
                    done.truncate(if target.starts_with(b"/") { 0 } else { parent });
                    rest.extend(parts(target).rev().map(<[u8]>::to_vec));
                }
                Some(_) => {}
            }
        }
        match self.0.get(&done) {
            Some(entry) => Found::Entry(done, entry),
            None => Found::Nothing(done),
        }
    }

    /// The path of an entry, the links of its folder followed, without a leading slash; whether or not there is such an entry.
    /// `None` where its folder is not in the image.
    pub fn placed(&self, path: &str) -> Option<Vec<u8>> {
        let (folder, name) = path.trim_end_matches('/').rsplit_once('/')?;
        let Found::Entry(mut real, _) = self.find(folder) else {
            return None;
        };
        if !real.is_empty() {
            real.push(b'/');
        }
        real.extend(name.as_bytes());
        Some(real)
    }

    /// Looks a program up on the PATH; its path if there is one that can be executed.
    pub fn on_path(&self, program: &str) -> Option<String> {
        let candidates = PATH.iter().map(|folder| format!("/{folder}/{program}"));
        candidates.into_iter().find(|path| self.is_program(path))
    }

    /// Whether a path leads to a regular file that can be executed.
    pub fn is_program(&self, path: &str) -> bool {
        matches!(self.find(path), Found::Entry(_, entry) if self.is_executable(entry))
    }

    /// Whether something is or may be at a path.
    pub fn may_exist(&self, path: &str) -> bool {
        !matches!(self.find(path), Found::Nothing(_))
    }

    /// Whether an entry is a regular file that its owner may execute.
    pub fn is_executable(&self, entry: &Entry) -> bool {
        match &entry.kind {
            Kind::File(_) => entry.mode & 0o111 != 0,
            Kind::HardLink(target) => self.0.get(target).is_some_and(|e| e.mode & 0o111 != 0),
            _ => false,
        }
    }

    /// The content of a regular file; `None` for anything else.
    pub fn content(&self, entry: &'a Entry) -> Option<&'a Content> {
        match &entry.kind {
            Kind::File(content) => Some(content),
            Kind::HardLink(target) => match &self.0.get(target)?.kind {
                Kind::File(content) => Some(content),
                _ => None,
            },
            _ => None,
        }
    }

    /// The text of the file that a path leads to, `None` if there is none. Bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn text(&self, path: &str) -> Result<Option<String>> {
        let Found::Entry(_, entry) = self.find(path) else {
            return Ok(None);
        };
        let Some(content) = self.content(entry) else {
            return Ok(None);
        };
        Ok(Some(String::from_utf8_lossy(&content.read()?).into_owned()))
    }

    /// Entries directly in a folder (through links), sorted, with their names.
    pub fn list(&self, folder: &str) -> Vec<(String, &'a Entry)> {
        let Found::Entry(path, _) = self.find(folder) else {
            return Vec::new();
        };
        let mut prefix = path;
        if !prefix.is_empty() {
            prefix.push(b'/');
        }
        let below = self.0.iter_from(&prefix);
        let below = below.take_while(|(path, _)| path.starts_with(&prefix));
        let names = below.filter_map(|(path, entry)| {
            let name = &path[prefix.len()..];
            let is_direct = !name.is_empty() && !name.contains(&b'/');
            is_direct.then(|| (String::from_utf8_lossy(name).into_owned(), entry))
        });
        names.collect()
    }
}

/// A path of the tree as people write it.
pub fn shown(path: &[u8]) -> String {
    format!("/{}", String::from_utf8_lossy(path))
}

fn parts(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&b| b == b'/')
        .filter(|part| !part.is_empty() && part != b".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_testkit::Root;

    #[test]
    fn links_are_followed_as_the_guest_does() {
        let plan = Root::new()
            .link("bin", "usr/bin")
            .program("usr/bin/dash", "x")
            .link("usr/bin/sh", "dash")
            .link("etc/sh", "/bin/sh")
            .link("etc/up", "../../../bin/sh")
            .link("etc/loop", "loop")
            .link("etc/late", "/run/x");
        let tree = plan.tree();
        let files = Files(&tree);
        for path in ["/bin/sh", "etc/sh", "/etc/up", "/usr/../bin/./sh"] {
            assert!(files.is_program(path), "{path}");
        }
        assert!(matches!(files.find("/etc/loop"), Found::Nothing(_)));
        assert!(matches!(files.find("/etc/late"), Found::AtRunTime));
        assert_eq!(files.on_path("sh").as_deref(), Some("/usr/bin/sh"));
        let placed = |path: &str| files.placed(path).map(|path| shown(&path));
        assert_eq!(placed("/bin/sh").as_deref(), Some("/usr/bin/sh"));
        assert_eq!(placed("/bin/none").as_deref(), Some("/usr/bin/none"));
        assert_eq!(placed("/top").as_deref(), Some("/top"));
        assert_eq!(placed("/none/x"), None);
        let names: Vec<String> = files.list("/bin").into_iter().map(|(n, _)| n).collect();
        assert_eq!(names, ["dash", "sh"]);
    }
}
