//! The folders that a build reads and writes.

use std::path::{Path, PathBuf};

use kindling_base::{Error, Result, files};

/// The checkout that holds recipes, fragments, overlays and the initramfs program.
#[derive(Clone, Debug)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// Finds the project from `start` upwards, by its folders `recipes` and `kernel-config`.
    ///
    /// # Errors
    /// No folder from `start` to the root is one.
    pub fn find(start: &Path) -> Result<Self> {
        let start = files::absolute(start)?;
        start
            .ancestors()
            .find(|folder| folder.join("recipes").is_dir() && folder.join("kernel-config").is_dir())
            .map(|root| Self {
                root: root.to_owned(),
            })
            .ok_or_else(|| {
                Error::user(format!(
                    "{} is not inside a Kindling project",
                    start.display()
                ))
                .hint("run this from the checkout: the folder with `recipes/` and `kernel-config/`")
            })
    }

    /// The checkout.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Recipes, their locks and keyrings.
    pub fn recipes(&self) -> PathBuf {
        self.root.join("recipes")
    }

    /// Public keys of the archives.
    pub fn keyrings(&self) -> PathBuf {
        self.root.join("recipes/keyrings")
    }

    /// Kernel configuration fragments.
    pub fn kernel_config(&self) -> PathBuf {
        self.root.join("kernel-config")
    }

    /// Trees laid over the root filesystem.
    pub fn overlays(&self) -> PathBuf {
        self.root.join("rootfs-overlays")
    }

    /// Crates, those of programs for the guest among them.
    pub fn programs(&self) -> PathBuf {
        self.root.join("crates")
    }

    /// The source of PID 1.
    pub fn initramfs(&self) -> PathBuf {
        self.root.join("initramfs")
    }

    /// The source of the guest's agent.
    pub fn agent(&self) -> PathBuf {
        self.root.join("crates/agent")
    }

    /// The source of the protocol that the agent is compiled with.
    pub fn protocol(&self) -> PathBuf {
        self.root.join("crates/protocol")
    }

    /// Where bundles appear unless another folder is named.
    pub fn out(&self) -> PathBuf {
        self.root.join("out")
    }
}
