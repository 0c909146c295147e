//! Plans a locked recipe: the list of stages, each with the key of its result. Pure: the same inputs give the same plan on
//! every machine.

use kindling_base::hash::Hasher;
use kindling_recipe::Initramfs;
use kindling_rootfs::overlay::OverlayKind;
use kindling_rootfs::{Exclusion, User};
use kindling_store::Store;

use crate::inputs::Inputs;
use crate::layers;
use crate::lock::{self, Locked, PinnedKernel};
use crate::stage::{self, Stage};
use crate::tools::Tools;

/// The stages of a build. Two plans with the same keys give the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The kernel's source, taken out of its package; `None` where no package has it.
    pub source: Option<Stage>,
    /// The tools that compile the kernel; `None` where it is compiled already.
    pub linux_tools: Option<Stage>,
    /// The tools that compile programs of the guest; `None` where there are none.
    pub rust_tools: Option<Stage>,
    /// The kernel.
    pub kernel: Stage,
    /// The initramfs; `None` where the kernel mounts the root itself.
    pub initramfs: Option<Stage>,
    /// Programs of ours in the root filesystem, in the recipe's order.
    pub programs: Vec<Stage>,
    /// The agent; `None` where the image has none.
    pub agent: Option<Stage>,
    /// The layers of the frozen package tree, the lowest first; a layer's key covers those below it.
    pub packages: Vec<Stage>,
    /// Packages of npm.
    pub npm: Vec<Stage>,
    /// The ext4 image.
    pub rootfs: Stage,
    /// The report on what would fail at boot.
    pub lint: Stage,
    /// The whole bundle.
    pub bundle: Stage,
}

impl Plan {
    /// The stages whose results the store keeps.
    pub fn stages(&self) -> impl Iterator<Item = &Stage> {
        [&self.kernel, &self.rootfs, &self.lint]
            .into_iter()
            .chain(&self.linux_tools)
            .chain(&self.rust_tools)
            .chain(&self.packages)
            .chain(&self.programs)
            .chain(&self.initramfs)
            .chain(&self.npm)
            .chain(&self.agent)
    }

    /// Marks results as used now: a bundle that is up to date keeps what it was made of from growing old.
    pub fn mark_used(&self, store: &Store) {
        for stage in self.stages() {
            let _ = stage.result(store);
        }
    }
}

/// Computes the plan.
pub fn plan(locked: &Locked, inputs: &Inputs, tools: &Tools) -> Plan {
    let linux_tools = tools.linux.as_ref();
    let linux_tools = linux_tools.map(|tools| tools.stage(stage::LINUX_TOOLS));
    let rust_tools = tools.rust.as_ref();
    let rust_tools = rust_tools.map(|tools| tools.stage(stage::RUST_TOOLS));
    let rust = rust_tools.as_ref().map_or("", |tools| &tools.key);
    let packages = packages_keys(locked);
    let tree = packages.last().map_or("", String::as_str);
    let kernel = kernel_key(locked, inputs, linux_tools.as_ref(), tree);
    let initramfs = initramfs_key(locked, inputs, rust, &kernel);
    let agent = agent_key(inputs, rust);
    let programs = programs_keys(inputs, rust);
    let rootfs = rootfs_key(locked, inputs, &programs, tree, agent.as_deref());
    let lint = lint_key(locked, &kernel, initramfs.as_deref(), &rootfs);
    let initramfs_or_none = initramfs.as_deref().unwrap_or("none");
    let parts = [&kernel, initramfs_or_none, &rootfs, &lint];
    let bundle = bundle_key(locked, inputs, tools, parts);
    let all = |name, keys: Vec<String>| keys.into_iter().map(|key| Stage::new(name, key)).collect();
    Plan {
        source: source_key(locked).map(|key| Stage::new(stage::SOURCE, key)),
        linux_tools,
        rust_tools,
        kernel: Stage::new(stage::KERNEL, kernel).with_artifact(kindling_kernel::FILE),
        initramfs: initramfs
            .map(|key| Stage::new(stage::INITRAMFS, key).with_artifact(kindling_initramfs::FILE)),
        programs: all(stage::PROGRAM, programs),
        agent: agent.map(|key| Stage::new(stage::AGENT, key)),
        npm: all(stage::NPM, npm_keys(locked)),
        packages: all(stage::PACKAGES, packages),
        rootfs: Stage::new(stage::ROOTFS, rootfs).with_artifact(kindling_rootfs::FILE),
        lint: Stage::new(stage::LINT, lint),
        bundle: Stage::new(stage::BUNDLE, bundle),
    }
}

/// The key of the kernel's source where a package holds it.
fn source_key(locked: &Locked) -> Option<String> {
    let PinnedKernel::Package { package } = &locked.lock.kernel else {
        return None;
    };
    let mut key = Hasher::new();
    key.field(kindling_kernel::CODE).field(&package.sha256);
    Some(key.finish())
}

/// `tree` is the key of the packages, of which a stock kernel is one.
fn kernel_key(locked: &Locked, inputs: &Inputs, tools: Option<&Stage>, tree: &str) -> String {
    let mut key = Hasher::new();
    if let PinnedKernel::Image { image } = &locked.lock.kernel {
        key.field(kindling_stock_kernel::CODE)
            .field(tree)
            .field(image);
        return key.finish();
    }
    key.field(kindling_kernel::CODE)
        .field(tools.map_or("", |tools| &tools.key))
        .field(epoch(locked));
    key.field(locked.lock.kernel.source_sha256().unwrap_or_default());
    for fragment in &inputs.fragments {
        key.field(&fragment.name).field(&fragment.text);
    }
    key.finish()
}

/// `kernel` is the kernel's key: modules of a stock kernel are in the archive, and a distribution's is made with it.
fn initramfs_key(locked: &Locked, inputs: &Inputs, tools: &str, kernel: &str) -> Option<String> {
    let mut key = Hasher::new();
    match locked.recipe.initramfs {
        Initramfs::None => return None,
        Initramfs::Distribution => {
            key.field("distribution")
                .field(kindling_stock_kernel::CODE)
                .field(kernel);
            return Some(key.finish());
        }
        Initramfs::Minimal => key.field(kindling_initramfs::CODE),
    };
    key.field(tools).field(epoch(locked));
    key.field(&inputs.initramfs);
    if let PinnedKernel::Image { .. } = locked.lock.kernel {
        key.field("modules").field(kernel);
    }
    Some(key.finish())
}

fn agent_key(inputs: &Inputs, tools: &str) -> Option<String> {
    let mut key = Hasher::new();
    key.field(kindling_programs::CODE)
        .field(tools)
        .field(inputs.agent.as_ref()?);
    Some(key.finish())
}

fn packages_keys(locked: &Locked) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for layer in layers::split(&locked.lock.packages) {
        let mut key = Hasher::new();
        key.field(kindling_debian_root::CODE).field(epoch(locked));
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

/// Packages with a malformed hash are skipped; fetching reports them.
fn npm_keys(locked: &Locked) -> Vec<String> {
    let packages = locked.lock.npm.iter();
    packages
        .filter_map(|package| kindling_npm_tree::key(package).ok())
        .collect()
}

fn programs_keys(inputs: &Inputs, tools: &str) -> Vec<String> {
    let programs = inputs.programs.iter();
    let keys = programs.map(|program| {
        let mut key = Hasher::new();
        key.field(kindling_programs::CODE)
            .field(tools)
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
    key.field(kindling_rootfs::CODE)
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
        let Exclusion {
            paths,
            keep,
            reason,
        } = &exclusion.value;
        key.field("exclude").field(reason);
        list(&mut key, paths);
        list(&mut key, keep);
    }
    for user in &locked.recipe.rootfs.users {
        let User {
            name,
            uid,
            comment,
            home,
            shell,
            groups,
        } = &user.value;
        key.field("user").field(name).field(uid.to_le_bytes());
        key.field(comment).field(shell);
        list(&mut key, home.as_slice());
        list(&mut key, groups);
    }
    key.finish()
}

fn lint_key(locked: &Locked, kernel: &str, initramfs: Option<&str>, rootfs: &str) -> String {
    let recipe = &locked.recipe;
    let mut key = Hasher::new();
    key.field(kindling_lint_stage::CODE)
        .field(kernel)
        .field(initramfs.unwrap_or("none"))
        .field(rootfs)
        .field(&recipe.kernel.cmdline.value)
        .field(recipe.vm.memory_mib.to_le_bytes())
        .field([u8::from(recipe.vm.network)]);
    for package in &recipe.rootfs.packages {
        key.field("package").field(&package.value);
    }
    for waiver in &recipe.lint {
        let waiver = &waiver.value;
        key.field(&waiver.rule)
            .field(waiver.path.as_deref().unwrap_or(""))
            .field([u8::from(waiver.path.is_some())])
            .field(&waiver.reason);
    }
    key.finish()
}

fn bundle_key(locked: &Locked, inputs: &Inputs, tools: &Tools, stages: [&str; 4]) -> String {
    let recipe = &locked.recipe;
    let mut key = Hasher::new();
    key.field(kindling_publish::CODE);
    key.field(recipe.image.epoch_s.to_le_bytes());
    key.field(&inputs.recipe).field(lock::sha256(&locked.lock));
    for tools in tools.iter() {
        key.field("tools").field(&tools.lock_sha256);
    }
    for (name, sha256) in &inputs.keyrings {
        key.field("keyring").field(name).field(sha256);
    }
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

/// Adds a list, so that no other list has the same fields.
fn list(key: &mut Hasher, items: &[String]) {
    key.field((items.len() as u64).to_le_bytes());
    for item in items {
        key.field(item);
    }
}
