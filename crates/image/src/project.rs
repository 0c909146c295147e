//! The folders that a build reads and writes.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Result, files};

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

    /// Lists of build tools and their locks.
    pub fn tools(&self) -> PathBuf {
        self.root.join("tools")
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

    /// Where bundles appear unless another folder is named.
    pub fn out(&self) -> PathBuf {
        self.root.join("out")
    }

    /// Copies all that a build reads, and more: the checkout without history and without what was built, so that
    /// `to` is a project whose stages have the same keys. Modes stay, times do not.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn copy_to(&self, to: &Path) -> Result<Self> {
        copy(&self.root, to)?;
        Ok(Self {
            root: files::absolute(to)?,
        })
    }
}

/// Folders of a checkout that hold what was built, or how it came to be.
const NOT_SOURCES: [&str; 3] = ["target", "out", ".git"];

fn copy(from: &Path, to: &Path) -> Result<()> {
    files::create_dir_all(to)?;
    for path in files::list(from)? {
        let Some(name) = path.file_name() else {
            continue;
        };
        let copied = to.join(name);
        let what = || format!("cannot copy {}", path.display());
        let about = path.symlink_metadata().context(what())?;
        if about.is_symlink() {
            let target = path.read_link().context(what())?;
            symlink(target, &copied).context(what())?;
        } else if about.is_file() {
            files::copy(&path, &copied, about.permissions().mode() & 0o777)?;
        } else if about.is_dir() && !NOT_SOURCES.iter().any(|built| name == *built) {
            copy(&path, &copied)?;
            files::set_mode(&copied, about.permissions().mode() & 0o777)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_what_a_build_reads_and_nothing_that_was_built() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("checkout");
        for part in [
            "recipes",
            "kernel-config",
            "crates/a/target",
            "out/b",
            ".git",
        ] {
            files::create_dir_all(&root.join(part)).unwrap();
        }
        files::write(&root.join("recipes/a.toml"), b"[image]").unwrap();
        files::set_mode(&root.join("recipes/a.toml"), 0o750).unwrap();
        files::write(&root.join("out/b/rootfs.ext4"), b"large").unwrap();
        symlink("/dev/null", root.join("recipes/masked")).unwrap();

        let copied = Project::find(&root)
            .unwrap()
            .copy_to(&folder.path().join("copy"))
            .unwrap();
        let below = |part: &str| copied.root().join(part);
        assert_eq!(files::read(&below("recipes/a.toml")).unwrap(), b"[image]");
        assert_eq!(
            files::metadata(&below("recipes/a.toml"))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o750
        );
        assert_eq!(
            below("recipes/masked").read_link().unwrap(),
            Path::new("/dev/null")
        );
        assert!(below("crates/a").is_dir());
        for built in ["crates/a/target", "out", ".git"] {
            assert!(!below(built).exists(), "{built}");
        }
    }
}
