//! Small root filesystems: a sound one, and ways to break it.

use std::collections::BTreeMap;

use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};

/// The entries of a root filesystem, parents left out.
#[derive(Clone, Debug, Default)]
pub struct Root {
    entries: BTreeMap<String, (u16, Kind)>,
}

impl Root {
    /// A root without a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// A root with systemd that boots into a target with nothing wrong.
    pub fn bootable() -> Self {
        Self::new()
            .program("usr/lib/systemd/systemd", "#!/bin/sh\n")
            .program("usr/bin/sh", "#!/bin/sh\n")
            .link("bin", "usr/bin")
            .file("etc/passwd", "root:x:0:0::/root:/bin/sh\n")
            .file("etc/group", "root:x:0:\n")
            .link("usr/lib/systemd/system/default.target", "multi-user.target")
            .unit("multi-user.target", "[Unit]\nRequires=basic.target\nAfter=basic.target\n")
            .unit("basic.target", "[Unit]\nRequires=sysinit.target\nWants=sockets.target\nAfter=sysinit.target sockets.target\n")
            .unit("sockets.target", "[Unit]\nDescription=Sockets\n")
            .unit("sysinit.target", "[Unit]\nDefaultDependencies=no\n")
    }

    /// Adds a file of mode 0644.
    pub fn file(self, path: &str, text: &str) -> Self {
        self.entry(
            path,
            0o644,
            Kind::File(Content::Bytes(text.as_bytes().into())),
        )
    }

    /// Adds a file of this mode.
    pub fn bytes(self, path: &str, mode: u16, bytes: &[u8]) -> Self {
        self.entry(path, mode, Kind::File(Content::Bytes(bytes.into())))
    }

    /// Adds a file of mode 0755.
    pub fn program(self, path: &str, text: &str) -> Self {
        self.entry(
            path,
            0o755,
            Kind::File(Content::Bytes(text.as_bytes().into())),
        )
    }

    /// Adds a symbolic link.
    pub fn link(self, path: &str, target: &str) -> Self {
        self.entry(path, 0o777, Kind::Symlink(target.as_bytes().to_vec()))
    }

    /// A unit of the system.
    pub fn unit(self, name: &str, text: &str) -> Self {
        self.file(&format!("usr/lib/systemd/system/{name}"), text)
    }

    /// A unit that `multi-user.target` wants.
    pub fn enabled(self, name: &str, text: &str) -> Self {
        self.unit(name, text).link(
            &format!("etc/systemd/system/multi-user.target.wants/{name}"),
            &format!("/usr/lib/systemd/system/{name}"),
        )
    }

    /// Takes a file away.
    pub fn without(mut self, path: &str) -> Self {
        self.entries.remove(path);
        self
    }

    fn entry(mut self, path: &str, mode: u16, kind: Kind) -> Self {
        self.entries.insert(path.into(), (mode, kind));
        self
    }

    /// Its tree, parents added.
    pub fn tree(&self) -> Tree {
        let mut tree = Tree::new(Timestamp::default());
        for (path, (mode, kind)) in &self.entries {
            tree.make_parents(path.as_bytes(), Timestamp::default())
                .unwrap();
            let entry = Entry::new(kind.clone(), *mode, Timestamp::default());
            tree.insert(path.as_bytes(), entry).unwrap();
        }
        tree
    }
}
