//! Build tools: the lists in `tools/`, each locked, and the key of the root that their packages make.

mod lock;
mod resolve;

use std::path::PathBuf;

use kindling_base::hash::Hasher;
use kindling_base::{Reporter, Result};
use kindling_recipe::{Initramfs, KernelSource, Recipe, ToolsSpec};

use crate::resolve::{Policy, Sources};
use crate::stage::Stage;

pub use lock::ToolsLock;
pub use resolve::resolve;

/// The tools that compile Linux.
pub const LINUX: &str = "linux";

/// The tools that compile programs for the guest.
pub const RUST: &str = "rust";

/// A list of tools with every package pinned.
#[derive(Clone, Debug)]
pub struct LockedTools {
    /// The request.
    pub spec: ToolsSpec,
    /// The answer.
    pub lock: ToolsLock,
    /// SHA-256 of the lock as it is written.
    pub lock_sha256: String,
}

impl LockedTools {
    fn new(spec: ToolsSpec, lock: ToolsLock) -> Self {
        Self {
            lock_sha256: lock.sha256(),
            spec,
            lock,
        }
    }

    /// The tools as a bundle's evidence lists them.
    fn evidence(&self) -> kindling_evidence::Tools<'_> {
        kindling_evidence::Tools {
            name: &self.spec.name,
            lock_sha256: &self.lock_sha256,
            distribution: &self.spec.distribution.value,
            release: self.spec.suites.first().map_or("", |suite| &suite.value),
            packages: &self.lock.packages,
        }
    }

    /// The stage whose result is the root of these tools.
    pub(crate) fn stage(&self, name: &'static str) -> Stage {
        let mut key = Hasher::new();
        key.field(kindling_debian_root::CODE).field(self.content());
        Stage::new(name, key.finish())
    }

    /// Hash of the packages and links: with the same, a work folder can be gone on with.
    pub fn content(&self) -> String {
        let mut content = Hasher::new();
        for package in &self.lock.packages {
            content.field(&package.name).field(&package.sha256);
        }
        for (name, target) in &self.spec.links {
            content.field("link").field(name).field(target);
        }
        content.finish()
    }

    /// The path of the lock.
    pub fn lock_path(&self) -> PathBuf {
        crate::lock::path(&self.spec.path)
    }
}

/// The tools that a recipe's stages need.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    /// Where Linux is compiled.
    pub linux: Option<LockedTools>,
    /// Where programs of the guest are.
    pub rust: Option<LockedTools>,
}

impl Tools {
    /// Locks the tools that the recipe needs. Where its own packages are asked for anew, tools stay as they are pinned, as
    /// far as the archive has them.
    ///
    /// # Errors
    /// As [`resolve`].
    pub fn of(
        recipe: &Recipe,
        policy: &Policy,
        sources: &Sources<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Self> {
        let policy = match policy {
            Policy::Update | Policy::UpdateOnly(_) => &Policy::Keep,
            other => other,
        };
        let compiles = !matches!(recipe.kernel.source, KernelSource::Image(_));
        let linux = compiles.then(|| resolve(LINUX, policy, sources, reporter));
        let programs = recipe.initramfs == Initramfs::Minimal
            || recipe.rootfs.agent
            || !recipe.rootfs.programs.is_empty();
        let rust = programs.then(|| resolve(RUST, policy, sources, reporter));
        Ok(Self {
            linux: linux.transpose()?,
            rust: rust.transpose()?,
        })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &LockedTools> {
        self.linux.iter().chain(&self.rust)
    }

    /// The tools as a bundle's evidence lists them.
    pub(crate) fn evidence(&self) -> Vec<kindling_evidence::Tools<'_>> {
        self.iter().map(LockedTools::evidence).collect()
    }
}
