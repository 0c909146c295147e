//! Our way: `build-image` in a project and a store of its own.

use std::path::{Path, PathBuf};

use kindling_base::{Command, Context, Result, files};
use kindling_image::plan::stage;
use kindling_store::Store;

use crate::Subject;

/// Lies in an overlay of every recipe; its content is nobody's business but the bench's.
const EDITED: &str = "rootfs-overlays/base/etc/kindling-bench";

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
        ] {
            let to = folder.join(part);
            files::create_dir_all(to.parent().unwrap_or(folder))?;
            Command::new("cp")
                .arg("-a")
                .arg(subject.project.root().join(part))
                .arg(&to)
                .run()?;
        }
        for file in ["Cargo.toml", "Cargo.lock", "build.rs"] {
            let from = subject.project.initramfs().join(file);
            files::copy(&from, &folder.join("initramfs").join(file), 0o644)?;
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
        for part in ["out", "store/stages/packages", "store/stages/rootfs"] {
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

    pub(crate) fn build(&self) -> Result<()> {
        let command = Command::new(&self.program).directory(&self.folder);
        let command = command.args([
            "build-image",
            &self.recipe,
            "--locked",
            "--quiet",
            "--no-install",
            "--store",
        ]);
        let command = command.arg(self.folder.join("store"));
        // What the toolchain and mirrors of this machine are.
        std::env::vars_os()
            .fold(command, |command, (name, value)| command.env(name, value))
            .run()
            .map(drop)
    }
}
