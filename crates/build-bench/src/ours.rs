//! Our way: `build-image` in a project and a store of its own.

use std::path::{Path, PathBuf};

use kindling_base::{Command, Context, Result, files};
use kindling_image::plan::stage;
use kindling_store::Store;

use crate::Subject;

/// Lies in an overlay of every recipe; its content is nobody's business but the bench's.
const EDITED: &str = "rootfs-overlays/base/etc/kindling-bench";

/// The recipe with one package more, a small one that no other has.
const MORE: &str = "bench-one-package-more";
const PACKAGE: &str = "hello";

/// A copy of the project, and a store that has all but packages and image.
pub(crate) struct Ours {
    program: PathBuf,
    recipe: String,
    folder: PathBuf,
}

impl Ours {
    pub(crate) fn prepare(subject: &Subject<'_>, folder: &Path) -> Result<Self> {
        files::create_dir_all(folder)?;
        for part in [
            "recipes",
            "kernel-config",
            "rootfs-overlays",
            "initramfs/src",
            "crates/agent/src",
            "crates/protocol/src",
        ] {
            let to = folder.join(part);
            files::create_dir_all(to.parent().unwrap_or(folder))?;
            Command::new("cp")
                .arg("-a")
                .arg(subject.project.root().join(part))
                .arg(&to)
                .run()?;
        }
        for file in [
            "initramfs/Cargo.toml",
            "initramfs/Cargo.lock",
            "initramfs/build.rs",
            "crates/agent/Cargo.toml",
            "crates/agent/Cargo.lock",
            "crates/protocol/Cargo.toml",
        ] {
            let from = subject.project.root().join(file);
            files::copy(&from, &folder.join(file), 0o644)?;
        }
        let store = Store::open(&folder.join("store"))?;
        for package in subject.locked.lock.debs() {
            if let Some(blob) = subject.store.blob(&package.sha256) {
                store.adopt_blob(&package.sha256, &blob)?;
            }
        }
        let made = [
            (stage::KERNEL, Some(&subject.plan.kernel)),
            (stage::INITRAMFS, subject.plan.initramfs.as_ref()),
            (stage::AGENT, subject.plan.agent.as_ref()),
        ];
        for (stage, key) in made {
            if let Some((key, path)) =
                key.and_then(|key| Some((key, subject.store.stage(stage, key)?)))
            {
                store.adopt_stage(stage, key, &path)?;
            }
        }
        Ok(Self {
            program: subject.program.to_owned(),
            recipe: subject.locked.recipe.name.clone(),
            folder: folder.to_owned(),
        })
    }

    /// Forgets packages and image.
    pub(crate) fn clear(&self) -> Result<()> {
        for part in [
            "out",
            "store/stages/packages",
            "store/stages/rootfs",
            "store/stages/lint",
        ] {
            files::remove(&self.folder.join(part))?;
        }
        Ok(())
    }

    /// Edits one file of an overlay.
    pub(crate) fn edit(&self, round: usize) -> Result<()> {
        let path = self.folder.join(EDITED);
        std::fs::write(&path, format!("round {round}\n"))
            .context(format!("cannot write {}", path.display()))
    }

    /// Makes the recipe with one package more, its lock and its download.
    pub(crate) fn prepare_more(&self) -> Result<()> {
        let recipes = self.folder.join("recipes");
        let text = format!(
            "extends = \"{}\"\n\n[rootfs]\npackages = [\"{PACKAGE}\"]\n",
            self.recipe
        );
        files::write(&recipes.join(format!("{MORE}.toml")), text.as_bytes())?;
        let lock = recipes.join(format!("{}.lock", self.recipe));
        files::copy(&lock, &recipes.join(format!("{MORE}.lock")), 0o644)?;
        self.run(&["lock", MORE])?;
        self.build_more()
    }

    /// Builds the recipe with one package more.
    pub(crate) fn build_more(&self) -> Result<()> {
        self.run(&["build-image", MORE, "--locked"])
    }

    pub(crate) fn build(&self) -> Result<()> {
        self.run(&["build-image", &self.recipe, "--locked"])
    }

    /// `cargo xtask ARGUMENTS` in the project and the store of its own.
    fn run(&self, arguments: &[&str]) -> Result<()> {
        let command = Command::new(&self.program).directory(&self.folder);
        let command = command.args(arguments);
        let command = command.args(["--quiet", "--no-install", "--store"]);
        let command = command.arg(self.folder.join("store"));
        // What the toolchain and mirrors of this machine are.
        std::env::vars_os()
            .fold(command, |command, (name, value)| command.env(name, value))
            .run()
            .map(drop)
    }
}
