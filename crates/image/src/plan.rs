//! From a locked recipe to the list of stages, each with the key of its result. Pure: reads no clock,
//! runs nothing, and prints the same on every machine with the same inputs.

use kindling_base::hash::Hasher;
use kindling_store::Store;

use crate::inputs::Inputs;
use crate::layers;
use crate::lock::{self, Locked, PinnedKernel};
use crate::overlay::OverlayKind;
use crate::recipe::Initramfs;

/// Names of the stages, as events and the store show them.
pub mod stage {
    /// Downloads of .debs and the kernel's source.
    pub const DOWNLOAD: &str = "download";
    /// The kernel.
    pub const KERNEL: &str = "kernel";
    /// PID 1 and its cpio.
    pub const INITRAMFS: &str = "initramfs";
    /// Programs of this project for the guest.
    pub const PROGRAM: &str = "program";
    /// The guest's agent.
    pub const AGENT: &str = "agent";
    /// Unpacked and configured packages, frozen.
    pub const PACKAGES: &str = "packages";
    /// A package of npm, checked and unzipped.
    pub const NPM: &str = kindling_npm_tree::STAGE;
    /// The ext4 image.
    pub const ROOTFS: &str = "rootfs";
    /// What would fail at boot, looked for on the finished tree.
    pub const LINT: &str = "lint";
    /// The folder that a launcher gets.
    pub const BUNDLE: &str = "bundle";
}

/// What will be made. Two plans with the same keys give the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Key of the kernel.
    pub kernel: String,
    /// Key of the initramfs; `None` where the kernel mounts the root itself.
    pub initramfs: Option<String>,
    /// Key of each program of ours in the root filesystem, in the recipe's order.
    pub programs: Vec<String>,
    /// Key of the agent; `None` where the image has none.
    pub agent: Option<String>,
    /// Key of each layer of the frozen package tree, the lowest first; a layer's key covers those below it.
    pub packages: Vec<String>,
    /// Key of each package of npm.
    pub npm: Vec<String>,
    /// Key of the ext4 image.
    pub rootfs: String,
    /// Key of the report on what would fail at boot.
    pub lint: String,
    /// Key of the whole bundle.
    pub bundle: String,
}

impl Plan {
    /// The stages whose results the store keeps, each with its key.
    pub fn stages(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let always = [
            (stage::KERNEL, self.kernel.as_str()),
            (stage::ROOTFS, &self.rootfs),
            (stage::LINT, &self.lint),
        ];
        let initramfs = self.initramfs.as_deref();
        let packages = self.packages.iter();
        let npm = self.npm.iter();
        always
            .into_iter()
            .chain(packages.map(|key| (stage::PACKAGES, key.as_str())))
            .chain(
                self.programs
                    .iter()
                    .map(|key| (stage::PROGRAM, key.as_str())),
            )
            .chain(initramfs.map(|key| (stage::INITRAMFS, key)))
            .chain(npm.map(|key| (stage::NPM, key.as_str())))
            .chain(self.agent.as_deref().map(|key| (stage::AGENT, key)))
    }

    /// Marks results as used now: a bundle that is up to date keeps what it was made of from growing old.
    pub fn mark_used(&self, store: &Store) {
        for (stage, key) in self.stages() {
            let _ = store.stage(stage, key);
        }
    }
}

/// Computes the plan.
pub fn plan(locked: &Locked, inputs: &Inputs) -> Plan {
    let packages = packages_keys(locked);
    let tree = packages.last().map_or("", String::as_str);
    let kernel = kernel_key(locked, inputs, tree);
    let initramfs = initramfs_key(locked, inputs, &kernel);
    let agent = agent_key(inputs);
    let programs = programs_keys(inputs);
    let rootfs = rootfs_key(locked, inputs, &programs, tree, agent.as_deref());
    let lint = lint_key(locked, &kernel, initramfs.as_deref(), &rootfs);
    let bundle = bundle_key(
        locked,
        inputs,
        [
            &kernel,
            initramfs.as_deref().unwrap_or("none"),
            &rootfs,
            &lint,
        ],
    );
    Plan {
        kernel,
        initramfs,
        programs,
        agent,
        packages,
        npm: npm_keys(locked),
        rootfs,
        lint,
        bundle,
    }
}

/// `tree` is the key of the packages, of which a stock kernel is one.
fn kernel_key(locked: &Locked, inputs: &Inputs, tree: &str) -> String {
    let mut key = Hasher::new();
    if let PinnedKernel::Image { image } = &locked.lock.kernel {
        key.field(env!("KINDLING_CODE_STOCK"))
            .field(tree)
            .field(image);
        return key.finish();
    }
    key.field(env!("KINDLING_CODE_KERNEL"))
        .field(&inputs.compiler)
        .field(epoch(locked));
    key.field(locked.lock.kernel.source_sha256().unwrap_or_default());
    for fragment in &inputs.fragments {
        key.field(&fragment.name).field(&fragment.text);
    }
    key.finish()
}

/// `kernel` is the kernel's key: modules of a stock kernel are in the archive, and a distribution's is made with it.
fn initramfs_key(locked: &Locked, inputs: &Inputs, kernel: &str) -> Option<String> {
    let mut key = Hasher::new();
    match locked.recipe.initramfs {
        Initramfs::None => return None,
        Initramfs::Distribution => {
            key.field("distribution").field(kernel);
            return Some(key.finish());
        }
        Initramfs::Minimal => key.field(env!("KINDLING_CODE_INITRAMFS")),
    };
    key.field(&inputs.rustc).field(epoch(locked));
    key.field(&inputs.initramfs);
    if let PinnedKernel::Image { .. } = locked.lock.kernel {
        key.field("modules").field(kernel);
    }
    Some(key.finish())
}

fn agent_key(inputs: &Inputs) -> Option<String> {
    let mut key = Hasher::new();
    key.field(env!("KINDLING_CODE_AGENT"))
        .field(&inputs.rustc)
        .field(&inputs.compiler)
        .field(inputs.agent.as_ref()?);
    Some(key.finish())
}

fn packages_keys(locked: &Locked) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for layer in layers::split(&locked.lock.packages) {
        let mut key = Hasher::new();
        key.field(env!("KINDLING_CODE_PACKAGES"))
            .field(epoch(locked));
        if let Some(below) = keys.last() {
            key.field("above").field(below);
        }
        for package in layer {
            key.field(&package.name).field(&package.sha256);
        }
        keys.push(key.finish());
    }
    keys
}

/// A hash that is none has no key; fetching tells what is wrong with it.
fn npm_keys(locked: &Locked) -> Vec<String> {
    let packages = locked.lock.npm.iter();
    packages
        .filter_map(|package| kindling_npm_tree::key(package).ok())
        .collect()
}

fn programs_keys(inputs: &Inputs) -> Vec<String> {
    let programs = inputs.programs.iter();
    let keys = programs.map(|program| {
        let mut key = Hasher::new();
        key.field(env!("KINDLING_CODE_PROGRAM"))
            .field(&inputs.rustc)
            .field(&program.name)
            .field(&program.sources);
        key.finish()
    });
    keys.collect()
}

fn rootfs_key(
    locked: &Locked,
    inputs: &Inputs,
    programs: &[String],
    packages: &str,
    agent: Option<&str>,
) -> String {
    let mut key = Hasher::new();
    key.field(env!("KINDLING_CODE_ROOTFS"))
        .field(epoch(locked))
        .field(packages);
    key.field(&locked.recipe.name)
        .field(locked.recipe.rootfs.free_mib.to_le_bytes());
    for package in &locked.lock.npm {
        key.field("npm")
            .field(&package.path)
            .field(&package.integrity);
    }
    if let Some(agent) = agent {
        key.field("agent").field(agent);
    }
    for entry in &inputs.overlays {
        let (kind, content): (&str, &[u8]) = match &entry.kind {
            OverlayKind::Directory => ("directory", b""),
            OverlayKind::File(bytes) => ("file", bytes),
            OverlayKind::Symlink(target) => ("symlink", target),
        };
        key.field(&entry.path)
            .field(kind)
            .field(content)
            .field(entry.mode.to_le_bytes());
        key.field(entry.uid.to_le_bytes())
            .field(entry.gid.to_le_bytes())
            .field([u8::from(entry.listed)])
            .field(entry.diverted.as_deref().unwrap_or(b""));
    }
    for program in programs {
        key.field("program").field(program);
    }
    for exclusion in &locked.recipe.rootfs.exclude {
        key.field(format!("{:?}", exclusion.value));
    }
    for user in &locked.recipe.rootfs.users {
        key.field(format!("{:?}", user.value));
    }
    key.finish()
}

fn lint_key(locked: &Locked, kernel: &str, initramfs: Option<&str>, rootfs: &str) -> String {
    let recipe = &locked.recipe;
    let mut key = Hasher::new();
    key.field(env!("KINDLING_CODE_LINT"))
        .field(kernel)
        .field(initramfs.unwrap_or("none"))
        .field(rootfs)
        .field(&recipe.kernel.cmdline.value)
        .field(recipe.vm.memory_mib.to_le_bytes())
        .field([u8::from(recipe.vm.network)]);
    for waiver in &recipe.lint {
        let waiver = &waiver.value;
        key.field(&waiver.rule)
            .field(waiver.path.as_deref().unwrap_or(""))
            .field([u8::from(waiver.path.is_some())])
            .field(&waiver.reason);
    }
    key.finish()
}

fn bundle_key(locked: &Locked, inputs: &Inputs, stages: [&str; 4]) -> String {
    let recipe = &locked.recipe;
    let mut key = Hasher::new();
    key.field(env!("KINDLING_CODE_BUNDLE"));
    key.field(recipe.image.epoch_s.to_le_bytes());
    key.field(&inputs.recipe).field(lock::sha256(&locked.lock));
    for stage in stages {
        key.field(stage);
    }
    key.field(&recipe.name)
        .field(&recipe.image.description)
        .field(&recipe.kernel.cmdline.value);
    key.field(recipe.vm.vcpus.to_le_bytes())
        .field(recipe.vm.memory_mib.to_le_bytes());
    key.field([u8::from(recipe.vm.network)]);
    key.field(&recipe.ready.marker)
        .field(recipe.ready.timeout_s.to_le_bytes());
    key.field(kindling_bundle::SCHEMA.to_le_bytes());
    key.finish()
}

fn epoch(locked: &Locked) -> [u8; 4] {
    locked.recipe.image.epoch_s.to_le_bytes()
}
