//! Small images for tests: a sound one, and ways to break it.

use std::collections::{BTreeMap, BTreeSet};

use kindling_testkit::Root;

use crate::{Finding, Image, Initramfs, Kernel, Severity};

/// The parts of an image for a test.
#[derive(Clone)]
pub(crate) struct Plan {
    root: Root,
    config: BTreeMap<String, String>,
    pub(crate) kernel_head: Vec<u8>,
    pub(crate) initramfs: Option<Initramfs>,
    cmdline: String,
    packaged: BTreeSet<Vec<u8>>,
    status: String,
    requested: Vec<String>,
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
            packaged: BTreeSet::new(),
            status: String::new(),
            requested: Vec::new(),
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

    /// Makes a package of dpkg's of all that is in the plan so far and of no package; `control` are more of its fields.
    pub(crate) fn package(mut self, name: &str, control: &str) -> Self {
        let tree = self.root.tree();
        let mut list = String::new();
        for (path, _) in tree.iter() {
            if self.packaged.insert(path.to_vec()) {
                list += &format!("{}\n", kindling_sysroot::shown(path));
            }
        }
        self.status += &format!("Package: {name}\nStatus: install ok installed\n{control}\n");
        let status = self.status.clone();
        self.file(&format!("var/lib/dpkg/info/{name}.list"), &list)
            .file("var/lib/dpkg/status", &status)
    }

    /// Says of all that is in the plan so far and of no package that a package made it when it was configured.
    pub(crate) fn made(mut self) -> Self {
        let tree = self.root.tree();
        self.packaged
            .extend(tree.iter().map(|(path, _)| path.to_vec()));
        self
    }

    /// Takes a file away, as an exclusion of a recipe does; dpkg's lists still have it.
    pub(crate) fn without(self, path: &str) -> Self {
        self.with(|root| root.without(path))
    }

    /// Names a package that the recipe asks for.
    pub(crate) fn requested(mut self, name: &str) -> Self {
        self.requested.push(name.into());
        self
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

/// The findings of a rule that fail a build, each as `PATH: PROBLEM`.
pub(crate) fn problems(rule: &str, plan: &Plan) -> Vec<String> {
    of(rule, plan, Severity::Error)
        .map(|f| format!("{}: {}", f.path, f.problem))
        .collect()
}

/// The findings of a rule that are told and fail nothing.
pub(crate) fn warnings(rule: &str, plan: &Plan) -> Vec<String> {
    of(rule, plan, Severity::Warning)
        .map(|f| f.to_string())
        .collect()
}

/// The notes of a rule, each with what would mend it.
pub(crate) fn notes(rule: &str, plan: &Plan) -> Vec<String> {
    of(rule, plan, Severity::Note)
        .map(|f| f.to_string())
        .collect()
}

fn of(rule: &str, plan: &Plan, severity: Severity) -> impl Iterator<Item = Finding> {
    assert!(crate::find(rule).is_some(), "there is no rule {rule}");
    let rule = rule.to_owned();
    let found = findings(plan).into_iter();
    found.filter(move |f| f.rule == rule && f.severity == severity)
}

fn findings(plan: &Plan) -> Vec<Finding> {
    let tree = plan.root.tree();
    let own = tree.iter().map(|(path, _)| path.to_vec());
    let own = own.filter(|path| !plan.packaged.contains(path)).collect();
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
        own: &own,
        requested: &plan.requested,
    };
    crate::check(&image).unwrap()
}
