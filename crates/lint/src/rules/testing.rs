//! Small images for tests: a sound one, and ways to break it.

use std::collections::BTreeMap;

use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};

use crate::{Image, Initramfs, Kernel};

/// What an image of a test is made of.
#[derive(Clone)]
pub(crate) struct Plan {
    entries: BTreeMap<String, (u16, Kind)>,
    config: BTreeMap<String, String>,
    pub(crate) kernel_head: Vec<u8>,
    pub(crate) initramfs: Option<Initramfs>,
    cmdline: String,
    pub(crate) memory_mib: u32,
    pub(crate) network: bool,
}

impl Plan {
    /// An empty tree on a sound kernel.
    pub(crate) fn new() -> Self {
        let mut kernel_head = b"\x7fELF\x02\x01\x01".to_vec();
        kernel_head.resize(64, 0);
        kernel_head[18] = 62;
        let on = "VIRTIO_PCI VIRTIO_MMIO VIRTIO_BLK VIRTIO_NET VIRTIO_CONSOLE PVH EXT4_FS BLK_DEV_INITRD VT_CONSOLE \
                  SERIAL_8250_CONSOLE DEVTMPFS CGROUPS INOTIFY_USER SIGNALFD TIMERFD EPOLL UNIX SYSFS PROC_FS FHANDLE TMPFS \
                  NET BINFMT_ELF BINFMT_SCRIPT";
        Self {
            entries: BTreeMap::new(),
            config: on
                .split_whitespace()
                .map(|o| (o.into(), "y".into()))
                .collect(),
            kernel_head,
            initramfs: Some(Initramfs::default()),
            cmdline: "console=ttyS0 root=/dev/vda rootfstype=ext4 rw".into(),
            memory_mib: 512,
            network: false,
        }
    }

    /// A tree with systemd that boots into a target with nothing wrong.
    pub(crate) fn bootable() -> Self {
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

    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.entry(
            path,
            0o644,
            Kind::File(Content::Bytes(text.as_bytes().into())),
        )
    }

    pub(crate) fn bytes(self, path: &str, mode: u16, bytes: &[u8]) -> Self {
        self.entry(path, mode, Kind::File(Content::Bytes(bytes.into())))
    }

    pub(crate) fn program(self, path: &str, text: &str) -> Self {
        self.entry(
            path,
            0o755,
            Kind::File(Content::Bytes(text.as_bytes().into())),
        )
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        self.entry(path, 0o777, Kind::Symlink(target.as_bytes().to_vec()))
    }

    /// A unit of the system.
    pub(crate) fn unit(self, name: &str, text: &str) -> Self {
        self.file(&format!("usr/lib/systemd/system/{name}"), text)
    }

    /// A unit that `multi-user.target` wants.
    pub(crate) fn enabled(self, name: &str, text: &str) -> Self {
        self.unit(name, text).link(
            &format!("etc/systemd/system/multi-user.target.wants/{name}"),
            &format!("/usr/lib/systemd/system/{name}"),
        )
    }

    pub(crate) fn config(mut self, option: &str, value: &str) -> Self {
        self.config.insert(option.into(), value.into());
        self
    }

    pub(crate) fn module(mut self, name: &str) -> Self {
        self.initramfs
            .get_or_insert_default()
            .modules
            .push(name.into());
        self
    }

    pub(crate) fn no_initramfs(mut self) -> Self {
        self.initramfs = None;
        self
    }

    pub(crate) fn cmdline(mut self, text: &str) -> Self {
        self.cmdline = text.into();
        self
    }

    fn entry(mut self, path: &str, mode: u16, kind: Kind) -> Self {
        self.entries.insert(path.into(), (mode, kind));
        self
    }

    /// Its tree, parents added.
    pub(crate) fn tree(&self) -> Tree {
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

/// What a rule finds, as `PATH: PROBLEM`.
pub(crate) fn problems(rule: &str, plan: &Plan) -> Vec<String> {
    assert!(crate::find(rule).is_some(), "there is no rule {rule}");
    let tree = plan.tree();
    let lines: Vec<String> = plan
        .config
        .iter()
        .filter(|(_, value)| *value != "n")
        .map(|(name, value)| format!("CONFIG_{name}={value}\n"))
        .collect();
    let image = Image {
        tree: &tree,
        kernel: Kernel {
            config: &lines.concat(),
            head: &plan.kernel_head,
            bytes: 16 << 20,
        },
        initramfs: plan.initramfs.clone(),
        cmdline: &plan.cmdline,
        memory_mib: plan.memory_mib,
        network: plan.network,
    };
    let found = crate::check(&image).unwrap();
    let found = found.into_iter().filter(|finding| finding.rule == rule);
    found
        .map(|f| format!("{}: {}", f.path, f.problem))
        .collect()
}
