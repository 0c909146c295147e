//! Small images for tests: a sound one, and ways to break it.

use std::collections::BTreeMap;

use kindling_testkit::Root;

use crate::{Image, Initramfs, Kernel};

/// The parts of an image for a test.
#[derive(Clone)]
pub(crate) struct Plan {
    root: Root,
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
            root: Root::new(),
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

    /// A root with systemd that boots into a target with nothing wrong.
    pub(crate) fn bootable() -> Self {
        let mut plan = Self::new();
        plan.root = Root::bootable();
        plan
    }

    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.with(|root| root.file(path, text))
    }

    pub(crate) fn bytes(self, path: &str, mode: u16, bytes: &[u8]) -> Self {
        self.with(|root| root.bytes(path, mode, bytes))
    }

    pub(crate) fn program(self, path: &str, text: &str) -> Self {
        self.with(|root| root.program(path, text))
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        self.with(|root| root.link(path, target))
    }

    /// A unit of the system.
    pub(crate) fn unit(self, name: &str, text: &str) -> Self {
        self.with(|root| root.unit(name, text))
    }

    /// A unit that `multi-user.target` wants.
    pub(crate) fn enabled(self, name: &str, text: &str) -> Self {
        self.with(|root| root.enabled(name, text))
    }

    fn with(mut self, change: impl FnOnce(Root) -> Root) -> Self {
        self.root = change(self.root);
        self
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
}

/// The findings of a rule, each as `PATH: PROBLEM`.
pub(crate) fn problems(rule: &str, plan: &Plan) -> Vec<String> {
    assert!(crate::find(rule).is_some(), "there is no rule {rule}");
    let tree = plan.root.tree();
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
