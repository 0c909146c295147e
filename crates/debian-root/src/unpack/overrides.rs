//! The tree's own rules for packages that are unpacked into it: accounts, diversions, overrides.

use std::collections::HashMap;

use kindling_base::Result;

use crate::root::Root;

/// Everything of a tree that changes where and how files are unpacked.
#[derive(Debug, Default)]
pub(crate) struct Overrides {
    users: HashMap<String, u32>,
    groups: HashMap<String, u32>,
    /// Diversions by path: the other path, and the package that still gets the original.
    diversions: HashMap<String, (String, String)>,
    /// Owner, group and mode by path.
    modes: HashMap<String, (u32, u32, u16)>,
}

impl Overrides {
    /// Reads `/etc/passwd`, `/etc/group` and dpkg's lists; each may be missing.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub(crate) fn read(root: &Root) -> Result<Self> {
        let text = |path: &str| -> Result<String> {
            let bytes = root.read(path)?.unwrap_or_default();
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let mut overrides = Self {
            users: ids(&text("etc/passwd")?),
            groups: ids(&text("etc/group")?),
            ..Self::default()
        };
        // dpkg-divert(1): three lines each, the path, the new path and the package or `:`.
        let diversions = text("var/lib/dpkg/diversions")?;
        let lines: Vec<&str> = diversions.lines().collect();
        for [from, to, package] in lines.as_chunks().0 {
            let plain = |path: &str| path.trim_start_matches('/').to_owned();
            let entry = (plain(to), (*package).to_owned());
            overrides.diversions.insert(plain(from), entry);
        }
        // dpkg-statoverride(1): `owner group mode path`, ids as `#number`.
        for line in text("var/lib/dpkg/statoverride")?.lines() {
            let mut words = line.splitn(4, ' ');
            let parsed = (|| {
                let user = overrides.user(words.next()?)?;
                let group = overrides.group(words.next()?)?;
                let mode = u16::from_str_radix(words.next()?, 8).ok()? & 0o7777;
                Some((
                    words.next()?.strip_prefix('/')?.to_owned(),
                    (user, group, mode),
                ))
            })();
            if let Some((path, attributes)) = parsed {
                overrides.modes.insert(path, attributes);
            }
        }
        Ok(overrides)
    }

    /// The id of a user by name or as `#number`.
    pub(crate) fn user(&self, name: &str) -> Option<u32> {
        find(&self.users, name)
    }

    /// The id of a group by name or as `#number`.
    pub(crate) fn group(&self, name: &str) -> Option<u32> {
        find(&self.groups, name)
    }

    /// The path to which another package diverts `path` of `package`.
    pub(crate) fn diverted(&self, path: &[u8], package: &str) -> Option<&str> {
        let path = std::str::from_utf8(path).ok()?;
        let (to, owner) = self.diversions.get(path)?;
        (owner != package).then_some(to.as_str())
    }

    /// Owner, group and mode that the administrator of the tree gave to `path`.
    pub(crate) fn attributes(&self, path: &[u8]) -> Option<(u32, u32, u16)> {
        self.modes.get(std::str::from_utf8(path).ok()?).copied()
    }
}

/// Names and ids of passwd(5) or group(5): the first and the third field.
fn ids(text: &str) -> HashMap<String, u32> {
    let parse = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some((name, fields.nth(1)?.parse().ok()?))
    };
    text.lines().filter_map(parse).collect()
}

fn find(ids: &HashMap<String, u32>, name: &str) -> Option<u32> {
    match name.strip_prefix('#') {
        Some(number) => number.parse().ok(),
        None => ids.get(name).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_diversions_and_overrides_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let root = Root::open(folder.path()).unwrap();
        assert!(Overrides::read(&root).unwrap().user("root").is_none());
        write(
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nman:*:6:12::/:\nodd\n",
        );
        write("etc/group", "root:x:0:\nbus:x:101:\n");
        write(
            "var/lib/dpkg/diversions",
            "/bin/sh\n/bin/sh.distrib\ndash\n/a\n/b\n:\n",
        );
        write(
            "var/lib/dpkg/statoverride",
            "root bus 4754 /usr/lib/helper\nnobody bus 1 /x\n#7 #8 755 /y z\n",
        );
        let read = Overrides::read(&root).unwrap();
        assert_eq!((read.user("man"), read.user("odd")), (Some(6), None));
        assert_eq!(read.diverted(b"bin/sh", "bash"), Some("bin/sh.distrib"));
        assert_eq!(read.diverted(b"bin/sh", "dash"), None);
        assert_eq!(read.diverted(b"a", "any"), Some("b"));
        assert_eq!(read.attributes(b"usr/lib/helper"), Some((0, 101, 0o4754)));
        assert_eq!(read.attributes(b"x"), None);
        assert_eq!(read.attributes(b"y z"), Some((7, 8, 0o755)));
    }
}
