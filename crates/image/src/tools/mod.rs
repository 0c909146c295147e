//! Build tools: the lists in `tools/`, each locked, and the key of the root that their packages make.

mod lock;
mod resolve;

use std::path::PathBuf;

use kindling_base::hash::Hasher;
use kindling_base::{Reporter, Result};
use kindling_recipe::{KernelSource, Recipe, ToolsSpec};

use crate::resolve::{Policy, Sources};
use crate::stage::{self, Stage};

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
}

impl LockedTools {
    /// The stage whose result is the root of these tools.
    pub fn stage(&self) -> Stage {
        let mut key = Hasher::new();
        key.field(kindling_debian_root::CODE);
        for package in &self.lock.packages {
            key.field(&package.name).field(&package.sha256);
        }
        for (name, target) in &self.spec.links {
            key.field("link").field(name).field(target);
        }
        Stage::new(stage::TOOLS, key.finish())
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
        Ok(Self {
            linux: linux.transpose()?,
        })
    }
}
